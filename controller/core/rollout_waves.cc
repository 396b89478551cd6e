#include "controller/core/rollout_waves.h"

#include <algorithm>
#include <utility>

#include "common/base/planted.h"
#include "common/ports/wire_time.h"
#include "common/text/glob.h"
#include "controller/core/actions/actions.h"
#include "controller/core/object_rules.h"

namespace metalmesh::controller {
namespace {

using rules::Verdict;

constexpr int waves_most = 20;
constexpr int patterns_most = 1000;
constexpr std::uint32_t servers_most = 100'000;
constexpr std::int64_t longest_soak = 7 * 24 * 3600;  // seconds
constexpr std::uint32_t hundred = 100;

bool is_limited(const rest::RolloutWave& wave) {
  return wave.servers() != 0 || wave.percent() != 0 || wave.per_type() != 0;
}
bool takes_anybody(const rest::RolloutWave& wave) {
  return !is_limited(wave) && wave.sites().empty() && wave.hardware_types().empty();
}

/// The canary of stopAfter, or the usual one.
std::vector<rest::RolloutWave> usual_waves(const rest::RolloutSpec& spec, std::uint32_t servers) {
  const rest::RolloutStop& stop = spec.stop_after();
  rest::RolloutWave canary;
  if (stop.canary() != 0) {
    canary.set_servers(stop.canary());
  } else if (action_of(spec).has_canary && servers > defaults::canary_above) {
    canary.set_per_type(1);
  }
  if (stop.no_canary() || !is_limited(canary) || canary.servers() >= servers) return {rest::RolloutWave()};
  return {canary, rest::RolloutWave()};
}

std::string usual_name(std::size_t index, std::size_t all) {
  if (index + 1 == all) return all == 1 ? "all" : "rest";
  return index == 0 ? "canary" : "wave-" + std::to_string(index + 1);
}

bool matches(const google::protobuf::RepeatedPtrField<std::string>& patterns, const std::string& value) {
  return patterns.empty() ||
         std::ranges::any_of(patterns, [&](const auto& pattern) { return glob_matches(pattern, value); });
}

Verdict check_wave(const std::string& field, const rest::RolloutWave& wave) {
  const int amounts =
      (wave.servers() != 0 ? 1 : 0) + (wave.percent() != 0 ? 1 : 0) + (wave.per_type() != 0 ? 1 : 0);
  if (amounts > 1)
    return rules::refusal(ErrorKind::invalid, field, "says more than one of: servers, percent, perType");
  for (const auto* patterns : {&wave.sites(), &wave.hardware_types()}) {
    const std::string which = field + (patterns == &wave.sites() ? ".sites" : ".hardwareTypes");
    if (patterns->size() > patterns_most)
      return rules::at_most(which, static_cast<std::uint64_t>(patterns->size()), patterns_most);
    for (int i = 0; i < patterns->size(); ++i) {
      if (auto bad = rules::name_pattern(which + "[" + std::to_string(i) + "]", patterns->Get(i))) return bad;
    }
  }
  const rest::RolloutGate& gate = wave.gate();
  return rules::first_of(
      {rules::if_set(wave.name(), [&](const auto& v) { return rules::name(field + ".name", v); }),
       rules::at_most(field + ".servers", wave.servers(), servers_most),
       rules::at_most(field + ".percent", wave.percent(), hundred),
       rules::at_most(field + ".perType", wave.per_type(), servers_most),
       gate.has_soak() ? rules::duration(field + ".gate.soak", gate.soak(), longest_soak) : std::nullopt,
       rules::if_set(gate.health(), [&](const auto& v) {
         return v == "0" ? std::nullopt : rules::share(field + ".gate.health", v);
       })});
}

}  // namespace

std::vector<rest::RolloutWave> waves_of(const rest::RolloutSpec& spec, std::uint32_t servers) {
  std::vector<rest::RolloutWave> waves(spec.waves().begin(), spec.waves().end());
  if (waves.empty()) waves = usual_waves(spec, servers);
  if (!takes_anybody(waves.back())) waves.emplace_back();
  for (std::size_t i = 0; i < waves.size(); ++i) {
    if (waves[i].name().empty()) waves[i].set_name(usual_name(i, waves.size()));
  }
  if (waves.size() > 1 && waves.front().gate().health().empty())
    waves.front().mutable_gate()->set_health("0");
  return waves;
}

WaveGate gate_behind(const rest::Rollout& rollout, std::uint32_t wave) {
  const auto waves = waves_of(rollout.spec(), rollout.status().plan().server_count());
  if (wave == 0 || wave > waves.size()) return {};
  return gate_of(waves[wave - 1].gate());
}

WaveGate gate_of(const rest::RolloutGate& said) {
  WaveGate gate{from_wire(said.soak()), said.person(), std::nullopt};
  if (said.health() == "0") {
    gate.health = rules::Share{0, false};
  } else {
    gate.health = rules::parse_share(said.health());
  }
  return gate;
}

std::string gate_words(const WaveGate& gate) {
  std::string words;
  const auto add = [&](const std::string& more) { words += (words.empty() ? "" : ", ") + more; };
  if (gate.health) {
    const std::string share = std::to_string(gate.health->number) + (gate.health->percent ? " %" : "");
    add(gate.health->number == 0 ? "all of it succeeded" : "at most " + share + " of it did not succeed");
  }
  if (gate.soak > Duration::zero())
    add(std::to_string(std::chrono::ceil<std::chrono::minutes>(gate.soak).count()) + " min of soak");
  if (gate.person) add("a person lets it go on");
  return words;
}

bool is_beyond(const rules::Share& share, std::uint32_t missed, std::uint32_t whole) {
  if (!share.percent) return missed > share.number;
  return std::uint64_t{missed} * hundred > std::uint64_t{share.number} * whole;
}

std::string wave_words(const rest::RolloutStatus& status, std::uint32_t wave) {
  std::string words = "wave " + std::to_string(wave);
  const auto found = std::ranges::find(status.waves(), wave, &rest::RolloutWaveStatus::number);
  return found == status.waves().end() ? words : words + " (" + found->name() + ")";
}

Duration usual_start_within(const rest::RolloutSpec& spec) {
  constexpr Duration a_person_comes_within = std::chrono::hours(24);
  Duration within = defaults::start_within;
  // It may have to wait for its next window, or for that of the days that it names.
  for (const rest::StartWindow& window : spec.windows())
    within = std::max<Duration>(
        within, defaults::start_within + std::chrono::hours(window.days().empty() ? 24 : 24 * 7));
  for (const rest::RolloutWave& wave : spec.waves()) {
    within += from_wire(wave.gate().soak());
    if (wave.gate().person()) within += a_person_comes_within;
  }
  return std::min<Duration>(within, std::chrono::hours(24 * 30));
}

Verdict check_waves(const rest::RolloutSpec& spec) {
  if (spec.waves().empty()) return std::nullopt;
  const auto& stop = spec.stop_after();
  if (stop.no_canary() || stop.canary() != 0)
    return rules::refusal(ErrorKind::invalid,
                          stop.no_canary() ? "spec.stopAfter.noCanary" : "spec.stopAfter.canary",
                          "contradicts spec.waves, of which the first one is the canary");
  if (spec.waves_size() > waves_most)
    return rules::at_most("spec.waves", static_cast<std::uint64_t>(spec.waves_size()), waves_most);
  std::set<std::string> names;
  for (int i = 0; i < spec.waves_size(); ++i) {
    const std::string field = "spec.waves[" + std::to_string(i) + "]";
    const rest::RolloutWave& wave = spec.waves(i);
    if (auto bad = check_wave(field, wave)) return bad;
    if (!wave.name().empty() && !names.insert(wave.name()).second)
      return rules::refusal(ErrorKind::invalid, field + ".name", "\"" + wave.name() + "\" names two waves");
    if (takes_anybody(wave) && i + 1 < spec.waves_size())
      return rules::refusal(ErrorKind::invalid, field, "takes all that are left, and more waves follow",
                            "say how many it takes, or of which sites or hardware types");
  }
  return std::nullopt;
}

WaveDeal::WaveDeal(const rest::RolloutSpec& spec, std::uint32_t servers, std::set<std::string> first)
    : waves_(waves_of(spec, servers)), rooms_(waves_.size()), first_(std::move(first)) {
  for (std::size_t i = 0; i < waves_.size(); ++i)
    rooms_[i].left =
        waves_[i].percent() == 0 ? waves_[i].servers() : rules::Share{waves_[i].percent(), true}.of(servers);
  prefers_ = waves_.size() > 1 && is_limited(waves_.front()) && rooms_.front().left <= small;
}

bool WaveDeal::needs_types() const {
  return std::ranges::any_of(waves_, [](const rest::RolloutWave& wave) {
    return wave.per_type() != 0 || !wave.hardware_types().empty();
  });
}

/// And then it has one place less.
bool WaveDeal::takes(std::size_t index, const Server& server) {
  const rest::RolloutWave& wave = waves_[index];
  Room& room = rooms_[index];
  if (!matches(wave.sites(), server.site) || !matches(wave.hardware_types(), server.type)) return false;
  if (wave.per_type() != 0) {
    std::uint32_t& taken = room.taken_by_type[server.type];
    if (taken >= wave.per_type()) return false;
    ++taken;
    return true;
  }
  if (!is_limited(wave)) return true;
  if (room.left == 0) return false;
  --room.left;
  return true;
}

bool WaveDeal::prefer(const std::string& name, const Server& server) {
  if (!prefers_) return false;
  const bool preferred = first_.empty() ? server.answers : first_.contains(name);
  return preferred && takes(0, server);
}

std::uint32_t WaveDeal::deal(const Server& server) {
  for (std::size_t i = 0; i + 1 < waves_.size(); ++i) {
    if (takes(i, server)) return static_cast<std::uint32_t>(i + 1);
  }
  return static_cast<std::uint32_t>(waves_.size());
}

}  // namespace metalmesh::controller
