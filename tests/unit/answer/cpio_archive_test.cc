#include "agents/media/answer/cpio_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace metalmesh::media {
namespace {

using testing::ElementsAre;

/// "mode name" of each member, read by the format's own rules.
std::vector<std::string> members_of(const std::string& archive) {
  constexpr std::size_t header = 110;
  const auto field = [&](std::size_t at, std::size_t number) {
    return std::stoul(archive.substr(at + 6 + number * 8, 8), nullptr, 16);
  };
  const auto aligned = [](std::size_t at) { return (at + 3) / 4 * 4; };
  std::vector<std::string> members;
  for (std::size_t at = 0; at + header <= archive.size() && archive.compare(at, 6, "070701") == 0;) {
    const std::string name = archive.substr(at + header, field(at, 11) - 1);
    members.push_back(archive.substr(at + 6 + 8, 8) + " " + name);
    at = aligned(aligned(at + header + field(at, 11)) + field(at, 6));
  }
  return members;
}

TEST(CpioArchive, NamesTheDirectoriesAboveTheFile) {
  EXPECT_THAT(members_of(cpio_of_one_file("config.ign", "{}")),
              ElementsAre("00008180 config.ign", "00000000 TRAILER!!!"));
  EXPECT_THAT(members_of(cpio_of_one_file("usr/share/oem/config.ign", "{}")),
              ElementsAre("000041ed usr", "000041ed usr/share", "000041ed usr/share/oem",
                          "00008180 usr/share/oem/config.ign", "00000000 TRAILER!!!"));
}

}  // namespace
}  // namespace metalmesh::media
