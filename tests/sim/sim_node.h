// One node: a production core behind the production turn, on simulated ports. It can lose power before a
// commit, after it, or between two effects; its store is all that the next life finds. It has clocks of its
// own: a monotone one that begins anywhere, runs a little fast or slow and begins anew at a reboot, and a
// wall clock that people and daemons set. It can be frozen, and wakes with its inputs queued and time gone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/turn/turn.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/sim_keys.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

/// What a node's effects and commits meet. `deliver` reaches only the life that asked.
struct Surroundings {
  using Deliver = std::function<void(Input)>;
  Duration clock_error{};  // how well this node knows the time; the interval it is shown is honest
  std::function<void(Publish)> publish;
  std::function<void(const HttpRequest&, Deliver)> http;  // after the rows of its turn became durable
  std::function<void(const ImageFetch&, Deliver)> fetch;
  std::function<void(const ImageDrop&)> drop;
  std::function<void(const ImageVerify&, Deliver)> verify;
  std::function<void(const wire::MediaCommand&)> media;
  std::function<void(const ProbeStart&, Deliver)> probe;
  std::function<void(const Batch&)> durable;  // a batch became durable
  std::function<Batch(const RowReader&)>
      care;                                 // what its program does about rotten rows before its core loads
  std::function<void(const Batch&)> cared;  // that became durable
  std::function<void(Deliver)> came_up;     // a new life waits for its first inputs
  std::function<void()> went_down;
  std::function<void(std::string_view)> log_line;
};

class SimNode final : Bus, HttpClient, Timers, ImageFiles, MediaLink, Prober, LogSink, Store {
 public:
  using MakeCore = std::function<std::unique_ptr<DecisionCore>(const RowReader&, Entropy&)>;

  SimNode(std::string name, EventQueue& events, Trace& trace, const Swarm& swarm, Random random,
          MakeCore make_core, Surroundings around);

  void start();
  /// Power loss, now. It comes back by itself.
  void crash(std::string_view why);
  void deliver(Input input);
  /// A message that must change nothing; `judged` is told whether it did. It arrives right behind the next turn, when
  /// all that was due by then is done: what time alone brings about is not held against it.
  void try_bad(MessageArrived message, std::function<void(bool ignored)> judged);
  /// Loses power and comes back with other rows.
  void crash_into(SimStore::Rows rows, std::string_view why);
  /// Loses power; when it comes back a bit of that row has turned over.
  void rot(std::string key, std::string_view why);
  /// Loses power until `revive`.
  void stop();
  void revive();
  void step_clock(Duration by) { clock_offset_ += by; }
  /// The machine goes down, not the process alone: its monotone clock begins anew.
  void reboot(std::string_view why);
  /// No turn for so long; what comes meanwhile waits.
  void freeze(Duration length);
  [[nodiscard]] bool alive() const { return life_ != nullptr; }
  [[nodiscard]] DecisionCore* core() { return life_ ? life_->core.get() : nullptr; }
  [[nodiscard]] SimStore& rows() { return rows_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Now now() const;
  [[nodiscard]] unsigned crashes() const { return crashes_; }

  void set_healthy();

 private:
  struct Life {
    std::unique_ptr<DecisionCore> core;
    std::unique_ptr<Turn> turn;
    std::vector<Input> inbox;
    std::vector<std::pair<MessageArrived, std::function<void(bool)>>>
        bad;  // to be tried behind the next turn
    bool turn_due = false;
    std::map<std::string, unsigned> timers;  // token -> version of the newest arm
  };
  void care_for_rows();
  Surroundings::Deliver to_this_life();
  void boot_machine();
  /// What its monotone clock shows at a moment, and the other way round.
  [[nodiscard]] MonoTime own_time(MonoTime at) const;
  [[nodiscard]] MonoTime true_time(MonoTime mono) const;
  void schedule_turn();
  void run_turn();
  /// False when the node is dead before this effect leaves.
  bool leaves();

  void publish(Publish message) override;
  void start(HttpRequest request) override;
  void arm(TimerArm timer) override;
  void disarm(TimerDisarm timer) override;
  void fetch(ImageFetch fetch) override;
  void drop(ImageDrop drop) override;
  void limit(ImageLimit) override {}
  void verify(ImageVerify verify) override;
  void send(MediaSend message) override;
  void probe(ProbeStart probe) override;
  void write(const LogLine& line) override;

  Status commit(const Batch& batch) override;
  [[nodiscard]] StoreSpace space() const override { return rows_.space(); }
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    return rows_.get(key);
  }
  [[nodiscard]] Result<std::vector<Row>> scan(std::string_view first, std::string_view last,
                                              std::size_t limit) const override {
    return rows_.scan(first, last, limit);
  }

  std::string name_;
  EventQueue& events_;
  Trace& trace_;
  const Swarm& swarm_;
  Random random_;
  SimEntropy entropy_;
  MakeCore make_core_;
  Surroundings around_;
  SimStore rows_;
  std::unique_ptr<Life> life_;
  unsigned lives_ = 0;
  unsigned crashes_ = 0;
  unsigned timer_version_ = 0;
  bool healthy_ = false;
  bool starting_ = false;
  bool stopped_ = false;
  std::optional<std::uint64_t> effects_left_;  // until the power goes
  bool dying_ = false;
  Duration clock_offset_{};
  // Its monotone clock: what it showed at `booted_at_`, and by how many millionths it is fast.
  MonoTime booted_at_{};
  MonoTime mono_at_boot_{};
  std::int64_t fast_ppm_ = 0;
  std::uint64_t boot_ = 0;
  MonoTime awake_since_{};  // in true time
  MonoTime frozen_until_{};
};

}  // namespace metalmesh::sim
