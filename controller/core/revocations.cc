#include "controller/core/revocations.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/ports/wire_time.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

constexpr Duration longest_notice = std::chrono::days(30);

rest::Alarm alarm(std::string code, std::string what) {
  rest::Alarm alarm;
  alarm.set_code(std::move(code));
  alarm.set_what(std::move(what));
  alarm.set_next(commands::renew_revocations() +
                 " where the authority's key is, then copy crl.pem to the broker and send it a HUP");
  return alarm;
}

std::string code_of(const std::optional<rest::Alarm>& alarm) { return alarm ? alarm->code() : std::string(); }

}  // namespace

std::optional<rest::Alarm> alarm_of(const RevocationsRead& list, WallTime now) {
  if (!list.unreadable.empty())
    return alarm("REVOCATIONS_UNREADABLE",
                 "the list of revoked certificates cannot be read, and nobody knows "
                 "when brokers will refuse newcomers by it: " +
                     list.unreadable);
  const std::string until = for_people(to_wire(list.until));
  if (now >= list.until)
    return alarm("REVOCATIONS_STALE", "the list of revoked certificates ended " + until +
                                          ": a broker that reads it refuses every newcomer, this controller "
                                          "too; who is connected stays");
  const Duration notice = std::min(longest_notice, Duration(list.until - list.from) / 3);
  if (now < list.until - notice) return std::nullopt;
  return alarm("REVOCATIONS_END_SOON", "the list of revoked certificates ends " + until +
                                           ": from then on brokers refuse every newcomer");
}

void watch_revocations(Work& work) {
  const MeshState& mesh = work.mesh();
  if (!mesh.revocations) return;
  auto raised = alarm_of(*mesh.revocations, work.now.wall());
  if (code_of(raised) != code_of(mesh.revocations_alarm)) {
    rest::LogEvent line;
    line.set_type("alarm");
    line.set_message(raised ? raised->what() + "; next: " + raised->next()
                            : "the list of revoked certificates is good until " +
                                  for_people(to_wire(mesh.revocations->until)));
    work.ledger.note(std::move(line), work.now.wall());
  }
  work.ledger.set_revocations_alarm(std::move(raised));
}

}  // namespace metalmesh::controller
