// Whether a host that went off did so because its installer had come to its end. Off alone does not tell that
// from a power cut; what was read of the medium does. Pure.
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace metalmesh::install {

struct EndSigns {
  std::uint64_t read = 0;  // distinct bytes of the medium
  std::uint64_t size = 0;  // of the medium
  std::uint64_t usual =
      0;  // earlier installs of the same image and profile here read at least as much; 0: none
  bool elsewhere = false;    // packages come from beside the medium
  bool fell_quiet = false;   // it was seen on after it had stopped reading
  bool medium_gone = false;  // when it stopped reading there was nothing left to read in its slot
  bool awaits_go = false;    // it was to ask first, and has no answer: it stands still, however much it read
};

/// How long a host must be seen on without a read to have stopped reading: nobody reads ahead for as long.
inline constexpr Duration quiet_time = std::chrono::seconds(10);

/// Nothing of the medium is left to be read, but for a few blocks that nobody reads.
constexpr bool read_all(const EndSigns& signs) {
  return signs.size > 0 && signs.read >= signs.size - signs.size / 20;
}

/// As much as earlier ones, but for a tenth: a little differs from machine to machine.
constexpr bool enough_of(std::uint64_t usual, std::uint64_t read) { return read >= usual - usual / 10; }

/// Nothing but its quiet can tell whether it came to its end.
constexpr bool quiet_decides(const EndSigns& signs) {
  return signs.usual == 0 && signs.size > 0 && !read_all(signs) && !signs.awaits_go;
}

/// All of the medium was read; or as much as earlier installs needed; or, for the first one of its kind at
/// this site, it had read more than what starts it, and reading had stopped while the host was still on:
/// whoever is cut off in the middle reads to the last moment, and whose medium went away does not stop by itself.
constexpr bool looks_finished(const EndSigns& signs) {
  if (signs.awaits_go) return false;
  if (read_all(signs)) return true;
  if (signs.usual > 0) return enough_of(signs.usual, signs.read);
  return signs.fell_quiet && !signs.medium_gone && (signs.elsewhere || signs.read >= signs.size / 16);
}

}  // namespace metalmesh::install
