// The medium that shows whether a BMC reaches us: small, of nothing but a word to whoever finds it, and started by nobody.
#pragma once

#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

inline constexpr std::uint64_t test_medium_bytes = std::uint64_t{1} << 20U;

inline wire::SecondMedium test_medium() {
  wire::SecondMedium medium;
  medium.set_label("METALMESH-TEST");
  medium.set_format(wire::SecondMedium::ISO);
  wire::FileChange& file = *medium.add_files();
  file.set_path("/README.TXT");
  file.set_content(
      "Metalmesh tests whether this machine's BMC reads media from here. Nothing starts from this disc.\n");
  medium.set_test_bytes(test_medium_bytes);
  return medium;
}

}  // namespace metalmesh::media
