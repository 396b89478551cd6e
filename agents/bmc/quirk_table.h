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

namespace metalmesh::bmc {

/// What a BMC told of itself so far; empty: not told.
struct Traits {
  std::string vendor;
  std::string product;
  std::vector<std::string> oem;
  std::string manufacturer;
  std::string model;
  std::string manager;
  std::string firmware;
  bool operator==(const Traits&) const = default;
};

enum class QuirkOrigin { built_in, site };

/// What is wrong with a row: a field without a source, a value that is none, a condition too few, a field
/// that a site may not set. Nothing: it may be used.
std::optional<std::string> check_quirks(const config::BmcQuirks& row, QuirkOrigin origin);

class QuirkTable {
 public:
  /// Adds a row or replaces the one of its name. Fails with `invalid`, naming row and field.
  Status add(config::BmcQuirks row, QuirkOrigin origin);

  /// The row that fits best; the standard's row, which has no name, if none does.
  [[nodiscard]] const config::BmcQuirks& match(const Traits& traits) const;
  /// Likewise, of those that ask for nothing but what the service root tells.
  [[nodiscard]] const config::BmcQuirks& match_root(const Traits& traits) const;
  [[nodiscard]] const std::map<std::string, config::BmcQuirks>& all() const { return rows_; }

 private:
  [[nodiscard]] const config::BmcQuirks& best(const Traits& traits, bool by_root) const;

  std::map<std::string, config::BmcQuirks> rows_;
};

}  // namespace metalmesh::bmc
