#include "common/recording/player.h"

#include <utility>

#include "common/base/digest.h"
#include "common/base/digest_tap.h"
#include "common/ports/memory_rows.h"
#include "common/recording/frames.h"
#include "common/recording/input_codec.h"

namespace metalmesh::recording {
namespace {

/// Gives digests of masked bytes the value that the core went on with.
class PlayedDigests final : public DigestTap {
 public:
  explicit PlayedDigests(const Oracles& oracles) : oracles_(oracles) {}
  void digested(std::string_view, std::string_view, std::string& digest) override {
    if (const std::string* actual = oracles_.digest(digest)) digest = *actual;
  }

 private:
  const Oracles& oracles_;
};

/// Reads one segment; what is new in it goes to the open stretch, or begins another.
Status take_segment(const std::string& bytes, std::vector<Stretch>& stretches) {
  FrameReader reader(bytes);
  record::RecordingFrame frame;
  if (!reader.next(frame) || !frame.has_head()) return {};  // it was cut off before it began
  if (frame.head().format() > format) {
    return fail(ErrorKind::unsupported, "a recording of format " + std::to_string(frame.head().format()) +
                                            "; this program knows " + std::to_string(format));
  }
  const auto follows = [&](const Stretch& before) {
    return before.head.life() == frame.head().life() && !before.cut_off &&
           before.head.first_step() + before.steps.size() == frame.head().first_step();
  };
  const bool goes_on = !stretches.empty() && follows(stretches.back());
  if (!goes_on) {
    stretches.emplace_back().head = frame.head();
  }
  Stretch& stretch = stretches.back();
  while (reader.next(frame)) {
    if (frame.has_rows() && !goes_on) {
      stretch.rows.insert(stretch.rows.end(), frame.rows().rows().begin(), frame.rows().rows().end());
    } else if (frame.has_step()) {
      stretch.steps.push_back(std::move(*frame.mutable_step()));
    }
  }
  stretch.cut_off = reader.left() != 0;
  return {};
}

Now now_of(const record::RecordedStep& step) {
  return {MonoTime(Duration(step.mono())), WallTime(Duration(step.wall_low())),
          WallTime(Duration(step.wall_high())), MonoTime(Duration(step.awake_since())), step.boot()};
}

/// A core in the middle of a life: its rows, and what still holds of what it was told.
Result<Batch> bring_up(DecisionCore& core, const Stretch& stretch) {
  const Now now = now_of(stretch.steps.front());
  Batch decided = core.handle(Started{}, now).rows;
  for (const record::RecordedInput& standing : stretch.head.standing()) {
    const auto input = from_record(standing);
    if (!input) return std::unexpected(input.error());
    Outcome outcome = core.handle(*input, now);
    decided.insert(decided.end(), outcome.rows.begin(), outcome.rows.end());
  }
  return decided;
}

std::string difference(const Input& input, const OutcomePrint& played, const record::RecordedStep& step,
                       const Outcome& outcome) {
  std::string what(name_of(input));
  what += ": ";
  if (played.rows != step.rows()) what += "other rows";
  if (played.effects != step.effects()) what += played.rows != step.rows() ? " and effects" : "other effects";
  what += "; now:";
  for (const RowWrite& row : outcome.rows) what += (row.value ? " put " : " erase ") + row.key + ',';
  for (const Effect& effect : outcome.effects) what += ' ' + describe(effect) + ',';
  if (outcome.rows.empty() && outcome.effects.empty()) what += " nothing";
  if (what.ends_with(',')) what.pop_back();
  return what;
}

}  // namespace

Result<std::vector<Stretch>> stretches_of(const std::vector<std::string>& segments) {
  std::vector<Stretch> stretches;
  for (const std::string& segment : segments) {
    if (const Status taken = take_segment(segment, stretches); !taken) return std::unexpected(taken.error());
  }
  if (stretches.empty()) return fail(ErrorKind::corrupt, "no recording in it");
  return stretches;
}

void Oracles::load(const record::RecordedStep& step) {
  entropy_.assign(step.entropy().begin(), step.entropy().end());
  verified_.assign(step.verified().begin(), step.verified().end());
  callers_.assign(step.callers().begin(), step.callers().end());
  for (const auto& pair : step.digests()) digests_[pair.masked()] = pair.actual();
}

std::string Oracles::bytes(std::size_t count) {
  if (!entropy_.empty() && entropy_.front().size() == count) {
    std::string drawn = std::move(entropy_.front());
    entropy_.pop_front();
    return drawn;
  }
  std::string made(count, '\0');
  const std::string number = std::to_string(++unanswered_);
  made.replace(0, std::min(count, number.size()), number, 0, std::min(count, number.size()));
  return made;
}

bool Oracles::verify(std::string_view, std::string_view, std::string_view, const SignatureBytes&) const {
  if (verified_.empty()) {
    ++unanswered_;
    return false;
  }
  const bool good = verified_.front();
  verified_.pop_front();
  return good;
}

SignatureBytes Oracles::sign(std::string_view, std::string_view) const {
  return {std::string(16, 'k'), std::string(64, 's')};
}

record::RecordedCaller Oracles::caller() {
  if (callers_.empty()) {
    ++unanswered_;
    return {};
  }
  record::RecordedCaller caller = std::move(callers_.front());
  callers_.pop_front();
  return caller;
}

const std::string* Oracles::digest(const std::string& masked) const {
  const auto found = digests_.find(masked);
  return found == digests_.end() ? nullptr : &found->second;
}

Result<PlayReport> play(const Stretch& stretch, const MakeCore& make, const std::vector<BlankedRows>& blanked,
                        const Watcher& watch) {
  PlayReport report;
  if (stretch.steps.empty()) return report;
  Oracles oracles;
  PlayedDigests digests(oracles);
  const DigestTapScope scope(&digests);
  MemoryRows rows;
  for (const record::RecordedRow& row : stretch.rows) rows.commit({{row.key(), row.value()}});
  const SecretSet no_secrets(0);  // placeholders stand for themselves
  const OutcomePrinter printer(no_secrets, blanked);
  oracles.load(stretch.steps.front());  // a core draws while it is made
  auto core = make(stretch.head, rows, oracles);
  if (!core) return std::unexpected(core.error());
  Batch decided;
  if (!stretch.head.from_birth()) {
    auto brought_up = bring_up(**core, stretch);
    if (!brought_up) return std::unexpected(brought_up.error());
    decided = std::move(*brought_up);
    oracles.load(stretch.steps.front());
  }
  for (const record::RecordedStep& step : stretch.steps) {
    const auto input = from_record(step.input());
    if (!input) return std::unexpected(input.error());
    if (std::holds_alternative<Committed>(*input)) rows.commit(std::exchange(decided, {}));
    if (&step != &stretch.steps.front()) oracles.load(step);
    const Outcome outcome = (*core)->handle(*input, now_of(step));
    decided.insert(decided.end(), outcome.rows.begin(), outcome.rows.end());
    const OutcomePrint played = printer.print(outcome);
    const bool same = played == OutcomePrint{step.rows(), step.effects()};
    ++report.steps;
    report.same += same ? 1 : 0;
    if (step.masked() != 0) {
      ++report.masked;
      if (!report.first_masked) report.first_masked = step.number();
    }
    if (!same && !report.first)
      report.first = Difference{step.number(), difference(*input, played, step, outcome)};
    if (watch) watch(step, *input, outcome);
  }
  return report;
}

}  // namespace metalmesh::recording
