// Which servers: `firmware.bmc < 2.60 and ipmi = on and site ~ ber*`. Conditions are joined by `and`; each is a field, one of
// = != < <= > >= ~ (a glob, in any case), and a value, in quotes where it has blanks. Versions compare as versions, sizes as sizes
// ("512GiB"), times as dates ("2027-01-31"). What is not known of a server fits no condition but `= unknown`. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/operator_request.h"

namespace metalmesh::controller {

class ServerQuery {
 public:
  /// Refuses what it does not understand, and names the fields there are.
  static std::expected<ServerQuery, Refusal> of(std::string_view text);
  [[nodiscard]] bool matches(const rest::Server& server) const;

  enum class Comparison : std::uint8_t { equal, other, less, at_most, more, at_least, like };
  struct Condition {
    std::size_t field = 0;  // of the table
    Comparison comparison{};
    std::string text;
    std::int64_t number = 0;
  };

 private:
  std::vector<Condition> conditions_;
};

/// Below, equal or above zero. A version is the first run of digits with dots in between: "iLO 6 v1.66" is 1.66. What tells no
/// version is compared as text.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace metalmesh::controller
