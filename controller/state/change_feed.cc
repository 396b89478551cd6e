#include "controller/state/change_feed.h"

#include <algorithm>
#include <array>
#include <utility>

namespace metalmesh::controller {
namespace {

template <class... T>
constexpr std::array<std::string_view, sizeof...(T)> words_of(KindList<T...>) {
  return {Kind<T>::word...};
}
constexpr auto words = words_of(FeedKinds{});

}  // namespace

std::string_view word_of(ChangeKind kind) { return words.at(static_cast<std::size_t>(kind)); }

std::optional<ChangeKind> change_kind(std::string_view word) {
  const auto found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<ChangeKind>(found - words.begin());
}

std::optional<ChangeFeed::Change> ChangeFeed::behind(std::uint64_t after) const {
  const auto found = by_number_.upper_bound(after);
  if (found == by_number_.end()) return std::nullopt;
  Change change{found->first, &found->second->first, found->second->second.deleted};
  if (change.deleted) change.reach = &tombstones_.at(found->first).reach;
  return change;
}

bool ChangeFeed::deleted(const Object& object) const {
  const auto known = objects_.find(object);
  return known != objects_.end() && known->second.deleted;
}

void ChangeFeed::place(const Object& object, std::uint64_t number, bool deleted) {
  const auto [known, is_new] = objects_.try_emplace(object);
  if (!is_new) {
    by_number_.erase(known->second.number);
    tombstones_.erase(known->second.number);
  }
  known->second = {number, deleted};
  by_number_[number] = known;
  last_ = std::max(last_, number);
}

std::uint64_t ChangeFeed::changed(const Object& object) {
  place(object, last_ + 1, false);
  return last_;
}

std::optional<ChangeFeed::Removed> ChangeFeed::removed(const Object& object, WallTime at, Reach reach) {
  const auto known = objects_.find(object);
  if (known == objects_.end() || known->second.deleted) return std::nullopt;
  place(object, last_ + 1, true);
  return tombstones_[last_] = Removed{last_, at, std::move(reach)};
}

ChangeFeed::Object ChangeFeed::forget(std::map<std::uint64_t, Removed>::iterator tombstone) {
  const auto place = by_number_.find(tombstone->first);
  Object object = place->second->first;
  floor_ = std::max(floor_, tombstone->first);
  objects_.erase(place->second);
  by_number_.erase(place);
  tombstones_.erase(tombstone);
  return object;
}

std::vector<ChangeFeed::Object> ChangeFeed::forget_old(WallTime now) {
  std::vector<Object> forgotten;
  while (!tombstones_.empty() &&
         (tombstones_.size() > tombstones_most || now - tombstones_.begin()->second.at > tombstones_kept)) {
    forgotten.push_back(forget(tombstones_.begin()));
  }
  return forgotten;
}

std::vector<ChangeFeed::Object> ChangeFeed::break_off() {
  std::vector<Object> forgotten;
  while (!tombstones_.empty()) forgotten.push_back(forget(tombstones_.begin()));
  floor_ = ++last_;
  return forgotten;
}

void ChangeFeed::load(std::uint64_t last, std::uint64_t floor) {
  last_ = std::max({last_, last, floor});
  floor_ = floor;
}

void ChangeFeed::load(const Object& object, std::uint64_t number) {
  const bool usable = number != 0 && !by_number_.contains(number);
  place(object, usable ? number : last_ + 1, false);
}

void ChangeFeed::load(const Object& object, const Removed& tombstone) {
  place(object, tombstone.number, true);
  tombstones_[tombstone.number] = tombstone;
}

}  // namespace metalmesh::controller
