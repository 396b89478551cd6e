// A small core with every habit of a large one, recorded and played: it reads its rows, draws, digests,
// verifies, and copies secrets about.
#include <gtest/gtest.h>

#include "common/base/digest.h"
#include "common/ports/memory_rows.h"
#include "common/recording/frames.h"
#include "common/recording/input_codec.h"
#include "common/recording/player.h"
#include "common/recording/recorder.h"

namespace metalmesh::recording {
namespace {

using namespace std::chrono_literals;

class CountingEntropy final : public Entropy {
 public:
  std::string bytes(std::size_t count) override {
    return std::string(count, static_cast<char>('a' + drawn_++));
  }

 private:
  int drawn_ = 0;
};

class EvenVerifier final : public Verifier {
 public:
  bool verify(std::string_view, std::string_view, std::string_view payload,
              const SignatureBytes&) const override {
    return payload.size() % 2 == 0;
  }
};

class Segments final : public RecordSink {
 public:
  void begin_segment(std::uint64_t) override { all.emplace_back(); }
  void write(std::string frame) override { all.back() += frame; }
  bool segment_due() override { return std::exchange(due, false); }
  std::vector<std::string> all;
  bool due = false;
};

class HabitualCore final : public DecisionCore {
 public:
  HabitualCore(const RowReader& rows, const Verifier& verifier, Entropy& entropy, bool defect = false)
      : rows_(rows),
        verifier_(verifier),
        entropy_(entropy),
        defect_(defect),
        born_(to_hex(entropy.bytes(4))) {}

  Outcome handle(const Input& input, const Now& now) override {
    Outcome out;
    ++seen_;
    if (const auto* message = std::get_if<MessageArrived>(&input)) {
      const bool good = verifier_.verify("site", "k", message->payload, {});
      out.put("last", (good ? "good " : "bad ") + born_ + rows_.get("last")->value_or("first"));
      out.put("chain", sha256(rows_.get("chain")->value_or(""), message->payload));
    } else if (const auto* reply = std::get_if<HttpReplied>(&input)) {
      token_ = reply->headers.at(0).second;
      out.put("door", to_hex(entropy_.secret(16)));
      out.emit(HttpRequest{"2",
                           "GET",
                           "https://bmc/m/" + rows_.get("door")->value_or(""),
                           {{"X-Auth-Token", token_}},
                           reply->body});
    } else if (const auto* timer = std::get_if<TimerFired>(&input)) {
      const int step = defect_ && timer->token == "third" ? 2 : 1;
      out.emit(TimerArm{timer->token, now.mono + step * 1s});
      if (seen_ > 3) out.emit(Publish{"t", token_});
    }
    return out;
  }

 private:
  const RowReader& rows_;
  const Verifier& verifier_;
  Entropy& entropy_;
  bool defect_;
  std::string born_;
  std::string token_;
  int seen_ = 0;
};

/// A life as the turn would lead it.
class Life {
 public:
  Life() {
    store_.commit({{"last", "before"}, {"secret", "planted-in-a-row"}});
    NodeTraits traits;
    traits.head.set_node("toy");
    traits.head.set_life("1");
    traits.find_in_row = [](std::string_view key, std::string_view value, SecretSet& secrets) {
      if (key == "secret") secrets.learn(value);
    };
    recorder_.emplace(store_, entropy_, verifier_, segments, std::move(traits), 42);
    const auto watching = recorder_->watch();
    core_.emplace(store_, recorder_->verifier(), recorder_->entropy());
    recorded_.emplace(*core_, *recorder_);
  }
  void handle(const Input& input) {
    now_.mono += 1s;
    const Outcome out = recorded_->handle(input, now_);
    if (out.rows.empty()) return;
    store_.commit(out.rows);
    handle(Committed{});
  }
  void lead() {
    handle(Started{});
    handle(MessageArrived{"t", "even"});
    handle(HttpReplied{"1", 201, {{"x-auth-token", "planted-session-token"}}, "body", ""});
    handle(MessageArrived{"t", "odd: planted-session-token"});
    for (const char* timer : {"first", "second", "third", "fourth"}) handle(TimerFired{timer});
    handle(HttpReplied{"1", 200, {{"x-auth-token", "planted-session-token"}}, "planted-session-token", ""});
  }
  Segments segments;

 private:
  MemoryRows store_;
  CountingEntropy entropy_;
  EvenVerifier verifier_;
  std::optional<Recorder> recorder_;
  std::optional<HabitualCore> core_;
  std::optional<RecordedCore> recorded_;
  Now now_;
};

MakeCore core_with(bool defect) {
  return [defect](const record::RecordingHead&, const RowReader& rows,
                  Oracles& oracles) -> Result<std::unique_ptr<DecisionCore>> {
    return std::make_unique<HabitualCore>(rows, oracles, oracles, defect);
  };
}

PlayReport played(const Stretch& stretch, bool defect = false) {
  const auto report = play(stretch, core_with(defect), {}, {});
  return report ? *report : PlayReport();
}

TEST(Recording, PlaysToTheSameDecisionsAlthoughSecretsWereMasked) {
  Life life;
  life.lead();
  const auto stretches = stretches_of(life.segments.all);
  ASSERT_TRUE(stretches && stretches->size() == 1);
  const PlayReport report = played(stretches->front());
  EXPECT_GT(report.steps, 10U);
  EXPECT_EQ(report.same, report.steps) << (report.first ? report.first->what : "");
  EXPECT_GE(report.masked, 3U);
  EXPECT_EQ(report.first_masked, 4U) << "Started, message, Committed, then the reply with the token";
}

TEST(Recording, HoldsNoSecret) {
  Life life;
  life.lead();
  const std::string all = life.segments.all.at(0);
  EXPECT_EQ(all.find("planted"), std::string::npos);
  EXPECT_EQ(all.find(std::string(16, 'b')), std::string::npos) << "the door's key as it was drawn";
  EXPECT_EQ(all.find(to_hex(std::string(16, 'b'))), std::string::npos);
}

TEST(Recording, NamesTheFirstDecisionThatIsAnother) {
  Life life;
  life.lead();
  const auto stretches = stretches_of(life.segments.all);
  const PlayReport report = played(stretches->front(), true);
  ASSERT_TRUE(report.first);
  EXPECT_EQ(report.same, report.steps - 1);
  EXPECT_TRUE(report.first->what.starts_with("TimerFired: other effects")) << report.first->what;
}

TEST(Recording, IsPlayedToItsLastWholeFrameWhereverItWasCut) {
  Life life;
  life.lead();
  const std::string whole = life.segments.all.at(0);
  const auto complete = stretches_of(life.segments.all)->front().steps.size();
  std::size_t last = 0;
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    const auto stretches = stretches_of({whole.substr(0, length)});
    if (!stretches) continue;  // not even its head
    const Stretch& cut = stretches->front();
    const PlayReport report = played(cut);
    EXPECT_EQ(report.same, cut.steps.size());
    EXPECT_GE(cut.steps.size(), last);
    last = cut.steps.size();
  }
  EXPECT_EQ(last, complete - 1);
}

TEST(Recording, AFrameThatIsDamagedEndsItsSegment) {
  Life life;
  life.lead();
  std::string damaged = life.segments.all.at(0);
  damaged[damaged.size() / 2] ^= 1;
  const auto stretches = stretches_of({damaged});
  ASSERT_TRUE(stretches);
  EXPECT_TRUE(stretches->front().cut_off);
  EXPECT_EQ(played(stretches->front()).same, stretches->front().steps.size());
}

TEST(Recording, SegmentsOfOneLifeAreOneStretchAndItsSnapshotsAreSkipped) {
  Life life;
  life.lead();
  life.segments.due = true;
  life.lead();
  ASSERT_EQ(life.segments.all.size(), 2U);
  const auto stretches = stretches_of(life.segments.all);
  ASSERT_TRUE(stretches && stretches->size() == 1);
  const PlayReport report = played(stretches->front());
  EXPECT_EQ(report.same, report.steps) << (report.first ? report.first->what : "");
}

TEST(Recording, ALifeWithoutItsBeginningSaysSo) {
  Life life;
  life.lead();
  life.segments.due = true;
  life.lead();
  const auto stretches = stretches_of({life.segments.all.at(1)});
  ASSERT_TRUE(stretches && stretches->size() == 1);
  EXPECT_FALSE(stretches->front().head.from_birth());
  const PlayReport report = played(stretches->front());
  EXPECT_GT(report.same, 0U);
}

TEST(Recording, ALifeWithoutItsBeginningIsToldWhatStillHolds) {
  Life life;
  life.handle(Started{});
  life.handle(BusUp{});
  life.handle(DiskLevel{true, 5});
  life.handle(BusDown{"gone"});
  life.segments.due = true;
  life.handle(TimerFired{"first"});
  const auto stretches = stretches_of({life.segments.all.at(1)});
  ASSERT_TRUE(stretches);
  ASSERT_EQ(stretches->front().head.standing_size(), 2);
  EXPECT_EQ(stretches->front().head.standing(0).bus_down(), "gone");
  EXPECT_TRUE(stretches->front().head.standing(1).disk().low());
}

TEST(Recording, ANewerFormatIsRefused) {
  record::RecordingFrame frame;
  frame.mutable_head()->set_format(format + 1);
  const auto stretches = stretches_of({to_frame(frame)});
  ASSERT_FALSE(stretches);
  EXPECT_EQ(stretches.error().kind, ErrorKind::unsupported);
  EXPECT_FALSE(stretches_of({"noise"}));
}

TEST(InputCodec, EveryKindComesBackAsItWas) {
  const std::vector<Input> inputs = {Started{},
                                     Committed{},
                                     BusUp{},
                                     BusDown{"why"},
                                     MessageArrived{"t", std::string("\0\xff", 2)},
                                     TimerFired{"x"},
                                     HttpReplied{"1", 200, {{"a", "b"}}, "body", "key"},
                                     HttpFailed{"1", HttpFailure::no_credential, "d"},
                                     ExchangeOpened{3, "PUT", "/x?y", {{"h", "v"}}, "body", "1.2.3.4:5"},
                                     ExchangeClosed{4},
                                     ExchangeDrained{5},
                                     ImageProgress{"s", 6, 7},
                                     ImageFailed{"s", ImageFailed::Why::rotten, "d", 8, 9, true},
                                     ProbeAnswered{"p", true, "SSH"},
                                     CredentialsChanged{{{"n", "v"}}},
                                     DiskLevel{true, 10},
                                     BackupReported{"/b", true, "why", 1, 2, 3},
                                     RevocationsRead{WallTime(1h), WallTime(2h), "why"}};
  for (const Input& input : inputs) {
    record::RecordedInput record;
    to_record(input, record);
    const auto back = from_record(record);
    ASSERT_TRUE(back) << name_of(input);
    ASSERT_EQ(back->index(), input.index());
    std::visit(
        [&]<class T>(const T& was) {
          if constexpr (std::equality_comparable<T>) {
            EXPECT_EQ(std::get<T>(*back), was) << name_of(input);
          } else {
            FAIL() << name_of(input);
          }
        },
        input);
  }
  ImageReady ready{"s", {}, true};
  ready.facts.set_size(11);
  MediaReported report;
  report.event.mutable_callback()->set_token("t");
  for (const Input& input : {Input(ready), Input(report)}) {
    record::RecordedInput record;
    to_record(input, record);
    record::RecordedInput again;
    to_record(*from_record(record), again);
    EXPECT_EQ(again.SerializeAsString(), record.SerializeAsString());
  }
  EXPECT_EQ(inputs.size() + 2, std::variant_size_v<Input>);
  EXPECT_FALSE(from_record({}));
}

}  // namespace
}  // namespace metalmesh::recording
