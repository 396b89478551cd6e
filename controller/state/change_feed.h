// Which object changed when: every change of an object has a number, and of each object the last one counts. What was
// deleted leaves a tombstone for a while, so that a reader who was away learns of it; whoever was away for longer, which
// is below the *floor*, has to list everything again. Numbers rise and are never given twice by one life of the ledger.
//
// In memory alone: the numbers are in the objects' rows, tombstones have rows of their own (Ledger writes them). Pure.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "controller/state/kinds.h"
#include "controller/state/reach.h"

namespace metalmesh::controller {

inline constexpr std::size_t change_kinds = FeedKinds::size;
/// "Server".
std::string_view word_of(ChangeKind kind);
std::optional<ChangeKind> change_kind(std::string_view word);

class ChangeFeed {
 public:
  static constexpr Duration tombstones_kept = std::chrono::hours(24);
  static constexpr std::size_t tombstones_most = 20'000;

  ChangeFeed() = default;
  ChangeFeed(ChangeFeed&&) = default;
  ChangeFeed& operator=(ChangeFeed&&) = default;
  ChangeFeed(const ChangeFeed&) = delete;  // it points into itself
  ChangeFeed& operator=(const ChangeFeed&) = delete;
  ~ChangeFeed() = default;

  struct Object {
    ChangeKind kind{};
    std::string name;  // of a deployment: its id
    auto operator<=>(const Object&) const = default;
  };
  struct Change {
    std::uint64_t number = 0;
    const Object* object = nullptr;  // until the feed changes
    bool deleted = false;
    const Reach* reach = nullptr;  // of what was deleted: whom that concerns, until the feed changes
  };

  /// The number of the newest change.
  [[nodiscard]] std::uint64_t last() const { return last_; }
  /// Who has not seen everything up to here may never be told of some deletes.
  [[nodiscard]] std::uint64_t floor() const { return floor_; }
  /// The first object, by its last change, of which that is behind `after`.
  [[nodiscard]] std::optional<Change> behind(std::uint64_t after) const;
  /// There is a tombstone.
  [[nodiscard]] bool deleted(const Object& object) const;

  /// It is there, and changed: its new number.
  std::uint64_t changed(const Object& object);
  struct Removed {
    std::uint64_t number = 0;
    WallTime at{};
    Reach reach = {};
  };
  /// It is gone as of `at`: the tombstone. Nothing when nobody can have heard of it.
  std::optional<Removed> removed(const Object& object, WallTime at, Reach reach = {});
  /// Forgets the tombstones that are too many, or too old by `now`, and raises the floor above them. Their objects.
  std::vector<Object> forget_old(WallTime now);
  /// What happened up to now is not known for certain: everybody lists again. The objects whose tombstones are gone.
  std::vector<Object> break_off();

  // From rows, this one first.
  void load(std::uint64_t last, std::uint64_t floor);
  void load(const Object& object, std::uint64_t number);
  void load(const Object& object, const Removed& tombstone);

 private:
  struct Known {
    std::uint64_t number = 0;
    bool deleted = false;
  };
  void place(const Object& object, std::uint64_t number, bool deleted);
  Object forget(std::map<std::uint64_t, Removed>::iterator tombstone);

  std::map<Object, Known> objects_;
  std::map<std::uint64_t, std::map<Object, Known>::const_iterator> by_number_;
  std::map<std::uint64_t, Removed> tombstones_;  // by number
  std::uint64_t last_ = 0;
  std::uint64_t floor_ = 0;
};

}  // namespace metalmesh::controller
