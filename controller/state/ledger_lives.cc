#include "controller/state/ledger_lives.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace metalmesh::controller {
namespace {

/// Of a controller that restarts every day: three years. Who comes with an older id is sent everything.
constexpr std::size_t lives_kept = 1000;
constexpr std::size_t missing_kept = 64;

struct EventId {
  std::string_view life;
  std::uint64_t number = 0;
};

std::optional<EventId> read_id(std::string_view id) {
  const std::size_t dash = id.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = id.substr(dash + 1);
  EventId read{id.substr(0, dash)};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), read.number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return read;
}

}  // namespace

LedgerLives::LedgerLives(const record::LedgerLives& stored) {
  for (const auto& life : stored.lives())
    lives_.push_back({life.id(), life.first_event(), life.first_change()});
  for (const auto& missing : stored.missing()) missing_.push_back({missing.life(), missing.to()});
}

void LedgerLives::begin(std::string life, std::uint64_t first_event, std::uint64_t first_change) {
  lives_.push_back({std::move(life), first_event, first_change});
  if (lives_.size() > lives_kept) lives_.erase(lives_.begin());
}

const std::string& LedgerLives::current() const {
  static const std::string none;
  return lives_.empty() ? none : lives_.back().id;
}

bool LedgerLives::contains(std::string_view life) const {
  return std::ranges::find(lives_, life, &Life::id) != lives_.end();
}

std::vector<std::string> LedgerLives::predecessors(std::size_t most) const {
  std::vector<std::string> ids;
  const std::size_t before = lives_.empty() ? 0 : lives_.size() - 1;
  for (std::size_t i = before - std::min(before, most); i < before; ++i) ids.push_back(lives_[i].id);
  return ids;
}

record::LedgerLives LedgerLives::row() const {
  record::LedgerLives row;
  for (const Life& life : lives_) {
    auto& added = *row.add_lives();
    added.set_id(life.id);
    added.set_first_event(life.first_event);
    added.set_first_change(life.first_change);
  }
  for (const Missing& missing : missing_) {
    auto& added = *row.add_missing();
    added.set_life(missing.life);
    added.set_to(missing.to);
  }
  return row;
}

std::string LedgerLives::id_of(std::uint64_t number, Of of) const {
  if (number == 0 || lives_.empty()) return std::to_string(number);
  const auto next =
      std::ranges::upper_bound(lives_, number, {}, [of](const Life& life) { return life.first(of); });
  const Life& life = next == lives_.begin() ? *next : *std::prev(next);
  return life.id + "-" + std::to_string(number);
}

std::optional<LedgerLives::Position> LedgerLives::find(std::string_view id, std::uint64_t newest,
                                                       Of of) const {
  if (id == "0") return Position{};
  const auto read = read_id(id);
  if (!read) return std::nullopt;
  const auto life = std::ranges::find(lives_, read->life, &Life::id);
  if (life == lives_.end()) return Position{0, true};
  const auto next = std::next(life);
  const std::uint64_t last = next == lives_.end() ? newest : next->first(of) - 1;
  return read->number <= last ? Position{read->number, false} : Position{last, true};
}

bool LedgerLives::misses(std::string_view id, std::uint64_t last_event) const {
  const auto read = read_id(id);
  if (!read || read->number < (lives_.empty() ? 0 : lives_.front().first_event))
    return false;  // too old to tell
  const auto known = std::ranges::find(missing_, read->life, &Missing::life);
  if (known != missing_.end() && read->number <= known->to) return false;
  return find(id, last_event)->other_ledger;
}

void LedgerLives::note_missing(std::string_view id) {
  const auto read = read_id(id);
  if (!read) return;
  std::erase_if(missing_, [&](const Missing& one) { return one.life == read->life; });
  missing_.push_back({std::string(read->life), read->number});
  if (missing_.size() > missing_kept) missing_.erase(missing_.begin());
}

}  // namespace metalmesh::controller
