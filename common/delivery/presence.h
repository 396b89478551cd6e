// The Hello/Welcome handshake: who is at the other end, is it alone, is its history the one we know,
// and what time is it. Pure.
//
//   agent                                   controller
//   Hello{incarnation, nonce}          ->
//                                      <-   Welcome{incarnation, nonce, challenge}
//   Hello{incarnation, nonce', echo}   ->   alive *now*; it succeeds the incarnation before it
//                                      <-   Welcome{..., proven}   once it has been alone for `settle`
//
// Every message may be lost, repeated, late or replayed. What decides is therefore never that a Hello came,
// but that it echoed a challenge: the echo proves that this incarnation lived when the challenge was made.
// Lives of one agent follow each other; when each of two incarnations is proven to have lived after the other
// was first heard, two agents share one identity. No replay can produce such an echo.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/base/time_keeper.h"
#include "common/ports/entropy.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::delivery {

/// The agent's half. Volatile: a new life starts unproven with a fresh incarnation.
class AgentPresence {
 public:
  AgentPresence(std::string incarnation, Duration hello_interval);

  /// Fills incarnation, nonce, echo and clock; the owner fills journal, cursor, epoch and version.
  wire::Hello hello(const Now& now, Entropy& entropy);
  /// At once at first, soon while unproven or challenged, else one interval after the last one.
  [[nodiscard]] MonoTime next_hello(const Now& now) const;

  enum class Welcomed { ignored, ok, proven, twin, quarantined };
  /// A Welcome counts only if it repeats one of the last nonces. The exception: one that calls another
  /// incarnation proven after we were welcomed is `twin`: this agent must not arm. (An unproven one for
  /// another incarnation only makes us speak up: then the controller finds out.)
  Welcomed on_welcome(const wire::Welcome& welcome, const Now& now);

  /// It repeats one of the last nonces: who sent it has heard us since.
  [[nodiscard]] bool answers_us(const wire::Welcome& welcome) const;
  /// Says Hello soon: something came that only its sender can explain.
  void ask_soon(const Now& now);

  /// At each input. True when this incarnation has just woken late: who was told to be alone before it slept
  /// need not be so any more, and is to be told anew.
  bool wake(const Now& now);

  /// Takes only the challenge of a Welcome whose other words are not believed, and echoes it within that
  /// time. False when it answers no Hello of ours.
  bool on_challenge(const wire::Welcome& welcome, const Now& now,
                    Duration within = std::chrono::milliseconds(500));

  /// Sole, known and in time: irreversible acts are allowed in this incarnation.
  [[nodiscard]] bool proven() const;
  [[nodiscard]] const std::string& incarnation() const;
  /// The controller's time as far as round trips and our own monotone clock agree on it; nothing before a
  /// round trip. `now` with another wall interval.
  [[nodiscard]] std::optional<Now> corrected(const Now& now) const;
  [[nodiscard]] const TimeKeeper& clock() const { return clock_; }
  /// Goes on with the time that an earlier life of this agent had learned.
  void resume_clock(const WallFix& line, Duration steps, const std::optional<WallFix>& doubted) {
    clock_.resume(line, steps, doubted);
  }
  /// What the last Welcome said about the time, once.
  struct ClockNews {
    TimeKeeper::Heard heard = TimeKeeper::Heard::fits;
    Duration stepped{};    // it was set back by this: bounds that were given before move along
    bool learned = false;  // none was known before: bounds that were given till then move along, too
  };
  ClockNews take_clock_news() { return std::exchange(clock_news_, {}); }
  /// The bus went down: round trips start anew (what was proven stays proven).
  void on_bus_down();

 private:
  struct Sent {
    std::string nonce;
    MonoTime at;
  };
  /// The newest Welcome for us: which life of the controller said it, and how old that was.
  struct Newest {
    std::string life;
    Duration uptime{};
  };
  void learn_time(const wire::Welcome& welcome, MonoTime sent, MonoTime received);
  /// How soon an answer that does not prove is followed by the next Hello.
  [[nodiscard]] Duration pace() const;

  std::string incarnation_;
  Duration interval_;
  std::deque<Sent> sent_;  // the last Hellos, oldest first
  unsigned unanswered_ = 0;
  unsigned unproven_ = 0;  // answers in a row that did not prove
  std::optional<MonoTime> last_sent_;
  std::optional<MonoTime> speak_up_;
  std::string challenge_;
  std::optional<Newest> welcomed_;
  bool proven_ = false;
  MonoTime vouched_at_{};  // the Hello that was answered by that
  bool twin_ = false;
  bool quarantined_ = false;  // until it is vouched for anew
  TimeKeeper clock_;
  ClockNews clock_news_;
};

/// The controller's half for one site. Who is and who was current survives a restart: the owner stores
/// `current()` and `past()`.
class SitePresence {
 public:
  /// `past`: incarnations that were succeeded, as far as is remembered.
  SitePresence(std::string current_incarnation, std::vector<std::string> past, Duration settle,
               Duration silent_after);

  /// Takes a Hello in and fills incarnation, nonce, challenge, proven, clock and quarantine of the Welcome.
  /// An incarnation that echoes a challenge made after the current one was first heard becomes current; it is
  /// proven only `settle` after it first spoke, and only if every other one stayed silent that long. Two
  /// incarnations that each lived after the other was heard: quarantine.
  wire::Welcome on_hello(const wire::Hello& hello, const Now& now, Entropy& entropy);

  [[nodiscard]] const std::string& current() const;
  [[nodiscard]] const std::vector<std::string>& past() const { return past_; }
  [[nodiscard]] bool quarantined() const;
  [[nodiscard]] const std::string& quarantine_reason() const;
  void quarantine(std::string reason);
  /// A person decided (site re-enrolled).
  void clear_quarantine();
  /// Nobody at the site proved to be alive for `silent_after`.
  [[nodiscard]] bool silent(const Now& now) const;
  /// The last Hello that echoed a challenge of this life of the controller.
  [[nodiscard]] std::optional<MonoTime> last_heard() const;

 private:
  struct Life {
    std::string incarnation;
    MonoTime first_heard;
    MonoTime last_heard;
    std::string challenge;  // the newest one made for it, and when
    MonoTime challenge_at;
    std::string previous_challenge;  // Hello and Welcome may cross
    MonoTime previous_challenge_at;
    std::optional<MonoTime> alive_after;  // it echoed a challenge made then
    bool succeeded = false;               // by another one, before this life of the controller heard it
  };
  Life& life_of(const std::string& incarnation, MonoTime at);
  [[nodiscard]] const Life* find(const std::string& incarnation) const;
  /// When the challenge that `echo` repeats was made for `life`.
  [[nodiscard]] static std::optional<MonoTime> made_at(const Life& life, const std::string& echo);
  [[nodiscard]] bool alone(const Life& life, const Now& now) const;

  void make_current(const std::string& incarnation);
  [[nodiscard]] const Life* twin_of(const Life& life) const;

  std::string current_;
  std::vector<std::string> past_;  // oldest first, bounded
  Duration settle_;
  Duration silent_after_;
  std::vector<Life> lives_;  // bounded
  std::string life_;         // of this process, for the Welcomes
  std::optional<MonoTime> heard_;
  std::string quarantine_reason_;
};

}  // namespace metalmesh::delivery
