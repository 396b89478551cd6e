// Known peculiarities of BMCs, as rows. A BMC is matched twice: by its service root alone, for login and
// transport, and by all that it told, for the rest; the row with the most conditions wins.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "schemas/config/quirks.pb.h"

namespace metalmesh {

/// What a BMC told of itself so far; empty: not told.
struct BmcTraits {
  std::string vendor;
  std::string product;
  std::vector<std::string> oem;
  std::string manufacturer;
  std::string model;
  std::string manager;
  std::string firmware;
  bool operator==(const BmcTraits&) const = default;
};

enum class QuirkOrigin { built_in, site };

/// The fields that a row gives, by their names in YAML.
std::vector<std::string> fields_of(const config::BmcQuirks& row);
/// For people: what a BMC shows for whom the row holds ("vendor Dell, manager *17G*").
std::string conditions_of(const config::BmcQuirks& row);
/// For people: "modelled", "recorded", "run on hardware".
std::string_view level_of(const config::BmcQuirks& row);

/// What is wrong with a row: a field without a source, a value that is none, a condition too few, a field
/// that a site may not set. Nothing: it may be used.
std::optional<std::string> check_quirks(const config::BmcQuirks& row, QuirkOrigin origin);

class QuirkTable {
 public:
  /// Adds a row or replaces the one of its name. Fails with `invalid`, naming row and field.
  Status add(config::BmcQuirks row, QuirkOrigin origin);

  /// The row that fits best; the standard's row, which has no name, if none does.
  [[nodiscard]] const config::BmcQuirks& match(const BmcTraits& traits) const;
  /// Likewise, of those that ask for nothing but what the service root tells.
  [[nodiscard]] const config::BmcQuirks& match_root(const BmcTraits& traits) const;
  /// As if it had never been there.
  void remove(const std::string& name) { rows_.erase(name); }
  [[nodiscard]] const std::map<std::string, config::BmcQuirks>& all() const { return rows_; }

 private:
  [[nodiscard]] const config::BmcQuirks& best(const BmcTraits& traits, bool by_root) const;

  std::map<std::string, config::BmcQuirks> rows_;
};

}  // namespace metalmesh
