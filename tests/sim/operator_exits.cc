// What the operator does with rollouts that were started: waves that she draws, pauses, gates at which she is waited for, failures
// that she accepts, servers that she takes out, limits that she sets. Sometimes she names what is not so, by an old look.
#include <algorithm>
#include <utility>

#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"
#include "tests/sim/operator.h"
#include "tests/sim/sim_zones.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;
using namespace controller;

/// What a person reads off the rollout before she lets it go on.
ContinueRollout as_it_is(const MeshState& mesh, const rest::Rollout& rollout) {
  const rest::RolloutStatus& status = rollout.status();
  ContinueRollout request{rollout.metadata().name(), status.wave(), 0, 0, "looked at it"};
  for (const rest::RolloutWaveStatus& wave : status.waves()) {
    const bool over = wave.number() == status.wave() && wave.open() == 0;
    if (over) request.wave = 0;
    if (request.wave == 0 && wave.number() > status.wave() && wave.open() > 0) request.wave = wave.number();
    if (status.state() == "stopped")
      request.accept_failures += wave.missed() - std::min(wave.missed(), wave.accepted().missed());
  }
  if (request.wave == 0) request.wave = status.wave();
  for (const auto& [id, deployment] : mesh.deployments) {
    if (deployment.rollout() == request.rollout && deployment.wave() == request.wave &&
        deployment.state() == states::pending)
      ++request.confirm;
  }
  return request;
}

}  // namespace

void Operator::draw_waves(rest::RolloutSpec& spec) {
  auto& stop = *spec.mutable_stop_after();
  stop.clear_canary();
  stop.clear_no_canary();
  constexpr const char* healths[] = {"", "0", "1", "50%", "100%"};
  const std::size_t count = 1 + gates_.below(2);
  for (std::size_t i = 0; i < count; ++i) {
    rest::RolloutWave& wave = *spec.add_waves();
    switch (gates_.below(4)) {
      case 0:
        wave.set_percent(20 + static_cast<std::uint32_t>(gates_.below(40)));
        break;
      case 1:
        wave.add_sites(sites_[gates_.below(sites_.size())]);
        break;
      case 2:
        wave.set_per_type(1);
        break;
      default:
        wave.set_servers(1 + static_cast<std::uint32_t>(gates_.below(2)));
        break;
    }
    rest::RolloutGate& gate = *wave.mutable_gate();
    if (gates_.chance(400))
      gate.mutable_soak()->set_seconds(static_cast<std::int64_t>(30 + gates_.below(400)));
    gate.set_person(gates_.chance(400));
    gate.set_health(healths[gates_.below(std::size(healths))]);
  }
  stop.set_minimum(1 + static_cast<std::uint32_t>(gates_.below(3)));
  if (gates_.chance(500)) stop.set_after_wipe("50%");
  if (gates_.chance(500)) stop.set_before_wipe("50%");
  marks_.hit("a rollout in waves was drawn");
}

void Operator::draw_as_told(rest::RolloutSpec& spec) {
  auto& stop = *spec.mutable_stop_after();
  stop.Clear();
  stop.set_after_wipe("100%");
  stop.set_before_wipe("100%");
  stop.set_unproven("100%");
  spec.set_powered_on("force");
  spec.mutable_start_within()->set_seconds(std::chrono::seconds(80min).count());
  spec.mutable_parallel()->set_total(4);
  spec.mutable_parallel()->set_per_site(swarm_.habit == Habit::sick_wave ? 2 : 1);
  if (swarm_.habit == Habit::person_is_late) {
    rest::RolloutWave& wave = *spec.add_waves();
    wave.set_servers(1 + static_cast<std::uint32_t>(gates_.below(3)));
    wave.mutable_gate()->set_health("100%");
    wave.mutable_gate()->set_person(true);
  } else if (swarm_.habit == Habit::sick_wave) {
    rest::RolloutWave& wave = *spec.add_waves();
    wave.add_sites(sites_.front());
    wave.mutable_gate()->set_health("100%");
    stop.set_after_wipe("50%");
    stop.set_minimum(2);
  } else {
    stop.set_no_canary(true);
  }
  if (swarm_.habit == Habit::windows) draw_windows(spec);
}

/// Some minutes long, some minutes from now, by the clock of a zone in which it is set meanwhile.
void Operator::draw_windows(rest::RolloutSpec& spec) {
  const auto two = [](std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  const auto shown = [&](Duration from_now) {
    const auto day = local_time_in(zone_that_is_set, events_.wall() + from_now) % 24h;
    const auto minutes = std::chrono::floor<std::chrono::minutes>(day).count();
    return two(minutes / 60) + ":" + two(minutes % 60);
  };
  Duration at = std::chrono::minutes(gates_.below(8));
  const std::size_t count = 1 + gates_.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    rest::StartWindow& window = *spec.add_windows();
    window.set_time_zone(zone_that_is_set);
    window.set_from(shown(at));
    at += std::chrono::minutes(4 + gates_.below(15));
    window.set_to(shown(at));
    at += std::chrono::minutes(4 + gates_.below(20));
  }
  marks_.hit("a rollout with windows was drawn");
}

void Operator::go_on_with(ControllerCore& core, const Now& now, Outcome& out, const std::string& name) {
  ContinueRollout request = as_it_is(core.state(), core.state().rollouts.at(name));
  const bool by_an_old_look = !resting_ && gates_.chance(300);
  if (by_an_old_look) (gates_.chance(500) ? request.wave : request.confirm) += 1;
  const std::uint32_t accepted = request.accept_failures;
  if (!ask(core, now, out, std::move(request))) return;
  if (by_an_old_look)
    trace_.violation(events_.now(), "waves_hold", "what was not so was granted: rollout " + name);
  marks_.hit(accepted > 0 ? "failures were accepted" : "a rollout was continued");
}

void Operator::skip_one(ControllerCore& core, const Now& now, Outcome& out, const std::string& rollout) {
  std::vector<std::pair<std::string, std::string>> open;  // server and site
  for (const auto& [id, deployment] : core.state().deployments) {
    if (deployment.rollout() == rollout && is_open(deployment.state()))
      open.emplace_back(deployment.server(), deployment.site());
  }
  if (open.empty()) return;
  const auto& [server, site] = open[gates_.below(open.size())];
  SkipServers request{rollout, {}, {}, "it is in repair"};
  (gates_.chance(700) ? request.servers : request.sites).push_back(gates_.chance(700) ? server : site);
  if (ask(core, now, out, request)) marks_.hit("a server was skipped");
}

void Operator::set_limits(ControllerCore& core, const Now& now, Outcome& out, const std::string& rollout) {
  SetRollout request{rollout, std::nullopt, 0, 0, "as things are"};
  if (gates_.chance(500)) {
    request.until = now.wall() + Duration(5min) + std::chrono::seconds(gates_.below(3600));
  } else {
    request.total = 1 + static_cast<std::uint32_t>(gates_.below(6));
    request.per_site = 1 + static_cast<std::uint32_t>(gates_.below(3));
  }
  if (ask(core, now, out, request)) marks_.hit("limits were set while a rollout ran");
}

void Operator::care_for_waves(ControllerCore& core, const Now& now, Outcome& out) {
  std::vector<std::string> under_way;
  for (const auto& [name, rollout] : core.state().rollouts) {
    if (is_under_way(state_of(rollout))) under_way.push_back(name);
  }
  for (const std::string& name : under_way) {
    const rest::Rollout& rollout = core.state().rollouts.at(name);
    const std::string state = rollout.status().state();
    const bool waited_for = rollout.status().waits().find("a person lets") != std::string::npos;
    if (swarm_.habit == Habit::short_time && state == "running" && shortened_.insert(name).second) {
      wish(SetRollout{name, now.wall() + Duration(3min) + std::chrono::seconds(gates_.below(240)), 0, 0,
                      "we have to be through"});
      continue;
    }
    if (state == "paused" && resting_) {
      if (ask(core, now, out, StopRollout{name, "not today"})) aborted_.insert(name);
    } else if (waited_for && state != "stopped" && (resting_ || gates_.chance(150))) {
      go_on_with(core, now, out, name);
    } else if (state == "stopped" && !resting_ && swarm_.waves > 0 && gates_.chance(400)) {
      go_on_with(core, now, out, name);
    } else if (state == "running" && !resting_ && gates_.chance(swarm_.waves / 40)) {
      if (ask(core, now, out, PauseRollout{name, "wait"})) marks_.hit("a rollout was paused");
    } else if (state == "running" && !resting_ && gates_.chance(swarm_.waves / 60)) {
      skip_one(core, now, out, name);
    } else if (state == "running" && !resting_ && gates_.chance(swarm_.waves / 60)) {
      set_limits(core, now, out, name);
    }
  }
}

}  // namespace metalmesh::sim
