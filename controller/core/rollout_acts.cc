// Resolve or cancel a deployment.
#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/command_words.h"
#include "common/base/digest.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "common/text/utf8.h"
#include "controller/core/actions/actions.h"
#include "controller/core/actions/grounds.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/fences.h"
#include "controller/core/field_rules.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/operator_acts.h"
#include "controller/core/order_builder.h"
#include "controller/core/restore_hold.h"
#include "controller/core/rollout_planner.h"
#include "controller/core/rollout_runner.h"
#include "controller/core/sentences.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;

std::unexpected<Refusal> refuse(ErrorKind kind, std::string field, std::string message,
                                std::string next = {}) {
  return std::unexpected(refusal(kind, std::move(field), std::move(message), std::move(next)));
}

struct Resolution {
  const char* as;
  Happening happening;
  std::string_view state;
};
constexpr Resolution resolutions[] = {{"succeeded", Happening::succeeded, states::succeeded},
                                      {"failed", Happening::failed, states::failed},
                                      {"cancelled", Happening::cancelled, states::cancelled}};

/// By its id; or of a server the open one, one that nobody has decided, or the last.
std::expected<const rest::Deployment*, Refusal> deployment_named(const Work& work, const std::string& name) {
  const MeshState& mesh = work.mesh();
  const auto server = mesh.servers.find(name);
  std::string id = name;
  if (server != mesh.servers.end()) {
    const auto& status = server->second.status();
    const bool is_unclear = status.unresolved_size() > 0 && open_deployment(mesh, server->second) == nullptr;
    id = is_unclear ? status.unresolved(0) : status.deployment();
  }
  const auto found = mesh.deployments.find(id);
  if (found != mesh.deployments.end()) return &found->second;
  if (server != mesh.servers.end())
    return refuse(ErrorKind::not_found, "id", "server " + name + " has no deployment");
  return refuse(ErrorKind::not_found, "id", "deployment \"" + name.substr(0, 80) + "\" does not exist");
}

/// For the answer and the audit log, when a fence is owed.
std::string fence_words(const Work& work, const std::string& id) {
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  return deployment.fence() == fences::owed ? " (" + not_fenced_yet(deployment.site()) + ")" : std::string();
}

rules::Verdict may_resolve(const Work& work, const rest::Deployment& deployment,
                           const ResolveDeployment& request) {
  if (deployment.state() == states::pending && known_unissued(work, deployment.site())) {
    return refusal(ErrorKind::conflict, "", "deployment " + deployment.id() + " was not handed out yet",
                   commands::stop(deployment.rollout()));
  }
  const bool unclear = deployment.state() == states::unproven || deployment.state() == states::indeterminate;
  if (!is_open(deployment.state()) && !unclear) {
    return refusal(ErrorKind::conflict, "",
                   "deployment " + deployment.id() + " has ended: " + deployment.state());
  }
  if (request.as == "cancelled" && deployment.launched()) {
    return refusal(
        ErrorKind::conflict, "as",
        "deployment " + deployment.id() + " was launched: its disk may have changed, so it is not cancelled",
        "--as succeeded or --as failed");
  }
  return std::nullopt;
}

}  // namespace

ActResult act(Work& work, const ResolveDeployment& request, const std::string& actor) {
  const auto found = deployment_named(work, request.id);
  if (!found) return std::unexpected(found.error());
  const Resolution* resolution = std::ranges::find(resolutions, request.as, &Resolution::as);
  if (resolution == std::end(resolutions)) {
    return refuse(ErrorKind::invalid, "as",
                  "\"" + request.as.substr(0, 80) + "\" is not one of succeeded | failed | cancelled");
  }
  if (request.note.empty() || request.note.size() > rules::note_limit) {
    return refuse(ErrorKind::invalid, "note", "a note of 1 to 1024 bytes says how you know");
  }
  if (auto bad = may_resolve(work, **found, request)) return std::unexpected(std::move(*bad));

  const std::string id = (*found)->id();
  const std::string site = (*found)->site();
  const std::string from = (*found)->state();
  const auto decide = [&](rest::Deployment& d) {
    d.set_resolved_by(actor);
    d.set_resolved_note(request.note);
    d.set_resolved_from(from);
    if (request.as == "cancelled") d.set_disk(wire::DISK_UNTOUCHED);
    if (request.as == "succeeded") d.set_disk(wire::DISK_NEW_SYSTEM);
  };
  if (is_open(from)) {
    // The site must not act on it later, and until it says so it may be at work: the place stays taken.
    const SiteLink* link = work.link(site);
    if (!planted(Defect::resolve_owes_nothing)) {
      owe_fence(work, id, "resolved by " + actor + " as " + request.as,
                link == nullptr ? std::string() : link->event_journal());
    }
    move_deployment(work, id, resolution->happening, [&](rest::Deployment& d) {
      decide(d);
      d.set_keeps_place(from != states::pending && d.fence() == fences::owed &&
                        !planted(Defect::resolve_frees_place));
    });
    serve_fences(work, site);
  } else {
    work.ledger.change_deployment(id, [&](rest::Deployment& d) {
      decide(d);
      d.set_state(std::string(resolution->state));
      keep_to_nature(d);
    });
    work.moved = true;
    // The site may keep its medium for an installer that may still run: this is the word that it may go.
    if (from == states::indeterminate) call_back(work, id, "resolved by " + actor + " as " + request.as);
    const rest::Deployment& decided = work.mesh().deployments.at(id);
    action_of(decided).ended(work, decided);
    if (!work.mesh().fences.contains(id)) work.ledger.erase_order(id);
  }
  return Acted{false, "Deployment", id,
               "resolved deployment " + id + " from " + from + " as " + request.as + fence_words(work, id) +
                   ": " + request.note};
}

ActResult act(Work& work, const CancelDeployment& request, const std::string& actor) {
  const auto found = deployment_named(work, request.id);
  if (!found) return std::unexpected(found.error());
  const rest::Deployment& deployment = **found;
  const std::string id = deployment.id();
  if (request.reason.empty() || request.reason.size() > rules::note_limit)
    return refuse(ErrorKind::invalid, "reason", "a reason of 1 to 1024 bytes goes into the audit log");
  if (!is_open(deployment.state())) {
    return refuse(ErrorKind::conflict, "", "deployment " + id + " has ended: " + deployment.state());
  }
  if (deployment.launched()) {
    return refuse(ErrorKind::conflict, "",
                  "deployment " + id + " is launched: its disk is being written, so it goes on",
                  "metalmesh describe server " + deployment.server());
  }
  if (!action_of(deployment).changes && deployment.state() != states::pending) {
    return refuse(ErrorKind::conflict, "",
                  "deployment " + id + " only reads, and its site has it: it runs to its end",
                  commands::watch(deployment.rollout()));
  }
  const std::string why = "cancelled by " + actor + ": " + request.reason;
  if (deployment.state() == states::pending) {
    if (!known_unissued(work, deployment.site())) {
      return refuse(
          ErrorKind::unavailable, "",
          "site " + deployment.site() +
              " was not heard since this controller started, or has forgotten what it was told: whether it "
              "has "
              "the order is not known",
          "wait for the site, or metalmesh deployment resolve " + id + " --as cancelled --note ...");
    }
    recall(work, id, why, wire::CANCELLED_BY_OPERATOR);
  } else {
    call_back(work, id, why);
  }
  return Acted{false, "Deployment", id,
               "cancelled deployment " + id + fence_words(work, id) + ": " + request.reason};
}

}  // namespace metalmesh::controller
