#include "controller/core/start_pace.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "controller/core/actions/actions.h"
#include "controller/core/work.h"
#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

using Minute = std::uint64_t;
constexpr Minute hour = 60;
constexpr int failures_kept = 64;
constexpr std::size_t servers_told = 5;
constexpr unsigned looked_ahead_most = 10'000;  // hours, of a plan that is out of all proportion
constexpr std::string_view site_kind = "site", actor_kind = "actor";

/// By a clock that nobody set back.
Minute minute_of(const MeshState& mesh, WallTime wall) {
  const Duration since = wall.time_since_epoch() - mesh.clock_steps;
  return static_cast<Minute>(std::max<std::int64_t>(0, since / std::chrono::minutes(1)));
}
/// Whoever asks whether an hour is over, and whoever begins one, err to the same side.
Minute earliest(const MeshState& mesh, const Now& now) { return minute_of(mesh, now.wall_low); }
Minute latest(const MeshState& mesh, const Now& now) { return minute_of(mesh, now.wall_high); }

bool is_recent(Minute then, Minute now) { return then + hour >= now; }

const record::StartPace& pace_in(const MeshState& mesh, const std::string& whose) {
  const auto found = mesh.paces.find(whose);
  return found == mesh.paces.end() ? record::StartPace::default_instance() : found->second;
}

bool is_of_site(const std::string& whose) { return whose.starts_with(site_kind); }
std::string name_in(const std::string& whose) { return whose.substr(whose.find('/') + 1); }

bool is_widened(const record::StartPace& pace, const Now& now) {
  return pace.has_widened_until() && now.wall_high < from_wire(pace.widened_until());
}

std::uint32_t ceiling(const MeshState& mesh, const Now& now, const std::string& whose) {
  const std::uint32_t usual = is_of_site(whose) ? mesh.pace_limits.per_site : mesh.pace_limits.per_actor;
  const record::StartPace& pace = pace_in(mesh, whose);
  return is_widened(pace, now) ? std::max(usual, pace.widened_to()) : usual;
}

std::uint32_t starts_within(const record::StartPace& pace, Minute now) {
  std::uint32_t starts = 0;
  for (const auto& minute : pace.minutes()) starts += is_recent(minute.minute(), now) ? minute.starts() : 0;
  return starts;
}

/// " at par1", " by ops".
std::string whose_words(const std::string& whose) {
  return (is_of_site(whose) ? " at " : " by ") + name_in(whose);
}

std::string widening(const std::string& whose) {
  if (is_of_site(whose)) return "metalmesh limits widen site " + name_in(whose) + " --to 5000 --reason TEXT";
  return "metalmesh limits widen actor " + name_in(whose) + " --to 5000 --reason TEXT";
}

/// What a burst is of.
std::string what_of(const rest::Rollout& rollout) {
  return rollout.spec().action() + " " + rollout.status().plan().profile();
}

/// Forgets what is older than an hour, and adds what `edit` does.
template <class Edit>
void change_pace(Work& work, const std::string& whose, const Edit& edit) {
  record::StartPace pace = pace_in(work.mesh(), whose);
  const Minute now = earliest(work.mesh(), work.now);
  const auto drop_old = [&](auto& list) {
    list.erase(std::remove_if(list.begin(), list.end(),
                              [&](const auto& one) { return !is_recent(one.minute(), now); }),
               list.end());
  };
  drop_old(*pace.mutable_minutes());
  drop_old(*pace.mutable_failures());
  edit(pace);
  work.ledger.put_pace(whose, std::move(pace));
}

void count(Work& work, const std::string& whose) {
  change_pace(work, whose, [&](record::StartPace& pace) {
    const Minute now = latest(work.mesh(), work.now);
    auto& minutes = *pace.mutable_minutes();
    if (minutes.empty() || minutes.rbegin()->minute() < now) minutes.Add()->set_minute(now);
    minutes.rbegin()->set_starts(minutes.rbegin()->starts() + 1);
  });
}

/// Another rollout of the same person and profile is under way.
bool has_company(const MeshState& mesh, const rest::Rollout& rollout) {
  return std::ranges::any_of(mesh.rollouts, [&](const auto& entry) {
    const rest::Rollout& other = entry.second;
    return other.metadata().name() != rollout.metadata().name() && is_under_way(state_of(other)) &&
           other.status().started_by() == rollout.status().started_by() && what_of(other) == what_of(rollout);
  });
}

bool failed_behind_wipe(const rest::Deployment& deployment) {
  const std::string& state = deployment.state();
  const bool missed = state == states::failed || state == states::unproven || state == states::indeterminate;
  return missed && action_of(deployment).wipes && may_have_wiped(deployment);
}

}  // namespace

std::string pace_of_site(const std::string& site) { return std::string(site_kind) + "/" + site; }
std::string pace_of_actor(const std::string& actor) { return std::string(actor_kind) + "/" + actor; }

std::uint32_t starts_left(const MeshState& mesh, const Now& now, const std::string& whose) {
  const std::uint32_t most = ceiling(mesh, now, whose);
  if (planted(Defect::ceilings_ignored)) return most;
  const std::uint32_t taken = starts_within(pace_in(mesh, whose), earliest(mesh, now));
  return taken < most ? most - taken : 0;
}

Duration pace_delay(const MeshState& mesh, const Now& now, const std::string& whose, std::uint32_t starts) {
  const std::uint32_t most = ceiling(mesh, now, whose);
  const Minute begin = earliest(mesh, now);
  std::deque<std::pair<Minute, std::uint32_t>> hours;  // minutes that count, oldest first
  std::uint32_t taken = 0;
  for (const auto& minute : pace_in(mesh, whose).minutes()) {
    if (!is_recent(minute.minute(), begin)) continue;
    hours.emplace_back(minute.minute(), minute.starts());
    taken += minute.starts();
  }
  Minute at = begin;
  for (unsigned looked = 0; most > 0 && looked < looked_ahead_most; ++looked) {
    const std::uint32_t go = std::min(starts, most > taken ? most - taken : 0);
    starts -= go;
    if (starts == 0) break;
    if (go > 0) hours.emplace_back(at, go);
    taken += go;
    at = std::max(at, hours.front().first + hour + 1);
    while (!hours.empty() && !is_recent(hours.front().first, at)) {
      taken -= hours.front().second;
      hours.pop_front();
    }
  }
  return std::chrono::minutes(static_cast<std::int64_t>(at - begin));
}

std::vector<std::string> pace_warnings(const MeshState& mesh, const Now& now, const std::string& actor,
                                       const std::map<std::string, std::uint32_t>& sites,
                                       Duration start_within) {
  std::map<std::string, std::uint32_t> wanted;
  std::uint32_t all = 0;
  for (const auto& [site, servers] : sites) {
    wanted[pace_of_site(site)] = servers;
    all += servers;
  }
  wanted[pace_of_actor(actor)] = all;
  std::vector<std::string> warnings;
  for (const auto& [whose, servers] : wanted) {
    const std::uint32_t most = ceiling(mesh, now, whose);
    const std::uint32_t left = starts_left(mesh, now, whose);
    if (servers <= left) continue;
    const Duration delay = pace_delay(mesh, now, whose, servers);
    std::string text = std::to_string(servers) + " > " + std::to_string(most) + "/h" + whose_words(whose) +
                       (left < most ? ", " + std::to_string(most - left) + " of them taken" : "") + ": +" +
                       std::to_string(delay / std::chrono::minutes(1)) + " min";
    if (delay > start_within)
      text +=
          ", which is longer than startWithin: what was not started by then is recalled. Next: give "
          "startWithin more, or " +
          widening(whose);
    warnings.push_back(std::move(text));
  }
  return warnings;
}

std::string paced_by(const MeshState& mesh, const Now& now, const rest::Rollout& rollout,
                     const std::vector<std::string>& sites) {
  std::vector<std::string> ceilings = {pace_of_actor(rollout.status().started_by())};
  for (const std::string& site : sites) ceilings.push_back(pace_of_site(site));
  for (const std::string& whose : ceilings) {
    if (starts_left(mesh, now, whose) > 0) continue;
    const WallTime next = now.wall_low + pace_delay(mesh, now, whose, 1);
    return std::to_string(ceiling(mesh, now, whose)) + " starts an hour" + whose_words(whose) +
           ": the next one at " +
           for_people(to_wire(
               std::chrono::time_point_cast<Duration>(std::chrono::floor<std::chrono::minutes>(next)))) +
           ". Next: wait, or have an approver run " + widening(whose);
  }
  return {};
}

void count_start(Work& work, const rest::Deployment& deployment) {
  if (!is_paced(action_of(deployment))) return;
  count(work, pace_of_site(deployment.site()));
  const auto rollout = work.mesh().rollouts.find(deployment.rollout());
  if (rollout != work.mesh().rollouts.end())
    count(work, pace_of_actor(rollout->second.status().started_by()));
}

void count_end(Work& work, const rest::Deployment& deployment) {
  const auto found = work.mesh().rollouts.find(deployment.rollout());
  if (found == work.mesh().rollouts.end() || !failed_behind_wipe(deployment)) return;
  const rest::Rollout& rollout = found->second;
  if (!has_company(work.mesh(), rollout)) return;
  change_pace(work, pace_of_actor(rollout.status().started_by()), [&](record::StartPace& pace) {
    auto& failures = *pace.mutable_failures();
    const auto is_it = [&](const auto& one) { return one.deployment() == deployment.id(); };
    if (std::ranges::any_of(failures, is_it) || failures.size() >= failures_kept) return;
    record::StartPace::Failure& failure = *failures.Add();
    failure.set_deployment(deployment.id());
    failure.set_server(deployment.server());
    failure.set_rollout(deployment.rollout());
    failure.set_what(what_of(rollout));
    failure.set_code(deployment.fault().code());
    failure.set_minute(latest(work.mesh(), work.now));
    failure.set_token(rollout.status().started_token());
  });
}

std::optional<std::string> burst_stopped(const MeshState& mesh, const Now& now, const std::string& actor,
                                         const rest::Rollout& rollout) {
  if (planted(Defect::burst_ignored)) return std::nullopt;
  const std::string what = what_of(rollout);
  const Minute since = earliest(mesh, now);
  std::vector<record::StartPace::Failure> failures;
  for (const auto& failure : pace_in(mesh, pace_of_actor(actor)).failures()) {
    if (failure.what() == what && is_recent(failure.minute(), since)) failures.push_back(failure);
  }
  if (failures.empty() || failures.size() < mesh.pace_limits.failures) return std::nullopt;
  std::string servers;
  for (std::size_t i = 0; i < std::min(failures.size(), servers_told); ++i)
    servers += (i == 0 ? "" : ", ") + failures[i].server();
  const record::StartPace::Failure& last = failures.back();
  return std::to_string(failures.size()) + " of " + what + ", started by " + actor +
         (last.token().empty() ? "" : " with token " + last.token()) +
         ", failed after the wipe within the hour (" + servers + "; the last one by " +
         wire::FaultCode_Name(last.code()) + ")";
}

std::optional<std::string> glass_refused(const MeshState& mesh, const Now& now) {
  const auto every = static_cast<Minute>(mesh.pace_limits.break_glass_every / std::chrono::minutes(1));
  const Minute free_at = mesh.glass_minute + every + 1;
  const Minute at = earliest(mesh, now);
  if (mesh.glass_minute == 0 || at >= free_at) return std::nullopt;
  return "one server in " + std::to_string(every) +
         " minutes is unprotected without an approver, and the next may be in " +
         std::to_string(free_at - at) + " minutes";
}

void broke_glass(Work& work, rest::BreakGlass glass) {
  rest::LogEvent line;
  line.set_type("break-glass");
  line.set_site(glass.site());
  line.set_server(glass.server());
  line.set_actor(glass.by());
  line.set_token(glass.token());
  line.set_message("server " + glass.server() + " was unprotected by " + glass.by() +
                   " without an approver: " + glass.reason() +
                   ". Next: an approver looks at it, then: metalmesh server approve " + glass.server() +
                   " --note TEXT");
  work.out.log(LogLevel::warning, line.message(), {{"server", glass.server()}, {"actor", glass.by()}});
  work.ledger.note(std::move(line), work.now.wall());
  work.ledger.put_glass(std::move(glass), latest(work.mesh(), work.now));
}

rest::StartPaceList paces_shown(const MeshState& mesh, const Now& now) {
  rest::StartPaceList list;
  const Minute since = earliest(mesh, now);
  for (const auto& [whose, pace] : mesh.paces) {
    rest::StartPace shown;
    shown.set_kind(std::string(is_of_site(whose) ? site_kind : actor_kind));
    shown.set_name(name_in(whose));
    shown.set_starts(starts_within(pace, since));
    shown.set_per_hour(ceiling(mesh, now, whose));
    if (is_widened(pace, now)) {
      *shown.mutable_widened_until() = pace.widened_until();
      shown.set_widened_by(pace.widened_by());
      shown.set_widened_reason(pace.widened_reason());
    }
    std::map<std::string, std::uint32_t> failed;
    for (const auto& failure : pace.failures())
      failed[failure.what()] += is_recent(failure.minute(), since) ? 1 : 0;
    for (const auto& [what, count] : failed) {
      if (count > 0 && count >= mesh.pace_limits.failures)
        shown.add_stopped(what + ": " + std::to_string(count) + " failed after the wipe");
    }
    if (shown.starts() > 0 || shown.has_widened_until() || !shown.stopped().empty())
      *list.add_items() = std::move(shown);
  }
  for (const auto& [server, glass] : mesh.glass) *list.add_owed() = glass;
  return list;
}

}  // namespace metalmesh::controller
