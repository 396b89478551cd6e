// A copy of the node's store while it is used. Begun as an effect; how it goes comes back as inputs.
#pragma once

#include <cstdint>
#include <string>

namespace metalmesh {

/// Into `folder`, which is made; one that is there must be empty. One at a time.
struct BackupStart {
  std::string folder;
  bool operator==(const BackupStart&) const = default;
};

/// Now and then, and once at its end.
struct BackupReported {
  std::string folder;
  bool ended = false;
  std::string error;  // why it failed; empty: it did not
  std::uint64_t bytes = 0;
  std::uint64_t size = 0;  // of all that is to be copied, as far as it is known
  std::uint64_t rows = 0;  // that were read back from the copy, each whole
  bool operator==(const BackupReported&) const = default;
};

class Backups {
 public:
  virtual ~Backups() = default;
  virtual void begin(BackupStart start) = 0;
};

}  // namespace metalmesh
