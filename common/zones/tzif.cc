#include "common/zones/tzif.h"

#include <algorithm>
#include <array>
#include <utility>

namespace metalmesh::zones {
namespace {

using std::chrono::seconds;

std::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorKind::corrupt, "no zone file of version 2 or later: " + std::string(what));
}

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}

  /// Empty, and not to be used any more, when there are fewer.
  std::string_view take(std::size_t count) {
    short_ = short_ || count > left_.size();
    if (short_) return {};
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char byte : take(bytes)) value = (value << 8U) | static_cast<unsigned char>(byte);
    return value;
  }
  [[nodiscard]] bool is_short() const { return short_; }
  [[nodiscard]] std::string_view left() const { return left_; }

 private:
  std::string_view left_;
  bool short_ = false;
};

struct Counts {
  std::uint64_t is_ut = 0, is_standard = 0, leaps = 0, times = 0, types = 0, letters = 0;
  [[nodiscard]] std::size_t bytes(std::size_t time) const {
    return times * time + times + types * 6 + letters + leaps * (time + 4) + is_standard + is_ut;
  }
};

constexpr std::size_t unused = 15;
constexpr std::uint64_t most = 100'000;  // of anything in a file

std::optional<Counts> read_head(Bytes& bytes) {
  const bool is_ours = bytes.take(4) == "TZif" && bytes.number(1) >= '2';
  bytes.take(unused);
  Counts counts;
  bool fits = true;
  for (auto* count :
       {&counts.is_ut, &counts.is_standard, &counts.leaps, &counts.times, &counts.types, &counts.letters}) {
    *count = bytes.number(4);
    fits = fits && *count <= most;
  }
  if (bytes.is_short() || !is_ours || !fits) return std::nullopt;
  return counts;
}

struct Type {
  seconds offset{};
  std::size_t name = 0;  // where its letters begin
};

std::optional<Shown> shown_as(const std::vector<Type>& types, std::string_view letters, std::size_t index) {
  if (index >= types.size() || types[index].name >= letters.size()) return std::nullopt;
  const std::string_view from = letters.substr(types[index].name);
  const std::size_t end = from.find('\0');
  if (end == from.npos) return std::nullopt;
  return Shown{types[index].offset, std::string(from.substr(0, end))};
}

}  // namespace

Result<Zone> read_tzif(std::string_view file) {
  Bytes bytes(file);
  const auto old = read_head(bytes);  // the block of version 1, with times of 32 bits
  if (!old) return broken("its head");
  bytes.take(old->bytes(4));
  const auto counts = read_head(bytes);
  if (!counts || counts->types == 0) return broken("its second head");
  if (counts->leaps != 0) return broken("it counts leap seconds");
  std::vector<Seconds> times(counts->times);
  for (Seconds& time : times) time = Seconds(seconds(static_cast<std::int64_t>(bytes.number(8))));
  const std::string_view indices = bytes.take(counts->times);
  std::vector<Type> types(counts->types);
  for (Type& type : types) {
    type.offset = seconds(static_cast<std::int32_t>(bytes.number(4)));
    bytes.take(1);  // is summer time: people see that by its name
    type.name = bytes.number(1);
  }
  const std::string_view letters = bytes.take(counts->letters);
  bytes.take(counts->is_standard + counts->is_ut);
  const bool opens = bytes.take(1) == "\n";
  if (bytes.is_short() || !opens || !bytes.left().ends_with('\n')) return broken("it is cut");
  const std::string_view footer = bytes.left().substr(0, bytes.left().size() - 1);
  auto rule = YearlyRule::from(footer);
  if (!rule) return std::unexpected(rule.error());
  std::vector<Change> changes;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto shown = shown_as(types, letters, static_cast<unsigned char>(indices[i]));
    if (!shown || (i > 0 && times[i] <= times[i - 1])) return broken("its changes");
    changes.push_back({times[i], *shown});
  }
  if (!changes.empty() && rule->at(changes.back().at) != changes.back().shown)
    return broken("its rule contradicts its last change");
  return Zone(std::move(changes), std::move(*rule));
}

}  // namespace metalmesh::zones
