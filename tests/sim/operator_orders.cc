// What the operator orders: rollouts of installs, works beside them, and how they end by her word.
#include <algorithm>
#include <iterator>

#include "controller/state/deployment_states.h"
#include "tests/sim/named_object.h"
#include "tests/sim/operator.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;
using namespace controller;

constexpr unsigned most_rollouts = 6;
constexpr std::uint32_t bulk_parallel = 1000;

constexpr char thief[] = "thief";

bool is_stolen(const rest::Rollout& rollout) { return rollout.metadata().name().starts_with(thief); }

}  // namespace

void Operator::steal(ControllerCore& core, const Now& now, Outcome& out) {
  std::vector<decltype(OperatorRequest::body)> wants;
  for (const auto& [name, rollout] : core.state().rollouts) {
    if (!is_stolen(rollout)) continue;
    const std::string& state = rollout.status().state();
    const rest::Plan& plan = rollout.status().plan();
    if (state == "draft") wants.emplace_back(PlanRollout{name});
    if (state == "planned" && plan.server_count() > 0)
      wants.emplace_back(StartRollout{name, plan.digest(), plan.server_count()});
  }
  for (const auto& [name, server] : core.state().servers) {
    if (server.status().phase() != "ready" || !stolen_.insert(name).second) continue;
    auto rollout = named<rest::Rollout>("Rollout", std::string(thief) + "-" + name);
    auto& spec = *rollout.mutable_spec();
    spec.set_action("install");
    spec.mutable_select()->add_servers(name);
    spec.set_image("linux");
    spec.set_profile("base");
    spec.set_powered_on("force");
    spec.mutable_parallel()->set_total(1);
    spec.mutable_parallel()->set_per_site(swarm_.stalling ? 2 : bulk_parallel);
    spec.mutable_start_within()->set_seconds(std::chrono::seconds(2h).count());
    spec.mutable_stop_after()->set_after_wipe("100%");
    spec.mutable_stop_after()->set_before_wipe("100%");
    wants.emplace_back(Apply{rollout, {}});
  }
  for (auto& body : wants) {
    const OperatorRequest request{thief, "", std::move(body), "3fa9c1d20000"};
    take(request, core.operate(request, now, out));
  }
}

/// As people write it: a slip of the pen when they spare somebody; names beside a selection that cuts them.
void Operator::select_oddly(rest::Rollout& rollout) {
  auto& select = *rollout.mutable_spec()->mutable_select();
  if (habits_.chance(400) && sites_.size() > 1) {
    marks_.hit("servers were named that the sites cut");
    select.clear_sites();
    select.add_sites(sites_.front());
    for (const ServerToRegister& each : servers_) select.add_servers(each.name);
  }
  const ServerToRegister& spared = servers_[habits_.below(servers_.size())];
  const std::string& name = spared.name;
  const std::string slips[] = {name, name + "x", "the-" + name, name.substr(0, name.size() - 1), name + "-*"};
  select.add_exclude(slips[habits_.below(std::size(slips))]);
  marks_.hit("a server was to be spared");
  spared_[rollout.metadata().name()].insert(name);
}

void Operator::care_for_rollouts(ControllerCore& core, const Now& now, Outcome& out) {
  bool busy = false;
  std::vector<std::string> abort;
  std::vector<std::string> plan;
  std::vector<StartRollout> start;
  for (const auto& [name, rollout] : core.state().rollouts) {
    const std::string& state = rollout.status().state();
    if (rollout.spec().action() != "install") {
      const bool unwanted = state == "stopped" || (state == "running" && !resting_ && fingers_.chance(20));
      if (unwanted) abort.push_back(name);
      continue;
    }
    if (is_stolen(rollout)) {
      if (state == "stopped") abort.push_back(name);
      continue;
    }
    busy = busy || (state != "done" && state != "draft" && state != "planned");
    // Where she works in waves she looks at what failed first, and only sometimes gives it up.
    const bool gives_up = swarm_.waves == 0 || resting_ || gates_.chance(100);
    if ((state == "stopped" && gives_up) || (state == "running" && !resting_ && random_.chance(swarm_.abort)))
      abort.push_back(name);
    if (resting_) continue;
    if (state == "draft" || state.empty()) plan.push_back(name);
    const rest::Plan& drawn = rollout.status().plan();
    if (state == "planned" && drawn.servers_size() > 0) {
      start.push_back({name, drawn.digest(), static_cast<std::uint32_t>(drawn.servers_size())});
    } else if (state == "planned" && random_.chance(200)) {
      plan.push_back(name);
    }
  }
  for (const std::string& name : abort) {
    if (ask(core, now, out, StopRollout{name, "changed her mind"})) aborted_.insert(name);
  }
  if (swarm_.patient && core.state().hold) return;
  for (const std::string& name : plan) ask(core, now, out, PlanRollout{name});
  for (const StartRollout& request : start) ask(core, now, out, request);
  if (!busy && plan.empty() && start.empty() && !resting_ && rollouts_ < most_rollouts)
    begin_rollout(core, now, out);
}

void Operator::begin_rollout(ControllerCore& core, const Now& now, Outcome& out) {
  bool again = false;
  bool any = false;
  bool any_new = false;
  bool released = false;
  bool all_ready = true;
  for (const ServerToRegister& wanted : servers_) {
    const auto found = core.state().servers.find(wanted.name);
    if (found == core.state().servers.end()) continue;
    const std::string phase = found->second.status().phase();
    any = any || phase == "ready";
    any_new = any_new || (phase == "ready" && found->second.status().use() == "new");
    released = released || found->second.status().use() == "released";
    all_ready = all_ready && phase == "ready";
    if (wanted.precious) continue;
    if (swarm_.reinstalls && (phase == "installed" || phase == "failed" || phase == "unproven")) again = true;
  }
  if (!any && !again) return;
  if (swarm_.bulk && !all_ready) return;
  if (again) {
    for (const ServerToRegister& wanted : servers_) {
      const auto found = core.state().servers.find(wanted.name);
      if (!wanted.precious && found != core.state().servers.end() && found->second.status().use() != "inUse")
        ask(core, now, out, ProtectServer{wanted.name, false, "to be installed again", 0});
    }
  }
  auto rollout = named<rest::Rollout>("Rollout", "r" + std::to_string(++rollouts_));
  auto& spec = *rollout.mutable_spec();
  spec.set_action("install");
  spec.mutable_select()->add_sites("*");
  if (habits_.chance(swarm_.odd_wishes)) select_oddly(rollout);
  spec.set_image("linux");
  spec.set_profile("base");
  spec.set_reinstall(again || swarm_.greedy || !any_new ||
                     (released && (swarm_.bulk || random_.chance(500))));
  spec.set_powered_on(again || swarm_.greedy || random_.chance(300)
                          ? (random_.chance(200) ? "graceful" : "force")
                          : "refuse");
  spec.mutable_parallel()->set_total(1 + static_cast<std::uint32_t>(random_.below(6)));
  spec.mutable_parallel()->set_per_site(1 + static_cast<std::uint32_t>(random_.below(3)));
  spec.mutable_start_within()->set_seconds(static_cast<std::int64_t>(600 + random_.below(3000)));
  if (swarm_.bulk) {
    spec.set_powered_on("force");
    spec.mutable_start_within()->set_seconds(std::chrono::seconds(48h).count());
    spec.mutable_parallel()->set_total(bulk_parallel);
    spec.mutable_parallel()->set_per_site(bulk_parallel);
    spec.mutable_stop_after()->set_no_canary(true);
    spec.mutable_stop_after()->set_after_wipe("100%");
    spec.mutable_stop_after()->set_before_wipe("100%");
    ask(core, now, out, Apply{rollout, {}});
    return;
  }
  spec.mutable_launch_within()->set_seconds(static_cast<std::int64_t>(300 + random_.below(1500)));
  if (random_.chance(700)) {
    spec.mutable_stop_after()->set_no_canary(true);
    spec.mutable_stop_after()->set_after_wipe(random_.chance(500) ? "1" : "100%");
    spec.mutable_stop_after()->set_before_wipe(random_.chance(200) ? "1" : "100%");
  } else if (random_.chance(500)) {
    spec.mutable_stop_after()->set_canary(1);
  }
  if (!swarm_.one_by_one && swarm_.story.empty() && gates_.chance(swarm_.waves)) {
    draw_waves(spec);
    spec.mutable_start_within()->set_seconds(static_cast<std::int64_t>(1800 + gates_.below(5400)));
  }
  if (swarm_.habit != Habit::any) draw_as_told(spec);
  if (swarm_.forgetful) {
    spec.set_reinstall(false);
    spec.set_powered_on("force");
  }
  if (swarm_.one_by_one) {
    spec.mutable_start_within()->set_seconds(std::chrono::seconds(2h).count());
    spec.mutable_parallel()->set_total(1);
    spec.mutable_parallel()->set_per_site(1);
    spec.mutable_stop_after()->clear_canary();
    spec.mutable_stop_after()->set_no_canary(true);
    spec.mutable_stop_after()->set_after_wipe("100%");
    spec.mutable_stop_after()->set_before_wipe("100%");
  }
  ask(core, now, out, Apply{rollout, {}});
}

void Operator::as_start_from_image(rest::RolloutSpec& spec) {
  constexpr const char* powers[] = {"refuse", "graceful", "force", "force"};
  constexpr const char* afterwards[] = {"stay", "off", "restart"};
  spec.set_action("bootIso");
  spec.set_image("linux");
  spec.set_powered_on(powers[fingers_.below(std::size(powers))]);
  spec.mutable_launch_within()->set_seconds(static_cast<std::int64_t>(300 + fingers_.below(1500)));
  auto& boot = *spec.mutable_boot_iso();
  boot.mutable_max_run()->set_seconds(static_cast<std::int64_t>(60 + fingers_.below(1200)));
  boot.set_afterwards(afterwards[fingers_.below(std::size(afterwards))]);
  boot.set_in_use(fingers_.chance(500));
}

void Operator::find_bmcs(ControllerCore& core, const Now& now, Outcome& out) {
  const std::string& site = sites_[eyes_.below(sites_.size())];
  DiscoverBmcs request{.site = site};
  for (const ServerToRegister& each : servers_)
    if (each.site == site) request.ranges.push_back(each.address);
  if (!request.ranges.empty() && ask(core, now, out, request)) marks_.hit("a discovery was begun");
}

/// A rescue is over when she says so.
void Operator::end_a_session(ControllerCore& core, const Now& now, Outcome& out) {
  for (const auto& [id, deployment] : core.state().deployments) {
    if (deployment.action() != "bootIso" || !is_in_flight(deployment.state())) continue;
    const std::string over = id;
    if (fingers_.chance(50) && ask(core, now, out, CancelDeployment{over, "it has seen enough"}))
      marks_.hit("a start from an image was called back");
    return;
  }
}

std::string Operator::one_that_installs(const ControllerCore& core) const {
  const auto& servers = core.state().servers;
  const auto found = std::ranges::find_if(servers_, [&](const auto& one) {
    const auto known = servers.find(one.name);
    return known != servers.end() && known->second.status().phase() == "installing";
  });
  return found == servers_.end() ? std::string() : found->name;
}

void Operator::begin_work(ControllerCore& core, const Now& now, Outcome& out) {
  const std::string name = "w" + std::to_string(++works_);
  auto rollout = named<rest::Rollout>("Rollout", name);
  auto& spec = *rollout.mutable_spec();
  if (fingers_.chance(300)) {
    spec.set_action(fingers_.chance(300) ? "doctor" : "inspect");
  } else if (fingers_.chance(swarm_.rescues)) {
    as_start_from_image(spec);
  } else if (fingers_.chance(250)) {
    spec.set_action("mountTest");
    spec.mutable_mount_test()->set_in_use(fingers_.chance(300));
  } else if (fingers_.chance(150)) {
    constexpr const char* deeds[] = {"clearJobs", "endSessions", "eject", "setClock"};
    spec.set_action("bmc");
    spec.mutable_bmc()->set_deed(deeds[fingers_.below(std::size(deeds))]);
  } else {
    // A cycle above all: of these it alone is a toggle, which a machine must not get twice.
    constexpr const char* changes[] = {"on",    "off",   "graceful", "cycle",   "cycle",
                                       "cycle", "cycle", "bmcReset", "lightOn", "setupOnce"};
    spec.set_action("power");
    spec.mutable_power()->set_change(changes[fingers_.below(std::size(changes))]);
    spec.mutable_power()->mutable_within()->set_seconds(static_cast<std::int64_t>(60 + fingers_.below(600)));
  }
  // Who asks about a machine most often asks while it installs.
  const std::string curious = spec.action() == "inspect" ? one_that_installs(core) : std::string();
  if (!curious.empty()) {
    spec.mutable_select()->add_servers(curious);
  } else if (fingers_.chance(500)) {
    spec.mutable_select()->add_sites("*");
  } else {
    spec.mutable_select()->add_servers(servers_[fingers_.below(servers_.size())].name);
  }
  spec.mutable_parallel()->set_total(1 + static_cast<std::uint32_t>(fingers_.below(6)));
  spec.mutable_parallel()->set_per_site(1 + static_cast<std::uint32_t>(fingers_.below(3)));
  spec.mutable_start_within()->set_seconds(static_cast<std::int64_t>(120 + fingers_.below(1800)));
  spec.mutable_stop_after()->set_no_canary(true);
  if (!ask(core, now, out, Apply{rollout, {}}) || !ask(core, now, out, PlanRollout{name})) return;
  const rest::Plan plan = core.state().rollouts.at(name).status().plan();
  if (plan.servers_size() == 0) return;
  if (ask(core, now, out, StartRollout{name, plan.digest(), static_cast<std::uint32_t>(plan.servers_size())}))
    marks_.hit("a work beside installs was begun");
}

}  // namespace metalmesh::sim
