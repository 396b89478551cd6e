// Widen a ceiling for a time; look at a server that was unprotected without an approver.
#include "common/ports/wire_time.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/server_acts.h"
#include "controller/core/start_pace.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

using rules::Verdict;

constexpr std::int64_t usual_widening = 2 * 3600;  // seconds
constexpr std::int64_t longest_widening = 24 * 3600;
constexpr std::uint32_t widest = 100'000;
constexpr std::size_t actor_limit = 128;

std::unexpected<Refusal> refused(ErrorKind kind, std::string field, std::string message,
                                 std::string next = {}) {
  return std::unexpected(rules::refusal(kind, std::move(field), std::move(message), std::move(next)));
}

Verdict may_widen(const Work& work, const WidenPace& request, const std::string& actor) {
  const bool of_site = request.kind == "site";
  if (!of_site && request.kind != "actor")
    return rules::refusal(ErrorKind::not_found, "kind", "ceilings are of a site or of an actor");
  if (of_site && !work.mesh().sites.contains(request.name))
    return rules::missing("name", "Site", request.name);
  if (request.name.empty() || request.name.size() > actor_limit)
    return rules::refusal(ErrorKind::invalid, "name", "a name of 1 to 128 bytes");
  if (!of_site && request.name == actor)
    return rules::refusal(ErrorKind::denied, "name", "nobody widens what limits herself",
                          "ask another approver, or do it on the controller's host, by its admin socket");
  const auto& limits = work.mesh().pace_limits;
  const std::uint32_t usual = of_site ? limits.per_site : limits.per_actor;
  if (request.per_hour != 0 && (request.per_hour < usual || request.per_hour > widest))
    return rules::refusal(
        ErrorKind::invalid, "perHour",
        "is between the usual ceiling, " + std::to_string(usual) + ", and " + std::to_string(widest));
  if (of_site && request.per_hour == 0) return rules::required("perHour", false);
  if (request.for_seconds < 0 || request.for_seconds > longest_widening)
    return rules::refusal(ErrorKind::invalid, "duration", "must be longer than 0 and at most 24 hours");
  return note_verdict("reason", request.reason, true);
}

}  // namespace

ActResult act(Work& work, const WidenPace& request, const std::string& actor) {
  if (auto bad = may_widen(work, request, actor)) return std::unexpected(std::move(*bad));
  const std::string whose = request.kind == "site" ? pace_of_site(request.name) : pace_of_actor(request.name);
  const auto found = work.mesh().paces.find(whose);
  record::StartPace pace = found == work.mesh().paces.end() ? record::StartPace() : found->second;
  const std::int64_t seconds = request.for_seconds == 0 ? usual_widening : request.for_seconds;
  const auto until = to_wire(work.now.wall() + std::chrono::seconds(seconds));
  pace.clear_failures();
  std::string told = "forgave what failed of " + request.name;
  if (request.per_hour != 0) {
    pace.set_widened_to(request.per_hour);
    *pace.mutable_widened_until() = until;
    pace.set_widened_by(actor);
    pace.set_widened_reason(request.reason);
    told = "widened the ceiling of " + request.kind + " " + request.name + " to " +
           std::to_string(request.per_hour) + " starts an hour until " + for_people(until);
  }
  work.ledger.put_pace(whose, std::move(pace));
  work.moved = true;
  return Acted{false, "", request.name, told + ": " + request.reason};
}

ActResult act(Work& work, const ApproveUnprotect& request, const std::string& actor) {
  const auto found = work.mesh().glass.find(request.server);
  if (found == work.mesh().glass.end())
    return refused(ErrorKind::not_found, "server",
                   "nobody unprotected server " + request.server.substr(0, 80) + " without an approver",
                   "metalmesh limits list");
  if (auto bad = note_verdict("note", request.note, true)) return std::unexpected(std::move(*bad));
  const std::string by = found->second.by();
  if (by == actor)
    return refused(ErrorKind::denied, "server", actor + " unprotected it: another approver has to look at it",
                   "or do it on the controller's host, by its admin socket");
  work.ledger.erase_glass(request.server);
  const bool is_there = work.mesh().servers.contains(request.server);
  return Acted{false, is_there ? "Server" : "", request.server,
               "looked at server " + request.server + ", which " + by + " had unprotected: " + request.note};
}

}  // namespace metalmesh::controller
