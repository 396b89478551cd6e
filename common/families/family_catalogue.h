// The OS families a node knows, by name. One is always there: `placeholder`, for images that were prepared
// with room for the answer file, because it is a mechanism and no operating system.
//
// The catalogue refuses a family that contradicts itself, so whoever holds one need not check again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "schemas/config/family.pb.h"
#include "schemas/wire/media.pb.h"

namespace metalmesh::families {

inline constexpr char placeholder_family[] = "placeholder";

/// Where a family contradicts itself: the field as its file writes it ("boot[0].syntax"), and why.
struct FamilyFault {
  std::string field;
  std::string message;
};
std::optional<FamilyFault> check_family(const config::OsFamily& family);

/// SHA-256 (hex): equal families have equal ones, wherever they were read from.
std::string family_sha256(const config::OsFamily& family);

class FamilyCatalogue {
 public:
  FamilyCatalogue();

  /// Adds a family or replaces the one of its name. Fails with `invalid`, naming family and field.
  Status add(config::OsFamily family);

  [[nodiscard]] const config::OsFamily* find(const std::string& name) const;
  /// For a name that is not here: what is wrong and which names there are.
  [[nodiscard]] std::string unknown(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, config::OsFamily>& all() const { return families_; }

  /// The families whose marks the image bears.
  [[nodiscard]] std::vector<std::string> recognise(const wire::ImageFacts& facts) const;

 private:
  std::map<std::string, config::OsFamily> families_;
};

}  // namespace metalmesh::families
