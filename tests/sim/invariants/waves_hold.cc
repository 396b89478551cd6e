// Beyond the thirteen: a wave begins when those before it have ended, few enough of them failed, their soak is over and, where
// that was asked for, a person has said so; nobody is ordered who is not in the plan in that wave, was skipped, or comes behind
// the time that was set; too many failures of a wave stop it. Who waits for a person says so.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "common/ports/wire_time.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/truth.h"

namespace metalmesh::sim {
namespace {

constexpr Duration clock_slack = std::chrono::seconds(5);

bool is_open(std::string_view state) {
  return state == "PENDING" || state == "ISSUED" || state == "RUNNING" || state == "CANCELLING";
}

struct Share {
  std::uint32_t number = 0;
  bool percent = false;
};
std::optional<Share> share_of(std::string_view text) {
  Share share{0, text.ends_with('%')};
  if (share.percent) text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share.number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return share;
}

class WavesHold final : public Invariant {
 public:
  explicit WavesHold(Court& court) : Invariant("waves_hold", court) {}

  void on_controller_rows(const Batch& batch) override {
    moved_.clear();
    for (const DeploymentMove& move : facts_.moves) moved_.insert(move.now->id());
    read_words(batch);
    for (const DeploymentMove& move : facts_.moves) {
      if (move.from == "PENDING" && move.to == "ISSUED") judge(*move.now);
    }
    note_ends();
    for (const auto& [name, rollout] : facts_.rollouts) judge_waits(name, rollout);
  }
  void on_controller_restored() override {
    ended_.clear();
    started_.clear();
  }

 private:
  struct Tally {
    std::uint32_t total = 0, open = 0, ended = 0, missed = 0, failed_late = 0;
  };
  /// Of what stood before this batch as it does now; the rest may have come behind.
  [[nodiscard]] std::map<std::uint32_t, Tally> tally(const std::string& rollout) const {
    std::map<std::uint32_t, Tally> waves;
    for (const auto& [id, deployment] : facts_.deployments) {
      if (deployment.rollout() != rollout) continue;
      Tally& wave = waves[deployment.wave()];
      ++wave.total;
      if (moved_.contains(id)) continue;
      const std::string& state = deployment.state();
      const bool skipped = deployment.skipped() && state == "CANCELLED";
      if (is_open(state)) ++wave.open;
      if (is_open(state) || skipped) continue;
      ++wave.ended;
      if (state != "SUCCEEDED") ++wave.missed;
      if (state == "INDETERMINATE" || (state == "FAILED" && !writes_of(court_.machines, id).empty()))
        ++wave.failed_late;
    }
    return waves;
  }

  void judge(const rest::Deployment& issued) {
    const auto found = facts_.rollouts.find(issued.rollout());
    if (found == facts_.rollouts.end()) return;
    const rest::Rollout& rollout = found->second;
    if (issued.skipped()) object("handed out although a person had skipped it: " + issued.id());
    judge_plan(rollout, issued);
    judge_until(rollout, issued);
    for (const auto& [number, wave] : tally(issued.rollout())) {
      if (number <= issued.wave()) judge_failures(rollout, number, wave, issued);
      if (number < issued.wave()) judge_gate(rollout, number, wave, issued);
    }
  }

  void judge_plan(const rest::Rollout& rollout, const rest::Deployment& issued) {
    const rest::Plan& plan = rollout.status().plan();
    if (plan.servers().empty()) return;
    const auto planned = std::ranges::find(plan.servers(), issued.server(), &rest::PlanServer::name);
    if (planned == plan.servers().end()) {
      object(issued.server() + " is ordered and is not in the plan of rollout " + issued.rollout());
    } else if (planned->wave() != issued.wave()) {
      object(fmt::format("{} is ordered in wave {} and was planned in wave {}", issued.server(),
                         issued.wave(), planned->wave()));
    }
  }

  [[nodiscard]] bool clock_was_set() const {
    return court_.marks.count("the controller's clock stepped") +
               court_.marks.count("the controller's clock stepped back") >
           0;
  }

  void judge_until(const rest::Rollout& rollout, const rest::Deployment& issued) {
    const auto started = started_.find(issued.rollout());
    if (started == started_.end() || clock_was_set() || facts_.unknown_gap != Duration::zero()) return;
    Duration within = from_wire(rollout.spec().start_within());
    if (const auto before = within_.find(issued.rollout()); before != within_.end())
      within = std::max(within, before->second);  // it may have been set behind this
    if (court_.events.now() > started->second + within + clock_slack)
      object("handed out behind the time until which it may start: " + issued.id());
  }

  static const rest::RolloutWaveStatus* status_of(const rest::Rollout& rollout, std::uint32_t number) {
    const auto& waves = rollout.status().waves();
    const auto found = std::ranges::find(waves, number, &rest::RolloutWaveStatus::number);
    return found == waves.end() ? nullptr : &*found;
  }
  static std::uint32_t accepted(const rest::Rollout& rollout, std::uint32_t number) {
    const auto* status = status_of(rollout, number);
    return status == nullptr ? 0 : status->accepted().missed();
  }
  static rest::RolloutGate gate_of(const rest::Rollout& rollout, std::uint32_t number) {
    rest::RolloutGate gate;
    const auto& waves = rollout.spec().waves();
    if (number >= 1 && number <= static_cast<std::uint32_t>(waves.size()))
      gate = waves.Get(static_cast<int>(number - 1)).gate();
    if (number == 1 && gate.health().empty()) gate.set_health("0");
    return gate;
  }

  /// Shares of what has ended; numbers are of the whole rollout, and pace looks at those.
  void judge_failures(const rest::Rollout& rollout, std::uint32_t number, const Tally& wave,
                      const rest::Deployment& issued) {
    const rest::RolloutStop& stop = rollout.spec().stop_after();
    const auto share = share_of(stop.after_wipe());
    if (!share || !share->percent || stop.minimum() == 0 || wave.ended < stop.minimum()) return;
    if (rollout.spec().action() != "install" || accepted(rollout, number) > 0 || wave.failed_late == 0)
      return;
    if (std::uint64_t{wave.failed_late} * 100 >= std::uint64_t{share->number} * wave.ended)
      object(fmt::format("handed out although {} of the {} of wave {} that ended failed after the wipe: {}",
                         wave.failed_late, wave.ended, number, issued.id()));
  }

  void judge_gate(const rest::Rollout& rollout, std::uint32_t number, const Tally& wave,
                  const rest::Deployment& issued) {
    const std::string where = fmt::format(" of rollout {}: {}", issued.rollout(), issued.id());
    if (wave.open > 0)
      object(fmt::format("handed out in wave {} while {} are open in wave {}{}", issued.wave(), wave.open,
                         number, where));
    const rest::RolloutGate gate = gate_of(rollout, number);
    const auto health = share_of(gate.health());
    const std::uint32_t missed = wave.missed - std::min(wave.missed, accepted(rollout, number));
    const bool sick =
        health && (health->percent ? std::uint64_t{missed} * 100 > std::uint64_t{health->number} * wave.total
                                   : missed > health->number);
    if (sick)
      object(fmt::format("handed out although {} of wave {} did not succeed{}", missed, number, where));
    if (number + 1 != issued.wave()) return;
    if (gate.has_soak() && !clock_was_set() && facts_.unknown_gap == Duration::zero()) {
      const auto ended = ended_.find({issued.rollout(), number});
      if (ended != ended_.end()) mark("a wave came behind a soak");
      if (ended != ended_.end() && court_.events.now() + clock_slack < ended->second + from_wire(gate.soak()))
        object(fmt::format("handed out before the soak of wave {} was over{}", number, where));
    }
    if (!gate.person() ||
        (status_of(rollout, number) != nullptr && status_of(rollout, number)->servers() == 0))
      return;
    mark("a wave came behind a person's word");
    if (!continued_.contains({issued.rollout(), issued.wave()}))
      object(fmt::format("wave {} was handed out and no person let it begin{}", issued.wave(), where));
  }

  /// "continued rollout r1 with wave 2 (rest), ..."
  void read_words(const Batch& batch) {
    for (const RowWrite& row : batch) {
      rest::LogEvent line;
      if (!row.value || !row.key.starts_with(controller::tables::events) ||
          !controller::decode_row(*row.value, line) || line.type() != "audit" ||
          !line.message().starts_with("continued rollout"))
        continue;
      const std::string before = line.rollout() + " with wave ";
      const auto at = line.message().find(before);
      if (at == std::string::npos) continue;
      std::uint32_t wave = 0;
      const char* from = line.message().data() + at + before.size();
      std::from_chars(from, line.message().data() + line.message().size(), wave);
      continued_.emplace(line.rollout(), wave);
    }
  }

  /// When the last of each wave ended, as far as it has.
  void note_ends() {
    std::set<std::pair<std::string, std::uint32_t>> touched;
    for (const DeploymentMove& move : facts_.moves) touched.emplace(move.now->rollout(), move.now->wave());
    for (const auto& [rollout, number] : touched) {
      const bool open = std::ranges::any_of(facts_.deployments, [&](const auto& one) {
        return one.second.rollout() == rollout && one.second.wave() == number && is_open(one.second.state());
      });
      if (open) {
        ended_.erase({rollout, number});
      } else {
        ended_.try_emplace({rollout, number}, court_.events.now());
      }
    }
    for (const auto& [name, rollout] : facts_.rollouts) {
      within_[name] = from_wire(rollout.spec().start_within());
      if (rollout.status().has_started()) started_.try_emplace(name, court_.events.now());
    }
  }

  void judge_waits(const std::string& name, const rest::Rollout& rollout) {
    const std::string& state = rollout.status().state();
    if (state != "paused" && state != "stopped") return;
    const bool waits = std::ranges::any_of(facts_.deployments, [&](const auto& one) {
      return one.second.rollout() == name && one.second.state() == "PENDING";
    });
    if (waits && rollout.status().waits().empty() && rollout.status().wave() > 0)
      object("rollout " + name + " is " + state + ", and does not say what it waits for");
  }

  std::set<std::string> moved_;                                      // deployments, in the newest batch
  std::map<std::pair<std::string, std::uint32_t>, MonoTime> ended_;  // by rollout and wave
  std::set<std::pair<std::string, std::uint32_t>> continued_;        // the same, by a person's word
  std::map<std::string, MonoTime> started_;                          // rollouts
  std::map<std::string, Duration> within_;                           // before the newest batch
};

}  // namespace

std::unique_ptr<Invariant> waves_hold(Court& court) { return std::make_unique<WavesHold>(court); }

}  // namespace metalmesh::sim
