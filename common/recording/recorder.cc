#include "common/recording/recorder.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/base/digest.h"
#include "common/recording/frames.h"
#include "common/recording/input_codec.h"

namespace metalmesh::recording {
namespace {

constexpr std::size_t page = 512;
constexpr std::size_t most_standing = 4096;
constexpr std::size_t rows_frame_bytes = std::size_t{256} << 10U;

std::int64_t ticks(MonoTime at) { return at.time_since_epoch().count(); }
std::int64_t ticks(WallTime at) { return at.time_since_epoch().count(); }

/// Masks every text that an input carries where a placeholder may stand. One pass over the serialised form:
/// placeholders are as long as what they replace.
std::size_t mask(record::RecordedInput& input, const SecretSet& secrets) {
  if (secrets.size() == 0) return 0;
  std::string bytes = input.SerializeAsString();
  const std::size_t count = secrets.mask(bytes);
  if (count != 0) input.ParseFromString(bytes);
  return count;
}

/// What an input is the last word about; empty for those that happen and are over.
std::string subject_of(const Input& input) {
  if (std::holds_alternative<BusUp>(input) || std::holds_alternative<BusDown>(input)) return "bus";
  if (std::holds_alternative<CredentialsChanged>(input)) return "credentials";
  if (std::holds_alternative<DiskLevel>(input)) return "disk";
  if (std::holds_alternative<RevocationsRead>(input)) return "revocations";
  const auto* report = std::get_if<MediaReported>(&input);
  if (report != nullptr && report->event.has_up()) return "media";
  if (const auto* ready = std::get_if<ImageReady>(&input)) return "image/" + ready->sha256;
  if (const auto* failed = std::get_if<ImageFailed>(&input)) return "image/" + failed->sha256;
  return {};
}

}  // namespace

std::string Recorder::DrawnEntropy::bytes(std::size_t count) {
  std::string drawn = real_.bytes(count);
  recorder_.step_.mutable_step()->add_entropy(drawn);
  return drawn;
}

std::string Recorder::DrawnEntropy::secret(std::size_t count) {
  std::string drawn = real_.secret(count);
  const std::string shown = to_hex(drawn);
  recorder_.secrets_.learn(shown);
  recorder_.step_.mutable_step()->add_entropy(from_hex(recorder_.secrets_.placeholder(shown)));
  return drawn;
}

bool Recorder::HeardVerifier::verify(std::string_view signer, std::string_view kind, std::string_view payload,
                                     const SignatureBytes& signature) const {
  const bool good = real_.verify(signer, kind, payload, signature);
  recorder_.step_.mutable_step()->add_verified(good);
  return good;
}

Recorder::Recorder(const RowReader& rows, Entropy& entropy, const Verifier& verifier, RecordSink& sink,
                   NodeTraits traits, std::uint64_t mask_key)
    : rows_(rows),
      sink_(sink),
      traits_(std::move(traits)),
      secrets_(mask_key),
      printer_(secrets_, traits_.blanked),
      drawn_(entropy, *this),
      verified_(verifier, *this) {
  traits_.head.set_format(format);
  begin_segment();
}

Recorder::~Recorder() = default;

void Recorder::called(record::RecordedCaller caller) {
  *step_.mutable_step()->add_callers() = std::move(caller);
}

void Recorder::digested(std::string_view a, std::string_view b, std::string& digest) {
  if (!secrets_.found_in(a) && !secrets_.found_in(b)) return;
  std::string masked_a(a);
  std::string masked_b(b);
  secrets_.mask(masked_a);
  secrets_.mask(masked_b);
  Sha256Stream stream;
  stream.update(masked_a);
  stream.update(masked_b);
  record::RecordedDigest& pair = *step_.mutable_step()->add_digests();
  pair.set_masked(stream.finish());
  pair.set_actual(digest);
}

void Recorder::before(const Input& input, const Now& now) {
  if (std::holds_alternative<Committed>(input)) owes_commit_ = false;
  // A snapshot is of use only while the store holds all that was decided.
  if (!owes_commit_ && sink_.segment_due()) begin_segment();
  find_in_input(input, secrets_);
  record::RecordedStep& step = *step_.mutable_step();
  step.set_number(++number_);
  step.set_mono(ticks(now.mono));
  step.set_wall_low(ticks(now.wall_low));
  step.set_wall_high(ticks(now.wall_high));
  step.set_awake_since(ticks(now.awake_since));
  step.set_boot(now.boot);
  to_record(input, *step.mutable_input());
  step.set_masked(static_cast<std::uint32_t>(mask(*step.mutable_input(), secrets_)));
  remember(input, step.input());
}

void Recorder::remember(const Input& input, const record::RecordedInput& recorded) {
  std::string subject = subject_of(input);
  if (!subject.empty() && standing_.size() < most_standing) standing_[std::move(subject)] = recorded;
}

void Recorder::after(const Outcome& outcome) {
  record::RecordedStep& step = *step_.mutable_step();
  owes_commit_ = owes_commit_ || !outcome.rows.empty();
  const OutcomePrint print = printer_.print(outcome);
  step.set_rows(print.rows);
  step.set_effects(print.effects);
  sink_.write(to_frame(step_));
  step_.Clear();
}

void Recorder::each_row(
    const std::function<void(const std::string& key, const std::string& value)>& take) const {
  const auto left_out = traits_.left_out ? traits_.left_out(rows_) : std::vector<KeyRange>();
  std::string first;
  while (true) {
    const auto found = rows_.scan(first, {}, page);
    if (!found) return;
    for (const Row& row : *found) {
      first = row.key + '\0';
      if (!row.value) continue;  // the core does not see it either
      const auto range = std::ranges::find_if(
          left_out, [&](const KeyRange& some) { return some.first <= row.key && row.key < some.last; });
      if (range != left_out.end()) {
        first = range->last;
        break;
      }
      take(row.key, *row.value);
    }
    if (found->empty()) return;
  }
}

std::pair<std::vector<std::string>, std::uint64_t> Recorder::snapshot() const {
  std::vector<std::string> frames;
  record::RecordingFrame frame;
  std::size_t in_frame = 0;
  std::size_t in_all = 0;
  std::uint64_t beyond = 0;
  if (traits_.left_out)
    for (const KeyRange& range : traits_.left_out(rows_)) beyond += range.rows;
  const auto close = [&] {
    frames.push_back(to_frame(frame));
    frame.Clear();
    in_frame = 0;
  };
  each_row([&](const std::string& key, const std::string& value) {
    const std::size_t size = key.size() + value.size();
    if (in_all + size > traits_.snapshot_bytes) {
      ++beyond;
      return;
    }
    record::RecordedRow& kept = *frame.mutable_rows()->add_rows();
    kept.set_key(key);
    kept.set_value(printer_.masked_row(key, value));
    in_all += size;
    in_frame += size;
    if (in_frame >= rows_frame_bytes) close();
  });
  if (in_frame != 0) close();
  return {std::move(frames), beyond};
}

void Recorder::begin_segment() {
  if (traits_.find_in_row) {  // what is secret must be known before the first row is written
    each_row(
        [&](const std::string& key, const std::string& value) { traits_.find_in_row(key, value, secrets_); });
  }
  auto [rows, beyond] = snapshot();
  record::RecordingFrame frame;
  record::RecordingHead& head = *frame.mutable_head();
  head = traits_.head;
  secrets_.mask(*head.mutable_config());
  head.set_segment(segments_++);
  head.set_first_step(number_ + 1);
  head.set_from_birth(number_ == 0);
  for (const auto& [subject, input] : standing_) *head.add_standing() = input;
  head.set_rows_left_out(beyond);
  rows.insert(rows.begin(), to_frame(frame));
  sink_.begin_segment(
      std::accumulate(rows.begin(), rows.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const std::string& bytes) { return sum + bytes.size(); }));
  for (std::string& bytes : rows) sink_.write(std::move(bytes));
}

}  // namespace metalmesh::recording
