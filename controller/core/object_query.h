// Which objects: `firmware.bmc < 2.60 and ipmi = on and site ~ ber*`. Conditions are joined by `and`; each is a field, one of
// = != < <= > >= ~ (a glob, in any case), and a value, in quotes where it has blanks. A field is a path, as JSON spells it
// ("spec.timeZone", "metadata.labels.role"), `any` (whatever stands there), or, of a server, one of some words of its own. Versions
// compare as versions, sizes as sizes ("512GiB"), times as dates ("2027-01-31"); of a list one that fits is enough. What is
// not known of an object fits no condition but `= unknown`. Pure.
#pragma once

#include <google/protobuf/message.h>

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/text/filler/field_path.h"
#include "controller/core/operator_request.h"

namespace metalmesh::controller {

class ObjectQuery {
 public:
  /// Refuses what it does not understand, and names the fields there are.
  static std::expected<ObjectQuery, Refusal> of(
      std::string_view text, const google::protobuf::Descriptor& type = *rest::Server::descriptor());
  /// `object` is of that type, and shows no secret.
  [[nodiscard]] bool matches(const google::protobuf::Message& object) const;

  enum class Comparison : std::uint8_t { equal, other, less, at_most, more, at_least, like };
  struct Condition {
    std::size_t field = 0;          // of the table of servers' words
    std::optional<FieldPath> path;  // instead
    bool any = false;               // instead
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
