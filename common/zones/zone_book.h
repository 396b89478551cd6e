// The time zones that are known, by their IANA names. It is a value: a node that recorded its decisions recorded by which rules
// they were made, and plays them anywhere.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/zones/zone.h"

namespace metalmesh::zones {

class ZoneBook {
 public:
  /// As `text` wrote it.
  static Result<ZoneBook> from(std::string_view text);
  void add(std::string name, Zone zone) { zones_.insert_or_assign(std::move(name), std::move(zone)); }

  /// Nothing: nobody knows it. UTC is known to everybody.
  [[nodiscard]] const Zone* find(std::string_view name) const;
  /// One zone a line: its name, its rule, its changes.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::size_t size() const { return zones_.size(); }
  /// "Europe/Pariss" was perhaps meant to be this; empty: nothing is near.
  [[nodiscard]] std::string near(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, Zone, std::less<>>& all() const { return zones_; }

 private:
  std::map<std::string, Zone, std::less<>> zones_;
};

}  // namespace metalmesh::zones
