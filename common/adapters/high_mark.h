// The highest write that a store has acknowledged, in a small file beside its rows. A store that comes back with
// less has lost its newest writes (a damaged or copied log): it went back, and can say so.
//
// Not synced: it outlives the process, not the machine's power. After a power cut it may be behind, and says nothing.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/os/fd.h"

namespace metalmesh::adapters {

class HighMark {
 public:
  enum class Use { keep, look };
  /// A file that is missing or damaged is begun anew, at 0; one that cannot be kept is done without. `look` makes none.
  HighMark(const std::filesystem::path& path, Use use);

  /// As the last life left it.
  [[nodiscard]] std::uint64_t found() const { return found_; }
  void set(std::uint64_t mark) const;

 private:
  os::Fd file_;
  std::uint64_t found_ = 0;
};

}  // namespace metalmesh::adapters
