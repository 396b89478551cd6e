// The signals of a medium's reads, held against thousands of simulated installs: at most one false alarm per
// 1,000 healthy ones, and every true alarm within its bound.
//
// Reads go through the production ReadTracker to ReadWatch, judged every 30 s, the longest that WATCH waits
// between two looks. What is assumed of machines: POST takes 4 minutes in the median and rarely more than 12;
// a pause between reads 4 minutes, an installer's silent end 6, and 10 if it runs from memory; all lognormal,
// so there are always some that take much longer.
#include "agents/install/read_watch.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <optional>
#include <vector>

#include "agents/media/read_tracker.h"
#include "common/base/random.h"

namespace metalmesh::install {
namespace {

using media::ByteRange;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration first_read = minutes(20);
constexpr Duration stall = minutes(35);
constexpr Duration look = seconds(30);

double uniform(Random& random) { return static_cast<double>(random.next() >> 11U) * 0x1p-53; }
double log_uniform(Random& random, double low, double high) {
  return low * std::exp(uniform(random) * std::log(high / low));
}
Duration lognormal(Random& random, Duration median, double sigma) {
  const double normal =
      std::sqrt(-2 * std::log(1 - uniform(random))) * std::cos(2 * std::numbers::pi * uniform(random));
  return std::chrono::duration_cast<Duration>(median * std::exp(sigma * normal));
}
Duration time_for(std::uint64_t bytes, double rate) {
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(static_cast<double>(bytes) / rate));
}

enum class Fate { healthy, hangs, never_reads };

/// One way in which a machine and its BMC may read a medium.
struct Pattern {
  explicit Pattern(Random& random)
      : size(static_cast<std::uint64_t>(log_uniform(random, 3e8, 1e10))),
        rate(log_uniform(random, 5e4, 1e7)),
        post(lognormal(random, minutes(4), 0.4)),
        reads_at_insert(random.chance(600)),
        little(random.chance(200)) {
    const double share = little ? log_uniform(random, 0.005, 0.09) : 0.2 + 0.8 * uniform(random);
    const auto amount = static_cast<std::uint64_t>(static_cast<double>(size) * share);
    const auto piece =
        std::max({std::uint64_t{1} << 20U, static_cast<std::uint64_t>(rate * 10), amount / 800});
    for (std::uint64_t at = 0; at < amount; at += piece) reads.push_back({at, std::min(piece, size - at)});
    arrange(random);
    pauses = random.below(5);
    tail = lognormal(random, little ? minutes(10) : minutes(6), 0.5);
  }

  void arrange(Random& random) {
    const std::size_t count = reads.size();
    switch (random.below(4)) {
      case 0:  // random order
        for (std::size_t i = count; i > 1; --i) std::swap(reads[i - 1], reads[random.below(i)]);
        break;
      case 1: {  // several places at once
        std::vector<ByteRange> woven;
        const std::size_t stride = (count + 3) / 4;
        for (std::size_t i = 0; i < stride; ++i) {
          for (std::size_t lane = i; lane < count; lane += stride) woven.push_back(reads[lane]);
        }
        reads = std::move(woven);
        break;
      }
      case 2:  // ahead of the host: bursts, and silence while it catches up
        burst = 4 + random.below(60);
        catch_up = std::min<Duration>(time_for(burst * reads.front().length, rate) * 3, minutes(6));
        break;
      default:
        break;
    }
    if (!random.chance(300)) return;
    std::vector<ByteRange> again;  // parts are read anew, now and then all
    const std::uint32_t often = random.chance(200) ? 1000 : 200;
    for (const ByteRange& read : reads) {
      again.push_back(read);
      if (random.chance(often)) again.push_back(read);
    }
    reads = std::move(again);
  }

  std::uint64_t size;
  double rate;  // bytes a second
  Duration post;
  bool reads_at_insert;
  bool little;
  std::vector<ByteRange> reads;
  std::uint64_t pauses = 0;
  std::size_t burst = 0;
  Duration catch_up{};
  Duration tail{};
};

struct Alarms {
  std::optional<Duration> never_read;  // after power-on
  std::optional<Duration> stalled;     // after the last read
  bool finished_early = false;         // and then it read what it had not
  std::optional<Duration> finished;    // after the last read
};

class SimulatedInstall {
 public:
  SimulatedInstall(Random& random, Fate fate)
      : random_(random), fate_(fate), pattern_(random), tracker_(pattern_.size) {}

  Alarms run() {
    watch_.begin(now_, 0, 0);
    if (pattern_.reads_at_insert && fate_ != Fate::never_reads) read({0, 65536});
    wait(seconds(30));
    power_on_ = next_look_ = now_;
    booting_ = true;
    wait(fate_ == Fate::never_reads ? Duration(minutes(40)) : pattern_.post);
    if (fate_ == Fate::never_reads) return alarms_;
    launched_ = now_;
    booting_ = false;
    watch_.restart(now_);
    install();
    wait(fate_ == Fate::hangs ? Duration(minutes(90)) : pattern_.tail);
    if (!alarms_.finished) alarms_.finished = now_ - watch_.last();  // it powers off
    return alarms_;
  }

 private:
  void install() {
    const std::size_t count = pattern_.reads.size();
    const std::size_t last = fate_ == Fate::hangs ? 1 + random_.below(count) : count;
    for (std::size_t i = 0; i < last; ++i) {
      const ByteRange& range = pattern_.reads[i];
      if (pattern_.burst != 0 && i % pattern_.burst == pattern_.burst - 1) wait(pattern_.catch_up);
      if (random_.below(count) < pattern_.pauses) wait(lognormal(random_, minutes(4), 0.5));
      wait(time_for(range.length, pattern_.rate));
      read(range);
    }
  }

  void read(const ByteRange& range) {
    tracker_.served(range, "192.0.2.9");
    const auto told = tracker_.report("token", now_);
    if (!told) return;
    if (alarms_.finished && told->bytes_covered() > covered_) alarms_.finished_early = true;
    covered_ = told->bytes_covered();
    watch_.took(told->bytes_covered(), told->size(), 0, now_);
  }

  void wait(Duration span) {
    const MonoTime until = now_ + span;
    for (; next_look_ <= until; next_look_ += look) judge(next_look_);
    now_ = until;
  }

  void judge(MonoTime at) {
    if (booting_ && !alarms_.never_read && watch_.never_read(power_on_, at, first_read))
      alarms_.never_read = at - power_on_;
    if (!launched_) return;
    if (!alarms_.stalled && watch_.stalled(*launched_, at, stall)) alarms_.stalled = at - watch_.last();
    if (!alarms_.finished && watch_.finished(at, stall)) alarms_.finished = at - watch_.last();
  }

  Random& random_;
  Fate fate_;
  Pattern pattern_;
  media::ReadTracker tracker_;
  ReadWatch watch_;
  Alarms alarms_;
  MonoTime now_;
  MonoTime next_look_;
  MonoTime power_on_;
  bool booting_ = false;
  std::optional<MonoTime> launched_;
  std::uint64_t covered_ = 0;
};

double in_minutes(Duration span) { return std::chrono::duration<double, std::ratio<60>>(span).count(); }

TEST(ReadWatch, RaisesAtMostOneFalseAlarmInAThousandInstalls) {
  const char* wanted = std::getenv("READ_WATCH_INSTALLS");
  const int installs = wanted == nullptr ? 1000 : std::atoi(wanted);
  ASSERT_GE(installs, 1000) << "READ_WATCH_INSTALLS=" << wanted;
  int never_read = 0;
  int stalled = 0;
  int finished = 0;
  int wrong = 0;
  Duration latest{};
  for (int seed = 1; seed <= installs; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const Alarms alarms = SimulatedInstall(random, Fate::healthy).run();
    never_read += alarms.never_read ? 1 : 0;
    stalled += alarms.stalled ? 1 : 0;
    finished += alarms.finished_early ? 1 : 0;
    wrong += alarms.never_read || alarms.stalled || alarms.finished_early ? 1 : 0;
    latest = std::max(latest, *alarms.finished);
  }
  std::printf(
      "%d healthy installs: false \"never read\" %d, \"stalled\" %d, \"finished\" %d; finished told %.1f min "
      "late at most\n",
      installs, never_read, stalled, finished, in_minutes(latest));
  EXPECT_LE(wrong, installs / 1000);
  EXPECT_LE(latest, 2 * stall + look);
}

TEST(ReadWatch, TellsEveryMachineThatHangs) {
  constexpr int installs = 1000;
  Duration sum{};
  Duration latest{};
  for (int seed = 1; seed <= installs; ++seed) {
    Random random(static_cast<std::uint64_t>(1'000'000 + seed));
    const Alarms alarms = SimulatedInstall(random, Fate::hangs).run();
    ASSERT_TRUE(alarms.stalled) << "seed " << seed;
    latest = std::max(latest, *alarms.stalled);
    sum += *alarms.stalled;
  }
  std::printf("%d hanging installs: told after %.1f min on average, %.1f at most\n", installs,
              in_minutes(sum / installs), in_minutes(latest));
  EXPECT_LE(latest, 2 * stall + look);
  EXPECT_LE(sum / installs, stall * 3 / 2);
}

TEST(ReadWatch, TellsEveryMediumThatIsNeverRead) {
  for (int seed = 1; seed <= 1000; ++seed) {
    Random random(static_cast<std::uint64_t>(2'000'000 + seed));
    const Alarms alarms = SimulatedInstall(random, Fate::never_reads).run();
    ASSERT_TRUE(alarms.never_read) << "seed " << seed;
    EXPECT_LE(*alarms.never_read, first_read + look) << "seed " << seed;
  }
}

TEST(ReadWatch, PackagesAreASignOfLifeAndPatienceHasAnEnd) {
  ReadWatch watch;
  const MonoTime start;
  watch.begin(start, 0, 0);
  watch.took(10, 1000, 0, start);
  EXPECT_EQ(watch.patience(stall), 2 * stall) << "it read little";
  watch.took(10, 1000, 1, start + minutes(1));
  EXPECT_EQ(watch.patience(stall), stall) << "its packages come from us";
  EXPECT_FALSE(watch.stalled(start, start + minutes(35), stall));
  EXPECT_TRUE(watch.stalled(start, start + minutes(36), stall));
  watch.took(10, 1000, 2, start + minutes(20));
  EXPECT_EQ(watch.patience(stall), minutes(57)) << "it has paused for 19 before";
  watch.took(1000, 1000, 2, start + minutes(21));
  EXPECT_TRUE(watch.finished(start + minutes(21), stall)) << "there is nothing left";
}

}  // namespace
}  // namespace metalmesh::install
