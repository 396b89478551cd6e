// Fingerprints of what a core decided: equal for a decision on secrets and the same decision on their
// placeholders, otherwise as good as different. Signatures and log lines do not count.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/recording/secret_finder.h"
#include "common/recording/secret_set.h"
#include "common/turn/outcome.h"

namespace metalmesh::recording {

/// Rows of one table that hold more than a set of secrets can know, such as rendered answer files.
struct BlankedRows {
  std::string prefix;
  std::vector<FieldPath> fields;
};

struct OutcomePrint {
  std::uint64_t rows = 0;
  std::uint64_t effects = 0;
  bool operator==(const OutcomePrint&) const = default;
};

class OutcomePrinter {
 public:
  explicit OutcomePrinter(const SecretSet& secrets, std::vector<BlankedRows> blanked = {})
      : secrets_(secrets), blanked_(std::move(blanked)) {}

  [[nodiscard]] OutcomePrint print(const Outcome& outcome) const;
  /// What a snapshot keeps of a row.
  [[nodiscard]] std::string masked_row(std::string_view key, std::string value) const;
  [[nodiscard]] const std::vector<BlankedRows>& blanked() const { return blanked_; }

 private:
  const SecretSet& secrets_;
  std::vector<BlankedRows> blanked_;
};

/// What an effect is and where it goes, for people: "POST https://10.0.0.1/redfish/v1/...".
std::string describe(const Effect& effect);

}  // namespace metalmesh::recording
