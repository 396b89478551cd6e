// What people see of a plan that is made, beside who is in it: its waves, warnings, pages.
#include <algorithm>
#include <utility>

#include "common/ports/wire_time.h"
#include "common/text/glob.h"
#include "controller/core/rollout_planner.h"
#include "controller/core/selection.h"
#include "controller/core/window_words.h"
#include "controller/state/plan_pages.h"

namespace metalmesh::controller {

void PlanMaking::tell_waves() {
  rest::Plan& plan = planned_.shown;
  const auto& waves = waves_->waves();
  for (std::size_t i = 0; i < waves.size(); ++i) {
    // Who is left over is a wave only when there is somebody.
    const bool is_wanted = i < static_cast<std::size_t>(rollout_.spec().waves_size()) || waves.size() == 1;
    if (in_waves_[i].empty() && !is_wanted) continue;
    rest::PlanWave& wave = *plan.add_waves();
    wave.set_number(static_cast<std::uint32_t>(i + 1));
    wave.set_name(waves[i].name());
    wave.set_servers(static_cast<std::uint32_t>(in_waves_[i].size()));
    if (i + 1 < waves.size()) wave.set_gate(gate_words(gate_of(waves[i].gate())));
    if (in_waves_[i].empty() && !in_.empty())
      plan.add_warnings("wave " + std::to_string(i + 1) + " (" + waves[i].name() + ") has no server" +
                        (i == 0 ? ": the next one goes without a canary" : ""));
  }
  if (!waves_->prefers()) return;
  for (const auto& one : in_waves_.front()) plan.add_first(one->first);
}

/// What people see beside servers and digest.
void PlanMaking::show() {
  rest::Plan& plan = planned_.shown;
  *plan.mutable_expires() = to_wire(now_.wall() + plan_lifetime);
  plan.set_server_count(static_cast<std::uint32_t>(plan.servers_size()));
  plan.set_excluded_count(static_cast<std::uint32_t>(plan.excluded_size()));
  for (const auto& [site, count] : figures_.sites) {
    const auto found = mesh_.sites.find(site);
    if (found != mesh_.sites.end() && found->second.status().connected()) continue;
    plan.add_warnings("site " + site + " is silent: its " + std::to_string(count) + " servers " +
                      (rollout_.spec().offline() == "startUntil" ? "start when it comes back in time"
                                                                 : "wait until it is heard again"));
  }
  if (plan.servers_size() == 0) plan.add_warnings("no server is selected: there is nothing to start");
  // Patterns without effect.
  const rest::Selection& select = rollout_.spec().select();
  for (const std::string& pattern : select.sites()) {
    if (std::ranges::none_of(mesh_.sites,
                             [&](const auto& entry) { return glob_matches(pattern, entry.first); }))
      plan.add_warnings("select.sites: \"" + pattern + "\" matches no site");
  }
  for (const std::string& pattern : select.exclude()) {
    if (spare_nobody_.contains(pattern))
      plan.add_warnings("select.exclude: \"" + pattern + "\" matches none of the selected servers");
  }
  planning_->show(plan, figures_);
  for (std::string& warning : window_warnings(mesh_, rollout_.spec(), plan, figures_.sites, now_))
    plan.add_warnings(std::move(warning));
}

/// Cuts what is shown of its servers into pages, the last one first; they stay in the plan as well when they are few.
void PlanMaking::page(std::size_t servers) {
  rest::Plan& plan = planned_.shown;
  if (cursor_.empty()) {
    planned_.pages.resize(plan_pages(plan));
    pages_left_ = planned_.pages.size();
    cursor_ = "pages";
  }
  const std::size_t of_servers = plan_pages(plan.server_count());
  rest::Plan few;
  if (!is_long(plan)) few = plan;
  const auto cut = [](auto& entries, std::size_t before, auto& page) {
    while (static_cast<std::size_t>(entries.size()) > before) page.AddAllocated(entries.ReleaseLast());
    std::reverse(page.pointer_begin(), page.pointer_end());
  };
  for (std::size_t cut_now = 0; pages_left_ > 0 && cut_now < servers; cut_now += plan_page_most) {
    rest::PlanPage& page = planned_.pages[--pages_left_];
    page.set_digest(plan.digest());
    if (pages_left_ < of_servers) {
      cut(*plan.mutable_servers(), pages_left_ * plan_page_most, *page.mutable_servers());
    } else {
      cut(*plan.mutable_excluded(), (pages_left_ - of_servers) * plan_page_most, *page.mutable_excluded());
    }
  }
  if (!is_long(plan)) plan = std::move(few);
  if (pages_left_ > 0) return;
  cursor_.clear();
  phase_ = Phase::made;
}

}  // namespace metalmesh::controller
