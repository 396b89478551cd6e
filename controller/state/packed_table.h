// Objects by name, of which there may be 100,000: each is kept as its row, a quarter of what it takes when it is read. Who asks
// for one by its name gets it read, and has it until `let_go`: the core lets go before each input, so a reference is
// good for one input, and shows what is changed within it. Who goes through all of them has each until the next one. Reads change what is
// in memory: not for two threads.
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
    explicit const_iterator(Map::const_iterator at) : at_(at) {}
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
      if (at_->second.read) return *at_->second.read;
      if (!own_) own_ = unpack(at_->second.row);
      return *own_;
    }
    Map::const_iterator at_;
    mutable std::shared_ptr<const T> own_;  // while nobody else has it read
  };

  [[nodiscard]] const_iterator begin() const { return const_iterator(kept_.begin()); }
  [[nodiscard]] const_iterator end() const { return const_iterator(kept_.end()); }
  [[nodiscard]] const_iterator upper_bound(const std::string& name) const {
    return const_iterator(kept_.upper_bound(name));
  }
  [[nodiscard]] const_iterator find(const std::string& name) const {
    const auto found = kept_.find(name);
    if (found != kept_.end()) read(found->second);
    return const_iterator(found);
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
    for (const Kept* kept : std::exchange(read_, {})) {
      MM_CHECK(!kept->changed);
      kept->read = nullptr;
    }
  }

 private:
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

  Map kept_;
  mutable std::vector<const Kept*> read_;
};

}  // namespace metalmesh::controller
