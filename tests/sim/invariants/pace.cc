// I10: no more deployments with the sites than the rollout's limits allow, no more machines that run
// installers, no more conversations at a site than its own limit; after an abort, a stop, too many failures
// or a canary that did not succeed nothing more is handed out, and what was is recalled.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "agents/core/row_keys.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/truth.h"

namespace metalmesh::sim {
namespace {

/// With a site, which may act on it.
bool is_in_flight(std::string_view state) {
  return state == "ISSUED" || state == "RUNNING" || state == "CANCELLING";
}
bool is_end(std::string_view state) { return state != "PENDING" && !is_in_flight(state); }

/// A limit as a person writes it, when it is a plain number.
std::optional<unsigned> number(const std::string& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr Duration recall_time = std::chrono::minutes(2);

class Pace final : public Invariant {
 public:
  explicit Pace(Court& court) : Invariant("pace", court) {}

  void on_controller_rows(const Batch& batch) override {
    const auto handed_out = [](const DeploymentMove& move) {
      return move.from == "PENDING" && move.to == "ISSUED";
    };
    if (std::ranges::any_of(facts_.moves, handed_out)) read_lines(batch);
    for (const DeploymentMove& move : facts_.moves) {
      if (handed_out(move)) judge(*move.now);
    }
    for (const auto& [name, rollout] : facts_.rollouts) {
      const rest::RolloutParallel& parallel = rollout.spec().parallel();
      parallel_[name] = parallel;
      auto& [all, here] = widest_[name];
      all = std::max(all, parallel.total());
      here = std::max(here, parallel.per_site());
      std::string& before = state_[name];
      if (before == rollout.status().state()) continue;
      before = rollout.status().state();
      mark("a rollout was " + before);
      if (before == "stopping") aborted_[name] = facts_.remembrance.stamp(court_.events.now());
    }
  }
  void on_controller_restored() override { state_.clear(); }
  void on_granted(const Granted& granted) override {
    // Her newest word: a restored controller may know the rollout from before she aborted it.
    if (const auto* start = std::get_if<controller::StartRollout>(&granted.request.body))
      aborted_.erase(start->rollout);
  }

  void on_told(const Told& told) override {
    const std::string& id = told.event.deployment_id();
    // Whose row rotted takes its place until a person has looked at the machine.
    const wire::StoreDamaged& damage = told.event.store_damaged();
    if (damage.over() && damage.row().starts_with(agent::rows::job))
      talking_[told.node].erase(damage.row().substr(std::string_view(agent::rows::job).size()));
    if (told.event.has_stage()) {
      auto& talking = talking_[told.node];
      if (told.event.work() == "inspect" || told.event.work() == "doctor") return;  // they take no place
      // Cleanup is owed, whatever the limit; so is the end of what was cancelled.
      if (told.event.stage().stage() >= wire::CONNECT && told.event.stage().stage() < wire::CLEANUP &&
          !facts_.cancels.contains(id)) {
        talking.insert(id);
      } else {
        talking.erase(id);
      }
      const auto limit = facts_.site_parallel.find(told.agent.site);
      if (limit != facts_.site_parallel.end() && talking.size() > limit->second)
        object(told.node + " runs more installs than its limit");
    }
    if (told.event.has_ended()) talking_[told.node].erase(id);
    if (told.event.has_launched()) judge_recall(id);
  }
  void on_store_changed(const std::string& node) override { talking_.erase(node); }

  void on_wipe(const Wipe& wipe) override {
    const auto said = facts_.said.find(wipe.install.deployment);
    if (said == facts_.said.end()) return;
    const auto spec = facts_.specs.find(said->second.rollout);
    if (spec == facts_.specs.end()) return;
    unsigned all = 0;
    unsigned here = 0;
    for (const Machine* machine : court_.machines) {
      const bmcsim::Host& host = machine->model->host();
      if (host.state() != bmcsim::HostState::installing) continue;
      if (&host != &wipe.machine.model->host() && is_given_up(host.installs().back().deployment)) continue;
      const auto other = facts_.said.find(host.installs().back().deployment);
      if (other == facts_.said.end() || other->second.rollout != said->second.rollout) continue;
      ++all;
      if (other->second.site == said->second.site) ++here;
    }
    const auto& [most, most_here] = widest_[said->second.rollout];
    if (all > most || here > most_here) {
      object(
          fmt::format("{} machines run installers of rollout {}, {} of them at {}; the limits are {} and {}",
                      all, said->second.rollout, here, said->second.site, most, most_here));
    }
  }

 private:
  /// It hangs for longer than any installer may run, or a person who was told that it is unclear gave it up: it has
  /// lost its medium for that (medium_stays judges it), and its place.
  [[nodiscard]] bool is_given_up(const std::string& id) const {
    const auto known = facts_.deployments.find(id);
    if (known != facts_.deployments.end() && known->second.resolved_from() == "INDETERMINATE") return true;
    return facts_.ran_its_longest(id, court_.events.now());
  }
  /// The log's order tells what was known when: a batch may hold many inputs.
  void read_lines(const Batch& batch) {
    moved_by_.clear();
    issued_line_.clear();
    continued_.clear();
    for (const RowWrite& row : batch) {
      rest::LogEvent line;
      if (!row.value || !row.key.starts_with(controller::tables::events) ||
          !controller::decode_row(*row.value, line))
        continue;
      if (line.type() == "audit" && line.message().starts_with("continued rollout"))
        continued_.insert(line.rollout());
      if (line.deployment().empty()) continue;
      const bool decides = line.event().has_ended() || line.type() == "ended" || line.type() == "issued";
      const auto [at, first] = moved_by_.try_emplace(line.deployment(), row.key);
      if (!first && decides) at->second = row.key;
      if (line.type() == "issued") issued_line_[line.deployment()] = row.key;
    }
  }
  /// When `issued` was handed out: what the log tells only later, of others or of itself, was not known then.
  [[nodiscard]] const std::string& state_then(const rest::Deployment& issued,
                                              const rest::Deployment& other) const {
    static const std::string handed_out = "ISSUED";
    if (&other == &issued) return handed_out;
    const auto when = issued_line_.find(issued.id());
    const auto first = moved_by_.find(other.id());
    if (when == issued_line_.end() || first == moved_by_.end() || first->second < when->second)
      return other.state();
    const auto move =
        std::ranges::find_if(facts_.moves, [&](const DeploymentMove& each) { return each.now == &other; });
    return move == facts_.moves.end() ? other.state() : move->from;
  }

  void judge(const rest::Deployment& issued) {
    const auto found = facts_.rollouts.find(issued.rollout());
    if (found == facts_.rollouts.end()) return;
    const rest::Rollout& rollout = found->second;
    const std::string& state = state_[issued.rollout()];
    const bool rests = state == "stopped" || state == "paused";
    if ((rests && !continued_.contains(issued.rollout())) || state == "stopping" || state == "done")
      object("handed out although rollout " + issued.rollout() + " is " + state + ": " + issued.id());
    std::uint32_t in_flight = 0;
    std::uint32_t at_site = 0;
    std::uint32_t failed_late = 0;
    std::uint32_t failed_early = 0;
    std::map<std::uint32_t, Wave> waves;
    for (const auto& [id, deployment] : facts_.deployments) {
      const std::string& known = state_then(issued, deployment);
      const bool open = is_in_flight(known);
      const bool counts = deployment.rollout() == issued.rollout() || !new_here(id);
      if (open && counts && deployment.site() == issued.site()) ++at_site;
      if (deployment.rollout() != issued.rollout()) continue;
      if (open) ++in_flight;
      waves[deployment.wave()].take(known, deployment.skipped());
      const bool written = !writes_of(court_.machines, id).empty();
      const bool unproven = known == "UNPROVEN" && rollout.spec().stop_after().unproven().empty();
      if (known == "INDETERMINATE" || (known == "FAILED" && written) || unproven) ++failed_late;
      // Of what nobody knows the disk of, the controller may think the worse.
      if (known == "FAILED" && !written && deployment.disk() == wire::DISK_UNTOUCHED) ++failed_early;
    }
    const auto& spec = rollout.spec();
    // What is set in this very batch may have been set behind this.
    const auto before = parallel_.find(issued.rollout());
    const std::uint32_t most =
        std::max(spec.parallel().total(), before == parallel_.end() ? 0 : before->second.total());
    const std::uint32_t here =
        std::max(spec.parallel().per_site(), before == parallel_.end() ? 0 : before->second.per_site());
    if (in_flight > most || at_site > here)
      object(fmt::format("{} deployments are with the sites, {} of them at {}; the limits are {} and {}",
                         in_flight, at_site, issued.site(), most, here));
    if (in_flight == spec.parallel().total()) mark("a rollout ran at its limit");
    const rest::RolloutStop& stop = spec.stop_after();
    const Accepted accepted(rollout.status());
    failed_late -= std::min(failed_late, accepted.late);
    failed_early -= std::min(failed_early, accepted.early);
    if (const auto most = number(stop.after_wipe()); most && failed_late >= *most)
      object(fmt::format("handed out although {} failed after the wipe (stop at {})", failed_late, *most));
    if (const auto most = number(stop.before_wipe()); most && failed_early >= *most)
      object(fmt::format("handed out although {} failed before the wipe (stop at {})", failed_early, *most));
    // Others than the usual canary: waves_hold.
    if (spec.waves().empty() && waves.size() > 1 && issued.wave() != waves.begin()->first &&
        !waves.begin()->second.succeeded(accepted.missed))
      object("handed out before the canary had succeeded: " + issued.id());
  }

  struct Wave {
    unsigned open = 0;
    unsigned missed = 0;
    void take(const std::string& state, bool skipped) {
      if (!is_end(state)) ++open;
      if (is_end(state) && state != "SUCCEEDED" && !(skipped && state == "CANCELLED")) ++missed;
    }
    [[nodiscard]] bool succeeded(unsigned accepted) const { return open == 0 && missed <= accepted; }
  };
  /// What a person said counts no more.
  struct Accepted {
    explicit Accepted(const rest::RolloutStatus& status) {
      for (const rest::RolloutWaveStatus& wave : status.waves()) {
        late += wave.accepted().after_wipe() + wave.accepted().unproven();
        early += wave.accepted().before_wipe();
        missed += wave.accepted().missed();
      }
    }
    std::uint32_t late = 0;
    std::uint32_t early = 0;
    unsigned missed = 0;
  };

  /// Handed out in this very batch: another rollout may have come after the one that is judged.
  [[nodiscard]] bool new_here(const std::string& id) const {
    return std::ranges::any_of(facts_.moves,
                               [&](const DeploymentMove& move) { return move.now->id() == id; });
  }

  /// Launched although its rollout was aborted a while ago, and nobody even tried to recall it.
  void judge_recall(const std::string& id) {
    const auto deployment = facts_.deployments.find(id);
    if (deployment == facts_.deployments.end()) return;
    const auto since = aborted_.find(deployment->second.rollout());
    if (since == aborted_.end() || court_.events.now() - since->second.at < recall_time) return;
    if (!facts_.remembrance.has(since->second)) return;
    if (is_in_flight(deployment->second.state()) && !facts_.cancels.contains(id))
      object("launched long after the abort, and no cancel was ever sent: " + id);
  }

  std::map<std::string, std::string>
      moved_by_;  // in the newest batch, by deployment: the log line that moved it
  std::map<std::string, std::string> issued_line_;
  std::set<std::string> continued_;  // in the newest batch: rollouts, by a person
  std::map<std::string, std::pair<std::uint32_t, std::uint32_t>>
      widest_;                                             // by rollout: in all and per site, ever
  std::map<std::string, std::string> state_;               // of rollouts, before the newest batch
  std::map<std::string, rest::RolloutParallel> parallel_;  // the same
  std::map<std::string, Stamp> aborted_;
  std::map<std::string, std::set<std::string>> talking_;  // by agent: jobs in conversation
};

}  // namespace

std::unique_ptr<Invariant> pace(Court& court) { return std::make_unique<Pace>(court); }

}  // namespace metalmesh::sim
