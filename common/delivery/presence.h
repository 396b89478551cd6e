// The Hello/Welcome handshake: who is at the other end, is it alone, is its history the one we know,
// and what time is it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/time.h"
#include "common/ports/entropy.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::delivery {

/// The agent's half. Volatile: a new life starts unproven with a fresh incarnation.
class AgentPresence {
 public:
  AgentPresence(std::string incarnation, Duration hello_interval);

  /// Fills incarnation, nonce, echo and clock; the owner fills journal, cursor, epoch and version.
  wire::Hello hello(const Now& now, Entropy& entropy);
  [[nodiscard]] MonoTime next_hello(const Now& now) const;

  enum class Welcomed { ignored, ok, proven, twin, quarantined };
  /// `twin`: the controller welcomes another incarnation of this site: this agent must not arm.
  /// A Welcome counts only if it repeats one of the last nonces.
  Welcomed on_welcome(const wire::Welcome& welcome, const Now& now);

  /// Sole, known and in time: irreversible acts are allowed in this incarnation.
  [[nodiscard]] bool proven() const;
  [[nodiscard]] const std::string& incarnation() const;
  /// Wall interval learned from the round trip, if any: controller time +- RTT/2 + 200 ppm drift.
  [[nodiscard]] std::optional<Now> corrected(const Now& now) const;
  /// The bus went down: round trips start anew (what was proven stays proven).
  void on_bus_down();

 private:
  std::string incarnation_;
  Duration interval_;
  std::string nonce_;
  MonoTime sent_{};
  std::string challenge_;
  bool proven_ = false;
  struct TimeFix {
    MonoTime at;
    WallTime low;
    WallTime high;
  };
  std::optional<TimeFix> fix_;
};

/// The controller's half for one site. The incarnation that is current survives a restart: the owner
/// stores `current()`.
class SitePresence {
 public:
  SitePresence(std::string current_incarnation, Duration settle, Duration silent_after);

  /// Takes a Hello in and fills incarnation, nonce, challenge, proven, clock and quarantine of the Welcome.
  /// A new incarnation becomes current when it echoes a fresh challenge; it is proven only `settle` after
  /// it first spoke, and only if the one before it stayed silent. An incarnation that was replaced and
  /// echoes a challenge issued after that is alive: two agents, one identity: quarantine.
  wire::Welcome on_hello(const wire::Hello& hello, const Now& now, Entropy& entropy);

  [[nodiscard]] const std::string& current() const;
  [[nodiscard]] bool quarantined() const;
  void quarantine(std::string reason);
  /// A person decided (site re-enrolled).
  void clear_quarantine();
  [[nodiscard]] bool silent(const Now& now) const;
  [[nodiscard]] std::optional<MonoTime> last_heard() const;

 private:
  std::string current_;
  std::string candidate_;
  MonoTime candidate_since_{};
  std::string challenge_;
  std::string previous_challenge_;
  std::string retired_;
  Duration settle_;
  Duration silent_after_;
  std::optional<MonoTime> heard_;
  std::string quarantine_reason_;
};

}  // namespace metalmesh::delivery
