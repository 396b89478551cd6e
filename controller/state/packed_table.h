// Objects by name, of which there may be 100,000: each is kept as its row, a quarter of what it takes when it is read. Who asks
// for one by its name gets it read, and has it until `let_go`: the core lets go before each input, so a reference is
// good for one input, and shows what is changed within it. Who goes through all of them has each until the next one. As long as
// there are few, what was read once stays read, since reading costs more than they take. Reads change what is in memory: not for
// two threads.
//
// It is used like a std::map<std::string, T>, iterators stay good as that one's do; its objects are changed by `put` and `edit` alone.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "controller/state/row_codec.h"

namespace metalmesh::controller {

/// Of how many objects all may stay read. None under ASan, which then catches whoever holds a reference for longer than an input.
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define MM_NOTHING_STAYS_READ
#endif
#endif
#ifdef MM_NOTHING_STAYS_READ
inline constexpr std::size_t few_objects = 0;
#else
inline constexpr std::size_t few_objects = 256;
#endif

template <class T>
class PackedTable {
  struct Kept {
    std::string row;                  // behind what is read, when that was changed
    mutable std::unique_ptr<T> read;  // null: nobody needs it now
    bool changed = false;             // and its row was not made yet
  };
  using Map = std::map<std::string, Kept, std::less<>>;

 public:
  class const_iterator {
   public:
    using value_type = std::pair<const std::string&, const T&>;
    using difference_type = std::ptrdiff_t;

    const_iterator() = default;
    const_iterator(const PackedTable& table, Map::const_iterator at) : table_(&table), at_(at) {}
    value_type operator*() const { return {at_->first, object()}; }
    auto operator->() const {
      struct Arrow {
        value_type pair;
        const value_type* operator->() const { return &pair; }
      };
      return Arrow{**this};
    }
    const_iterator& operator++() {
      ++at_;
      own_ = nullptr;
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const const_iterator& other) const { return at_ == other.at_; }

   private:
    friend class PackedTable;
    [[nodiscard]] const T& object() const {
      if (at_->second.read || table_->has_few()) return table_->read(at_->second);
      if (!own_) own_ = unpack(at_->second.row);
      return *own_;
    }
    const PackedTable* table_ = nullptr;
    Map::const_iterator at_;
    mutable std::shared_ptr<const T> own_;  // while nobody else has it read
  };

  PackedTable() = default;
  explicit PackedTable(std::size_t few) : few_(few) {}

  [[nodiscard]] const_iterator begin() const { return {*this, kept_.begin()}; }
  [[nodiscard]] const_iterator end() const { return {*this, kept_.end()}; }
  [[nodiscard]] const_iterator upper_bound(const std::string& name) const {
    return {*this, kept_.upper_bound(name)};
  }
  [[nodiscard]] const_iterator find(const std::string& name) const {
    const auto found = kept_.find(name);
    if (found != kept_.end()) read(found->second);
    return {*this, found};
  }
  /// Of one that is there.
  [[nodiscard]] const T& at(const std::string& name) const { return read(kept_.at(name)); }
  [[nodiscard]] bool contains(const std::string& name) const { return kept_.contains(name); }
  [[nodiscard]] std::size_t size() const { return kept_.size(); }
  [[nodiscard]] bool empty() const { return kept_.empty(); }

  /// For changes of one that is there.
  T& edit(const std::string& name) { return change(kept_.at(name)); }
  void put(const std::string& name, T object) { change(kept_[name]) = std::move(object); }
  /// It is now as this row has it, which is sound.
  void keep(const std::string& name, std::string row) {
    Kept& kept = kept_[name];
    kept.row = std::move(row);
    kept.row.shrink_to_fit();
    kept.changed = false;
  }
  void erase(const const_iterator& at) {
    std::erase(read_, &at.at_->second);
    kept_.erase(at.at_);
  }
  /// Ends all references. The rows of all that was changed are made.
  void let_go() {
    for (const Kept* kept : read_) MM_CHECK(!kept->changed);
    if (has_few()) return;
    for (const Kept* kept : std::exchange(read_, {})) kept->read = nullptr;
  }

 private:
  [[nodiscard]] bool has_few() const { return kept_.size() <= few_; }
  static std::unique_ptr<T> unpack(const std::string& row) {
    auto object = std::make_unique<T>();
    if (!row.empty()) MM_CHECK(decode_row(row, *object).has_value());
    return object;
  }
  T& change(Kept& kept) {
    kept.changed = true;
    return read(kept);
  }
  T& read(const Kept& kept) const {
    if (!kept.read) {
      kept.read = unpack(kept.row);
      read_.push_back(&kept);
    }
    return *kept.read;
  }

  std::size_t few_ = few_objects;
  Map kept_;
  mutable std::vector<const Kept*> read_;
};

}  // namespace metalmesh::controller
