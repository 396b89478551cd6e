#include "controller/core/order_call_back.h"

#include <algorithm>
#include <vector>

#include "common/base/planted.h"
#include "controller/core/actions/actions.h"
#include "controller/core/restore_hold.h"
#include "controller/core/rollout_runner.h"
#include "controller/core/server_phases.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

constexpr char condition[] = "Recalled";

/// How far the order is, as a row of the table below.
enum class Reach { not_handed_out, asked, not_asked, too_late };

struct Words {
  Reach reach;
  const char* status;
  const char* reason;
  const char* message;
};
constexpr Words table[] = {
    {Reach::not_handed_out, "True", "NOT_HANDED_OUT", " had not been handed out: it is called back"},
    {Reach::asked, "Unknown", "NOT_CONFIRMED",
     " is under way: the cancel is sent, but not fenced yet: until its site confirms, the server may still "
     "be wiped"},
    {Reach::not_asked, "Unknown", "NOT_ASKED",
     " is under way, and its site takes no commands now: it is cancelled as soon as the site is heard; until "
     "then the server may still be wiped"},
    {Reach::too_late, "False", "TOO_LATE", " cannot be called back: too late, its installer is running"},
};

const Words& words_of(Reach reach) { return *std::ranges::find(table, reach, &Words::reach); }

Reach reach_after_call(Work& work, const std::string& id, const std::string& reason) {
  const rest::Deployment& open = work.mesh().deployments.at(id);
  const SiteLink* link = work.link(open.site());
  // A store that went back may have forgotten that it was handed out; only the site can say.
  if (open.state() == states::pending && known_unissued(work, open.site())) {
    recall(work, id, reason, wire::CANCELLED_BY_OPERATOR);
    return Reach::not_handed_out;
  }
  if (open.launched()) return Reach::too_late;
  if (open.state() != states::cancelling) call_back(work, id, reason);
  return link != nullptr && link->can_command() ? Reach::asked : Reach::not_asked;
}

}  // namespace

std::string call_order_back(Work& work, const std::string& server, const std::string& reason) {
  if (planted(Defect::protect_recalls_nothing)) return {};
  const rest::Deployment* open = open_deployment(work.mesh(), work.mesh().servers.at(server));
  if (open == nullptr || !action_of(*open).wipes) return {};
  const std::string who = "deployment " + open->id() + " of rollout " + open->rollout();
  const Words& words = words_of(reach_after_call(work, open->id(), reason));
  work.ledger.change_server(server, [&](rest::Server& s) {
    set_condition(*s.mutable_status()->mutable_conditions(), condition, words.status, words.reason,
                  who + words.message, work.now);
  });
  return who + words.message;
}

void call_protected_back(Work& work) {
  std::vector<std::string> ids;
  for (const std::string& id : work.ledger.board().in_flight()) {
    const auto order = work.ledger.inner().orders.find(id);
    if (work.mesh().fences.contains(id) || order == work.ledger.inner().orders.end() ||
        order->second.command_seq() == 0)
      continue;
    const rest::Deployment& deployment = work.mesh().deployments.at(id);
    if (deployment.launched() || !action_of(deployment).wipes) continue;
    // An order over a lifted protection goes on when that time is over.
    if (work.ledger.is_guarded(deployment.server()) && !planted(Defect::protection_ignored))
      ids.push_back(id);
  }
  for (const std::string& id : ids)
    call_order_back(work, work.mesh().deployments.at(id).server(), "the server is protected by now");
}

void note_recall_ended(Work& work, const rest::Deployment& deployment) {
  const auto server = work.mesh().servers.find(deployment.server());
  if (server == work.mesh().servers.end()) return;
  const auto& conditions = server->second.status().conditions();
  const auto known = std::ranges::find(conditions, condition, &rest::Condition::type);
  if (known == conditions.end() || known->message().find(deployment.id()) == std::string::npos) return;
  const bool untouched = !may_have_wiped(deployment);
  work.ledger.change_server(deployment.server(), [&](rest::Server& s) {
    set_condition(*s.mutable_status()->mutable_conditions(), condition, untouched ? "True" : "False",
                  deployment.state(),
                  "deployment " + deployment.id() + " ended " + deployment.state() +
                      (untouched ? ": its disk is what it was" : ": its disk may have changed"),
                  work.now);
  });
}

}  // namespace metalmesh::controller
