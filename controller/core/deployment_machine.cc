#include "controller/core/deployment_machine.h"

#include <array>

#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/start_pace.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

struct Step {
  std::string_view from;
  Happening what;
  std::string_view to;
};

using enum Happening;

constexpr std::array steps = {
    Step{states::pending, issued, states::issued},
    Step{states::pending, recalled, states::cancelled},
    // A restored controller may not remember that it handed the order out; the agent does.
    Step{states::pending, taken, states::running},
    Step{states::pending, progressed, states::running},
    // Nor may anybody else remember, when the site's journal is lost as well.
    Step{states::pending, lost, states::indeterminate},

    Step{states::issued, taken, states::running},
    Step{states::issued, progressed, states::running},
    Step{states::issued, refused, states::failed},
    Step{states::issued, cancel_asked, states::cancelling},
    Step{states::issued, never_seen, states::pending},
    Step{states::issued, lost, states::indeterminate},

    Step{states::running, refused, states::failed},
    Step{states::running, cancel_asked, states::cancelling},
    Step{states::running, cancel_granted, states::cancelled},
    Step{states::running, lost, states::indeterminate},

    Step{states::cancelling, refused, states::failed},
    Step{states::cancelling, cancel_granted, states::cancelled},
    Step{states::cancelling, cancel_late, states::running},
    Step{states::cancelling, never_seen, states::cancelled},
    Step{states::cancelling, lost, states::indeterminate},
};

/// Ends that an agent reports hold from every open state.
constexpr std::optional<std::string_view> reported_end(Happening what) {
  switch (what) {
    case succeeded:
      return states::succeeded;
    case unproven:
      return states::unproven;
    case failed:
      return states::failed;
    case cancelled:
      return states::cancelled;
    case indeterminate:
      return states::indeterminate;
    default:
      return std::nullopt;
  }
}

/// An agent of the same site may come back that did otherwise.
void note_untouched_end(Work& work, const rest::Deployment& ended) {
  const auto order = work.ledger.inner().orders.find(ended.id());
  const bool handed_out = order != work.ledger.inner().orders.end() && order->second.command_seq() != 0;
  SiteLink* link = work.link(ended.site());
  if (handed_out && link != nullptr && action_of(ended).wipes && says_untouched(ended))
    link->note_untouched_end(ended.id(), work.mesh().last_event);
}

}  // namespace

std::optional<std::string_view> next_state(std::string_view state, Happening what) {
  if (what == disproved) return is_open(state) ? std::nullopt : std::optional(states::running);
  if (what == doubted) return is_open(state) ? std::nullopt : std::optional(states::indeterminate);
  if (!is_open(state)) return std::nullopt;
  if (const auto end = reported_end(what)) return end;
  for (const Step& step : steps) {
    if (step.from == state && step.what == what) return step.to;
  }
  return std::nullopt;
}

bool move_deployment(Work& work, const std::string& id, Happening what,
                     const std::function<void(rest::Deployment&)>& edit) {
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  const auto next = next_state(deployment.state(), what);
  if (!next && !is_open(deployment.state())) return false;
  const bool began = next && is_in_flight(*next) && !is_in_flight(deployment.state());
  work.ledger.change_deployment(id, [&](rest::Deployment& changed) {
    if (next) changed.set_state(std::string(*next));
    if (edit) edit(changed);
    keep_to_nature(changed);
    if (!next) return;
    if (is_open(*next)) {
      changed.clear_ended();
      changed.set_keeps_place(false);
    } else {
      *changed.mutable_ended() = to_wire(work.now.wall());
    }
  });
  if (!next) return true;
  work.moved = true;
  if (is_open(*next)) {
    if (began && work.mesh().servers.contains(deployment.server()))
      action_of(deployment).handed_out(work, deployment);
  } else {
    ++work.metrics.deployments_ended;
    action_of(deployment).ended(work, deployment);
    count_end(work, deployment);
    note_untouched_end(work, deployment);
    // A person who resolves it will want to know what had been ordered, a fact that disproves it, too.
    const bool unclear = *next == states::indeterminate || *next == states::unproven;
    if (!unclear && !work.mesh().fences.contains(id)) work.ledger.erase_order(id);
  }
  return true;
}

}  // namespace metalmesh::controller
