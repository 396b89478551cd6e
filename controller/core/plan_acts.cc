#include "controller/core/plan_acts.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/field_rules.h"
#include "controller/core/start_pace.h"
#include "controller/state/plan_pages.h"
#include "controller/state/rollout_states.h"

namespace metalmesh::controller {
namespace {

using rules::refusal;
using rules::Verdict;

constexpr Duration inspection_ages_after = std::chrono::minutes(10);

Refusal no_such(const std::string& name) {
  return refusal(ErrorKind::not_found, "rollout", "Rollout \"" + name.substr(0, 80) + "\" does not exist");
}

Verdict may(const Work& work, const PlanRollout& request, const Starter&) {
  const auto found = work.mesh().rollouts.find(request.rollout);
  if (found == work.mesh().rollouts.end()) return no_such(request.rollout);
  if (is_before_start(state_of(found->second))) return std::nullopt;
  return refusal(
      ErrorKind::conflict, "",
      "rollout " + request.rollout + " is " + found->second.status().state() + ": its plan is frozen");
}

Verdict may(const Work& work, const StartRollout& request, const Starter& starter) {
  const std::string& name = request.rollout;
  const auto found = work.mesh().rollouts.find(name);
  if (found == work.mesh().rollouts.end()) return no_such(name);
  const rest::Rollout& rollout = found->second;
  const RolloutState state = state_of(rollout);
  if (state == RolloutState::draft)
    return refusal(ErrorKind::conflict, "plan", "rollout " + name + " has no plan", plan_again(name));
  if (state != RolloutState::planned)
    return refusal(ErrorKind::conflict, "",
                   "rollout " + name + " is " + rollout.status().state() + " already");
  if (auto bad = may_start_anything(work)) return bad;
  if (request.until) {
    if (auto bad = check_until(work, *request.until, work.now.wall(), name)) return bad;
  }
  if (const auto why = burst_stopped(work.mesh(), work.now, starter.actor, rollout))
    return refusal(ErrorKind::conflict, "", "nothing more of this is started now: " + *why,
                   "correct the profile, which makes another version of it, or have an approver look at the "
                   "failures and "
                   "run metalmesh limits widen actor " +
                       starter.actor + " --reason TEXT");
  const rest::Plan& plan = rollout.status().plan();
  if (request.plan != plan.digest()) {
    return refusal(
        ErrorKind::conflict, "plan",
        "plan " + request.plan.substr(0, 64) + " is not the rollout's plan, which is " + plan.digest(),
        "look at the present plan, then start with its digest");
  }
  if (request.confirm != plan.server_count()) {
    return refusal(ErrorKind::conflict, "confirm",
                   "confirmed " + std::to_string(request.confirm) + " servers, the plan has " +
                       std::to_string(plan.server_count()),
                   "if the plan is what you want: --confirm " + std::to_string(plan.server_count()));
  }
  if (plan.has_expires() && work.now.wall_low > from_wire(plan.expires()))
    return refusal(ErrorKind::conflict, "plan",
                   "the plan has expired: it was made more than " +
                       std::to_string(plan_lifetime / std::chrono::hours(1)) + " hours ago",
                   plan_again(name));
  if (plan.server_count() == 0)
    return refusal(ErrorKind::conflict, "plan", "the plan selects no server", plan_again(name));
  for (const rest::PlanServer& server : plan.servers()) {
    if (auto bad = in_its_way(work, server.name(), rollout)) return bad;
  }
  return std::nullopt;
}

/// "s3, s4 and 2 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t named_most = 5;
  std::string words;
  for (std::size_t i = 0; i < std::min(names.size(), named_most); ++i)
    words += (i == 0 ? "" : ", ") + names[i];
  return names.size() > named_most ? words + " and " + std::to_string(names.size() - named_most) + " more"
                                   : words;
}

/// Of plans that are short enough to be in their rollouts; of others how many there are.
std::string what_changed(const rest::Plan& before, const rest::Plan& now) {
  if (is_long(before) || is_long(now))
    return "it had " + std::to_string(before.server_count()) +
           " servers, or they are to become something else";
  std::map<std::string, std::uint32_t> waves;
  std::map<std::string, std::string> out;
  for (const rest::PlanServer& server : before.servers()) waves[server.name()] = server.wave();
  for (const rest::PlanExcluded& server : now.excluded()) out[server.name()] = server.reason();
  std::vector<std::string> in_now, moved, gone;
  for (const rest::PlanServer& server : now.servers()) {
    const auto planned = waves.extract(server.name());
    if (planned.empty()) {
      in_now.push_back(server.name());
    } else if (planned.mapped() != server.wave()) {
      moved.push_back(server.name());
    }
  }
  for (const auto& [name, wave] : waves) {
    const auto reason = out.find(name);
    gone.push_back(reason == out.end() ? name : name + " (" + reason->second + ")");
  }
  std::string words;
  const auto tell = [&](const std::vector<std::string>& names, const std::string& what) {
    if (!names.empty()) words += (words.empty() ? "" : "; ") + some_of(names) + what;
  };
  tell(gone, " would not take part any more");
  tell(in_now, " would take part, too");
  tell(moved, " would come in another wave");
  return words.empty() ? "what its servers hold or are to become has changed, or who is left out" : words;
}

const std::string& rollout_in(const PlanAct::Body& body) {
  return std::visit([](const auto& request) -> const std::string& { return request.rollout; }, body);
}

}  // namespace

std::optional<PlanAct::Body> PlanAct::body_of(const OperatorRequest& request) {
  if (const auto* plan = std::get_if<PlanRollout>(&request.body)) return *plan;
  if (const auto* start = std::get_if<StartRollout>(&request.body)) return *start;
  return std::nullopt;
}

PlanAct::PlanAct(const Work& work, Body body, Starter starter)
    : body_(std::move(body)),
      starter_(std::move(starter)),
      rollout_(rollout_in(body_)),
      making_(work.mesh(), work.rows, work.ledger.identities(), rollout_,
              std::holds_alternative<StartRollout>(body_)) {}

std::optional<ActResult> PlanAct::go_on(Work& work, std::size_t servers) {
  if (orders_) return make_orders(work, servers);
  if (auto bad = std::visit([&](const auto& request) { return may(work, request, starter_); }, body_))
    return std::unexpected(std::move(*bad));
  if (planned_) return store_page(work);
  const auto made = making_.go_on(work.now, servers);
  if (!made) return std::unexpected(made.error());
  if (!*made) return std::nullopt;
  if (const auto* request = std::get_if<StartRollout>(&body_)) return start(work, *request, servers);
  planned_ = making_.take();
  planned_->tree = {};
  if (is_long(planned_->shown)) return std::nullopt;
  for (const rest::PlanPage& page : planned_->pages) wish_inspections(work, page);
  return store_plan(work);
}

/// Power and identity age: what is looked at now serves the next plan.
void PlanAct::wish_inspections(Work& work, const rest::PlanPage& page) const {
  if (!action_of(work.mesh().rollouts.at(rollout_).spec()).changes) return;
  for (const rest::PlanServer& server : page.servers()) {
    const auto found = work.mesh().servers.find(server.name());
    if (found == work.mesh().servers.end()) continue;
    const auto seen_at = from_wire(found->second.status().inspected_at());
    const Duration age = work.now.wall() - seen_at;  // below zero: the clock was set
    if (age > inspection_ages_after || age < Duration::zero())
      wish_inspection(work, server.name(), AskedBy::plan);
  }
}

std::optional<ActResult> PlanAct::store_page(Work& work) {
  if (stored_ == planned_->pages.size()) return store_plan(work);
  const rest::PlanPage page = std::move(planned_->pages[stored_]);
  wish_inspections(work, page);
  making_.let_go(plan_page_most);
  work.ledger.put_plan_page(rollout_, stored_++, page);
  return std::nullopt;
}

ActResult PlanAct::store_plan(Work& work) {
  for (const std::string& server : planned_->to_inspect) {
    if (work.mesh().servers.contains(server)) wish_inspection(work, server, AskedBy::plan);
  }
  rest::Plan& plan = planned_->shown;
  const rest::RolloutSpec& spec = work.mesh().rollouts.at(rollout_).spec();
  if (is_paced(action_of(spec))) {
    for (std::string& warning : pace_warnings(work.mesh(), work.now, starter_.actor, making_.sites(),
                                              from_wire(spec.start_within())))
      plan.add_warnings(std::move(warning));
  }
  const std::string audit = "planned rollout " + rollout_ + ": " + std::to_string(plan.server_count()) +
                            " servers, " + std::to_string(plan.excluded_count()) + " excluded, digest " +
                            plan.digest();
  work.ledger.drop_plan_pages(rollout_, is_long(planned_->shown) ? stored_ : 0);
  work.ledger.change_rollout(rollout_, [&](rest::Rollout& rollout) {
    set_state(rollout, RolloutState::planned);
    *rollout.mutable_status()->mutable_plan() = std::move(plan);
  });
  return Acted{false, "Rollout", rollout_, audit};
}

std::optional<ActResult> PlanAct::start(Work& work, const StartRollout& request, std::size_t servers) {
  const rest::Plan& fresh = making_.shown();
  if (fresh.digest() != request.plan && !planted(Defect::stale_plan_started)) {
    const rest::Plan& before = work.mesh().rollouts.at(rollout_).status().plan();
    return std::unexpected(refusal(ErrorKind::conflict, "plan",
                                   "the plan is stale: " + what_changed(before, fresh) +
                                       "; planned now, it has " + std::to_string(fresh.server_count()) +
                                       " servers, and digest " + fresh.digest(),
                                   plan_again(rollout_)));
  }
  orders_.emplace(work, making_, rollout_, starter_);
  return make_orders(work, servers);
}

std::optional<ActResult> PlanAct::make_orders(Work& work, std::size_t servers) {
  if (auto bad = orders_->go_on(work, orders_at_once(work, servers))) return std::unexpected(std::move(*bad));
  if (!orders_->done()) return std::nullopt;
  return Acted{false, "Rollout", rollout_,
               "started rollout " + rollout_ + " with plan " + std::get<StartRollout>(body_).plan + " over " +
                   std::to_string(orders_->made()) + " servers"};
}

}  // namespace metalmesh::controller
