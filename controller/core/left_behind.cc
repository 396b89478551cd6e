#include "controller/core/left_behind.h"

#include <ranges>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "controller/core/field_rules.h"
#include "controller/core/operator_acts.h"
#include "controller/core/sentences.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

void note(Work& work, const rest::Deployment& deployment, const std::string& message) {
  work.ledger.note(line_about(deployment, "leftover", message), work.now.wall());
}

/// The deployment that worked on its machine last, if it is known. An object that was made anew has none yet, and the
/// machine behind it remembers what is not settled.
const rest::Deployment* last_of(const Work& work, const std::string& server) {
  const auto known = work.mesh().servers.find(server);
  if (known == work.mesh().servers.end()) return nullptr;
  const auto& deployments = work.mesh().deployments;
  const rest::ServerStatus& status = known->second.status();
  if (const auto own = deployments.find(status.deployment()); own != deployments.end()) return &own->second;
  const record::Machine* machine = work.ledger.machines().find(status.machine());
  if (machine == nullptr) return nullptr;
  for (const auto& unsettled : machine->unresolved() | std::views::reverse) {
    if (const auto its = deployments.find(unsettled.deployment()); its != deployments.end())
      return &its->second;
  }
  return nullptr;
}

void wish(Work& work, const std::string& server, bool take_away) {
  record::InspectWish asked;
  asked.set_look_for_ours(true);
  asked.set_take_ours_away(take_away);
  work.ledger.put_wish(work.mesh().servers.at(server).spec().site(), server, std::move(asked));
}

}  // namespace

void look_for_ours(Work& work, const std::string& deployment) {
  const rest::Deployment& known = work.mesh().deployments.at(deployment);
  const auto server = work.mesh().servers.find(known.server());
  if (server == work.mesh().servers.end() || server->second.spec().site() != known.site() ||
      planted(Defect::leftovers_not_sought)) {
    return;
  }
  wish(work, known.server(), false);
}

void take_leftovers(Work& work, const std::string& server, const record::InspectWish& asked,
                    const wire::Inspected& seen) {
  if (!asked.look_for_ours()) return;
  const rest::Deployment* deployment = last_of(work, server);
  if (deployment == nullptr) return;
  const std::string id = deployment->id();
  const bool looked = !seen.has_fault() && seen.looked_for_ours();
  const std::string why = seen.has_fault() ? sentence(seen.fault()) : "the agent does not know how";
  work.ledger.change_deployment(id, [&](rest::Deployment& d) {
    d.clear_debts();
    for (const std::string& one : seen.ours()) d.add_debts(one);
    if (!looked) d.add_debts("whether a medium or boot override of ours is left there is not known: " + why);
  });
  if (!looked) {
    return note(work, *deployment,
                "what the agent that lost its folder left behind at " + server + " is not known: " + why +
                    ". Next: " + commands::clean(server));
  }
  std::string all;
  for (const std::string& one : seen.ours()) all += (all.empty() ? "" : "; ") + one;
  if (asked.take_ours_away())
    return note(work, *deployment,
                all.empty() ? "nothing of ours is left at " + server
                            : "what is left at " + server + " all the same: " + all);
  note(work, *deployment,
       all.empty() ? "the agent that lost its folder left nothing of ours behind at " + server
                   : "left behind at " + server + ": " + all +
                         ". An installer may still read it. When none runs there any more: " +
                         commands::clean(server));
}

ActResult act(Work& work, const CleanServer& request, const std::string&) {
  using rules::refusal;
  const auto server = work.mesh().servers.find(request.server);
  if (server == work.mesh().servers.end()) {
    return std::unexpected(refusal(ErrorKind::not_found, "server",
                                   "Server \"" + request.server.substr(0, 80) + "\" does not exist"));
  }
  if (request.reason.empty() || request.reason.size() > rules::note_limit) {
    return std::unexpected(refusal(ErrorKind::invalid, "reason",
                                   "a reason of 1 to 1024 bytes says why no installer runs there"));
  }
  const rest::Deployment* deployment = last_of(work, request.server);
  if (deployment == nullptr) {
    return std::unexpected(
        refusal(ErrorKind::conflict, "server", "nothing was ever ordered for server " + request.server));
  }
  if (is_open(deployment->state())) {
    return std::unexpected(refusal(
        ErrorKind::conflict, "server",
        "deployment " + deployment->id() + " is " + deployment->state() + ": its agent cleans up itself",
        "wait for its end, or: " + commands::cancel(deployment->id())));
  }
  wish(work, request.server, true);
  return Acted{false, "Server", request.server,
               "what is left of us at server " + request.server + " is taken away: " + request.reason};
}

}  // namespace metalmesh::controller
