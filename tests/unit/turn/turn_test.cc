#include "common/turn/turn.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <thread>

#include "common/turn/gathering.h"

namespace metalmesh {
namespace {

using namespace std::chrono_literals;

/// Everything a turn does, in the order it does it.
using Journal = std::vector<std::string>;

class JournalStore final : public Store {
 public:
  explicit JournalStore(Journal& journal) : journal_(journal) {}
  Status commit(const Batch& batch) override {
    if (failing) {
      journal_.push_back("commit failed");
      return fail(ErrorKind::exhausted, "disk full");
    }
    std::string keys = "commit";
    for (const RowWrite& write : batch) keys += " " + write.key;
    journal_.push_back(keys);
    return {};
  }
  StoreSpace space() const override { return level; }
  Result<std::optional<std::string>> get(std::string_view) const override { return std::nullopt; }
  Result<std::vector<Row>> scan(std::string_view, std::string_view, std::size_t) const override {
    return std::vector<Row>();
  }

  bool failing = false;
  StoreSpace level{1000, false};

 private:
  Journal& journal_;
};

struct JournalPorts final : Bus, Timers, LogSink {
  explicit JournalPorts(Journal& into) : journal(into) {}
  void publish(Publish message) override { journal.push_back("publish " + message.payload); }
  void arm(TimerArm timer) override { journal.push_back("arm " + timer.token); }
  void disarm(TimerDisarm timer) override { journal.push_back("disarm " + timer.token); }
  void write(const LogLine& line) override {
    const std::lock_guard lock(mutex);
    journal.push_back("log " + line.message);
  }
  std::mutex mutex;
  Journal& journal;
};

class ScriptedCore final : public DecisionCore {
 public:
  Outcome handle(const Input& input, const Now&) override {
    seen.emplace_back(name_of(input));
    return script ? script(input) : Outcome{};
  }
  std::function<Outcome(const Input&)> script;
  std::vector<std::string> seen;
};

struct Node {
  Journal journal;
  JournalStore store{journal};
  JournalPorts ports{journal};
  ScriptedCore core;
  Turn turn{core, store, Ports{.bus = &ports, .timers = &ports, .log = &ports}};
  Now now{MonoTime(100s), WallTime(), WallTime()};
};

Input message(std::string payload) { return MessageArrived{"t", std::move(payload)}; }

/// Writes a row, publishes and logs for each message.
Outcome echo(const Input& input) {
  Outcome outcome;
  if (const auto* arrived = std::get_if<MessageArrived>(&input)) {
    outcome.put(arrived->payload, "");
    outcome.emit(Publish{"t", arrived->payload});
    outcome.log(LogLevel::info, "took " + arrived->payload);
  }
  return outcome;
}

TEST(Turn, commits_all_rows_once_before_it_releases_anything) {
  Node node;
  node.core.script = echo;
  ASSERT_TRUE(node.turn.step({message("a"), message("b")}, node.now).has_value());
  EXPECT_EQ(node.journal, (Journal{"commit a b", "log took a", "log took b", "publish a", "publish b"}));
  EXPECT_EQ(node.core.seen,
            (std::vector<std::string>{"MessageArrived", "MessageArrived", "DiskLevel", "Committed"}));
}

TEST(Turn, a_failed_commit_releases_nothing_and_ends_the_life) {
  Node node;
  node.core.script = echo;
  node.store.failing = true;
  const Status status = node.turn.step({message("a")}, node.now);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(node.journal,
            (Journal{"commit failed", "log commit failed, nothing of this turn was done: disk full"}));
  EXPECT_EQ(node.core.seen.back(), "DiskLevel");  // never Committed
}

TEST(Turn, without_rows_nothing_is_committed) {
  Node node;
  node.core.script = [](const Input& input) {
    Outcome outcome;
    if (std::holds_alternative<TimerFired>(input)) outcome.emit(TimerArm{"again", MonoTime(1s)});
    return outcome;
  };
  ASSERT_TRUE(node.turn.step({TimerFired{"x"}}, node.now).has_value());
  EXPECT_EQ(node.journal, (Journal{"arm again"}));
}

TEST(Turn, delivers_committed_until_no_rows_are_left) {
  Node node;
  int rounds = 0;
  node.core.script = [&](const Input& input) {
    Outcome outcome;
    if (std::holds_alternative<Started>(input)) outcome.put("start", "");
    if (std::holds_alternative<Committed>(input) && ++rounds < 3) {
      outcome.put("round" + std::to_string(rounds), "");
      outcome.emit(Publish{"t", std::to_string(rounds)});
    }
    return outcome;
  };
  ASSERT_TRUE(node.turn.step({Started{}}, node.now).has_value());
  EXPECT_EQ(node.journal,
            (Journal{"commit start", "commit round1", "publish 1", "commit round2", "publish 2"}));
}

TEST(Turn, a_core_that_always_writes_does_not_keep_inputs_waiting) {
  Node node;
  node.core.script = [](const Input&) {
    Outcome outcome;
    outcome.put("k", "");
    return outcome;
  };
  ASSERT_TRUE(node.turn.step({Started{}}, node.now).has_value());
  EXPECT_EQ(node.journal.size(), 16U);
  ASSERT_EQ(node.core.seen.back(), "Committed");
  node.core.seen.clear();
  node.core.script = nullptr;
  ASSERT_TRUE(node.turn.step({message("a")}, node.now).has_value());
  EXPECT_EQ(node.core.seen, (std::vector<std::string>{"Committed", "MessageArrived"}));  // the one it owed
}

TEST(Turn, reports_the_disk_level_when_it_changes) {
  Node node;
  std::vector<bool> levels;
  node.core.script = [&](const Input& input) {
    if (const auto* level = std::get_if<DiskLevel>(&input)) levels.push_back(level->low);
    return echo(input);
  };
  ASSERT_TRUE(node.turn.step({Started{}}, node.now).has_value());
  EXPECT_EQ(node.core.seen, (std::vector<std::string>{"Started", "DiskLevel"}));
  node.store.level.low = true;
  node.now.mono += 1s;
  ASSERT_TRUE(node.turn.step({}, node.now).has_value());
  EXPECT_EQ(levels, (std::vector<bool>{false}));  // not looked at again so soon
  ASSERT_TRUE(node.turn.step({message("a")}, node.now).has_value());
  EXPECT_EQ(levels, (std::vector<bool>{false, true}));  // but after every commit
  node.store.level.low = false;
  node.now.mono += 6s;
  ASSERT_TRUE(node.turn.step({}, node.now).has_value());
  EXPECT_EQ(levels, (std::vector<bool>{false, true, false}));
}

TEST(Turn, halt_stops_after_what_came_before_it) {
  Node node;
  node.core.script = [](const Input& input) {
    Outcome outcome;
    if (!std::holds_alternative<Started>(input)) return outcome;
    outcome.put("quarantined", "");
    outcome.emit(Publish{"t", "last words"});
    outcome.emit(Halt{"two agents, one identity"});
    outcome.emit(Publish{"t", "never"});
    return outcome;
  };
  const Status status = node.turn.step({Started{}}, node.now);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message, "two agents, one identity");
  EXPECT_EQ(node.journal,
            (Journal{"commit quarantined", "publish last words", "log halting: two agents, one identity"}));
}

TEST(TurnDeathTest, a_missing_port_is_a_defect) {
  Node node;
  node.core.script = [](const Input&) {
    Outcome outcome;
    outcome.emit(ProbeStart{});
    return outcome;
  };
  EXPECT_DEATH((void)node.turn.step({Started{}}, node.now), "check failed");
}

/// Answers questions without a row; does with everything else as `echo`.
Outcome answer(const Input& input) {
  Outcome outcome = echo(input);
  if (const auto* opened = std::get_if<ExchangeOpened>(&input))
    outcome.emit(Publish{"t", "answer " + opened->target});
  return outcome;
}

Input question(std::string target) {
  ExchangeOpened opened;
  opened.target = std::move(target);
  return opened;
}

TEST(Turn, answers_reads_one_by_one_without_a_commit) {
  Node node;
  node.core.script = answer;
  ASSERT_TRUE(node.turn.read({question("a"), question("b")}, node.now).has_value());
  EXPECT_EQ(node.journal, (Journal{"publish answer a", "publish answer b"}));
}

TEST(TurnDeathTest, a_read_that_writes_is_a_defect) {
  Node node;
  node.core.script = echo;
  EXPECT_DEATH((void)node.turn.read({message("a")}, node.now), "check failed");
}

TEST(Gathering, pays_in_company_only) {
  EXPECT_FALSE(gathering::pays(0));
  EXPECT_FALSE(gathering::pays(gathering::company - 1));  // one job and its timer, one caller
  EXPECT_TRUE(gathering::pays(gathering::company));
}

class TickingClock final : public Clock {
 public:
  Now now() override { return {mono_ += 1s, WallTime(), WallTime()}; }

 private:
  MonoTime mono_{};
};

TEST(Turn, runs_until_it_is_stopped) {
  Node node;
  InputQueue queue;
  TickingClock clock;
  std::stop_source stop;
  node.core.script = [&](const Input& input) {
    if (const auto* arrived = std::get_if<MessageArrived>(&input);
        arrived != nullptr && arrived->payload == "99") {
      stop.request_stop();
    }
    return echo(input);
  };
  std::jthread sender([&] {
    for (int i = 0; i < 100; ++i) queue.deliver(message(std::to_string(i)));
  });
  ASSERT_TRUE(node.turn.run(queue, clock, stop.get_token()).has_value());
  EXPECT_EQ(node.core.seen.front(), "Started");
  EXPECT_EQ(std::ranges::count_if(node.journal, [](const auto& line) { return line.starts_with("publish"); }),
            100);
}

TEST(Turn, handles_reads_before_the_inputs_that_came_before_them) {
  Node node;
  InputQueue queue({}, [](const Input& input) { return std::holds_alternative<ExchangeOpened>(input); });
  TickingClock clock;
  std::stop_source stop;
  node.core.script = [&](const Input& input) {
    if (std::holds_alternative<MessageArrived>(input)) stop.request_stop();
    return answer(input);
  };
  queue.deliver(message("a"));
  queue.deliver(question("b"));
  ASSERT_TRUE(node.turn.run(queue, clock, stop.get_token()).has_value());
  EXPECT_EQ(node.journal, (Journal{"publish answer b", "commit a", "log took a", "publish a"}));
}

TEST(Turn, run_ends_with_the_error_of_a_failed_commit) {
  Node node;
  InputQueue queue;
  TickingClock clock;
  node.core.script = echo;
  node.store.failing = true;
  queue.deliver(message("a"));
  const Status status = node.turn.run(queue, clock, std::stop_token());
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().kind, ErrorKind::exhausted);
}

}  // namespace
}  // namespace metalmesh
