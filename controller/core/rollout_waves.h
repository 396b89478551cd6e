// The waves of a rollout: which there are, and which of them takes a server. One goes after the other; the first one is the
// canary. Pure, of the spec and of how many take part; who is in which wave is a part of the plan's digest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "controller/core/field_rules.h"

namespace metalmesh::controller {

/// Of a plan over so many servers, in order, with names and gates as they are by default. At least one, and who is taken by
/// none of the others is taken by the last.
std::vector<rest::RolloutWave> waves_of(const rest::RolloutSpec& spec, std::uint32_t servers);

/// What must hold before the wave behind it begins.
struct WaveGate {
  Duration soak{};
  bool person = false;
  std::optional<rules::Share> health;  // so many may have ended otherwise
};
WaveGate gate_of(const rest::RolloutGate& gate);
/// Of a rollout that is planned; `wave` from 1.
WaveGate gate_behind(const rest::Rollout& rollout, std::uint32_t wave);
/// "all of it succeeded, 30 min of soak, a person"; empty: none.
std::string gate_words(const WaveGate& gate);
/// So many more than `share` of `whole` ended otherwise.
bool is_beyond(const rules::Share& share, std::uint32_t missed, std::uint32_t whole);

/// "wave 2 (ten)"
std::string wave_words(const rest::RolloutStatus& status, std::uint32_t wave);

/// Until when it may start what it starts, by default: as long as it may have to wait between its waves is added.
Duration usual_start_within(const rest::RolloutSpec& spec);

rules::Verdict check_waves(const rest::RolloutSpec& spec);

/// Deals servers out, in the order of their names. Those that answered last come first into a small first wave: what a
/// canary that is off shows is nothing.
class WaveDeal {
 public:
  struct Server {
    std::string site;
    std::string type;  // of hardware; empty: none
    bool answers = false;
  };
  static constexpr std::uint32_t small = 64;

  /// `first`: who was chosen for the first wave when the plan was made that is made again; empty: nobody yet.
  WaveDeal(const rest::RolloutSpec& spec, std::uint32_t servers, std::set<std::string> first);

  /// True when the first wave is small, so that everybody has to be asked once before they are dealt out.
  [[nodiscard]] bool prefers() const { return prefers_; }
  /// Once for everybody: the first wave takes it for what is known of it.
  bool prefer(const std::string& name, const Server& server);
  /// Then once for each that was not preferred: its wave.
  std::uint32_t deal(const Server& server);

  [[nodiscard]] const std::vector<rest::RolloutWave>& waves() const { return waves_; }
  /// One of them looks at types of hardware.
  [[nodiscard]] bool needs_types() const;

 private:
  struct Room {
    std::uint32_t left = 0;
    std::map<std::string, std::uint32_t> taken_by_type;
  };
  [[nodiscard]] bool takes(std::size_t wave, const Server& server);

  std::vector<rest::RolloutWave> waves_;
  std::vector<Room> rooms_;
  std::set<std::string> first_;
  bool prefers_ = false;
};

}  // namespace metalmesh::controller
