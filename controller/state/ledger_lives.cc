#include "controller/state/ledger_lives.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace metalmesh::controller {
namespace {

/// Of a controller that restarts every day: three years. Who comes with an older id is sent everything.
constexpr std::size_t lives_kept = 1000;

}  // namespace

LedgerLives::LedgerLives(const record::LedgerLives& stored) {
  for (const auto& life : stored.lives()) lives_.push_back({life.id(), life.first_event()});
}

void LedgerLives::begin(std::string life, std::uint64_t first) {
  lives_.push_back({std::move(life), first});
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
    added.set_first_event(life.first);
  }
  return row;
}

std::string LedgerLives::id_of(std::uint64_t number) const {
  if (number == 0 || lives_.empty()) return std::to_string(number);
  const auto next = std::ranges::upper_bound(lives_, number, {}, &Life::first);
  const Life& life = next == lives_.begin() ? *next : *std::prev(next);
  return life.id + "-" + std::to_string(number);
}

std::optional<LedgerLives::Position> LedgerLives::find(std::string_view id, std::uint64_t last_event) const {
  if (id == "0") return Position{};
  const std::size_t dash = id.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return std::nullopt;
  const std::string_view digits = id.substr(dash + 1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const auto life = std::ranges::find(lives_, id.substr(0, dash), &Life::id);
  if (life == lives_.end()) return Position{0, true};
  const auto next = std::next(life);
  const std::uint64_t last = next == lives_.end() ? last_event : next->first - 1;
  return number <= last ? Position{number, false} : Position{last, true};
}

}  // namespace metalmesh::controller
