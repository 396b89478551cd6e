// What a site fetches images from, and what it says of the rest: nothing.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "agents/media/server/image_sources.h"
#include "tests/contract/media/source_server.h"
#include "tests/contract/media/store_fixture.h"

namespace metalmesh::media {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ImageRules, ItsOwnMachineAndLinkLocalAddressesAreClosedUnlessNamed) {
  const ImageSources sources{{}, {"127.0.0.5", "169.254.7.0/24"}};
  for (const char* address :
       {"127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "::ffff:127.0.0.1", "nonsense"}) {
    EXPECT_TRUE(sources.why_not(address)) << address;
  }
  for (const char* address : {"127.0.0.5", "169.254.7.1", "10.40.0.1", "192.0.2.1", "2001:db8::1"})
    EXPECT_FALSE(sources.why_not(address)) << address;
}

TEST(ImageRules, FilesLieBelowAFolder) {
  const ImageSources sources{{"/srv/images", "/mnt/usb/"}, {}};
  for (const char* path : {"/srv/images/a.iso", "/srv/images/d/a.iso", "/mnt/usb/a.iso"})
    EXPECT_TRUE(sources.have(path)) << path;
  for (const char* path :
       {"/srv/images", "/srv/images2/a.iso", "/srv/images/../a.iso", "/etc/passwd", "a.iso", "/mnt/usb"})
    EXPECT_FALSE(sources.have(path)) << path;
  EXPECT_TRUE((ImageSources{{"/"}, {}}.have("/a.iso")));
  EXPECT_FALSE((ImageSources{}.have("/a.iso")));
}

class ImageRulesTest : public test::StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    std::filesystem::create_directory(folder_ / "open");
    test::write_file(folder_ / "open/good.iso", content_);
    test::write_file(folder_ / "secret", "hunter2\n");
    options_.download.sources = {{folder_ / "open"}, {}};
    reopen();
  }
  std::string refused(const std::string& url) {
    sink_.clear();
    fetch({url});
    const auto said = failed();
    return said ? said->detail : "it was not refused";
  }
};

TEST_F(ImageRulesTest, OfWhatLiesElsewhereNothingIsSaid) {
  const std::string nothing = "no file below the folders of this site's images";
  EXPECT_THAT(refused("file://" + (folder_ / "secret")), HasSubstr(nothing));
  EXPECT_THAT(refused("file://" + (folder_ / "is-not-there")), HasSubstr(nothing));
  EXPECT_THAT(refused("file:///dev/zero"), HasSubstr(nothing));
  std::filesystem::create_symlink(folder_ / "secret", folder_ / "open/out.iso");
  std::filesystem::create_symlink("/dev/zero", folder_ / "open/zero.iso");
  EXPECT_THAT(refused("file://" + (folder_ / "open/out.iso")), HasSubstr(nothing));
  EXPECT_THAT(refused("file://" + (folder_ / "open/zero.iso")), HasSubstr(nothing));
  EXPECT_THAT(refused("file://" + (folder_ / "open/../secret")), HasSubstr(nothing));
}

TEST_F(ImageRulesTest, NoDigestIsToldThatWasSeen) {
  test::write_file(folder_ / "open/other.iso", "hunter2\n");
  EXPECT_THAT(refused("file://" + (folder_ / "open/other.iso")), Not(HasSubstr(to_hex(sha256("hunter2\n")))));
}

TEST_F(ImageRulesTest, WhatLiesThereIsFetched) {
  std::filesystem::create_symlink("good.iso", folder_ / "open/latest.iso");
  fetch({"file://" + (folder_ / "open/latest.iso")});
  EXPECT_TRUE(ready().has_value());
}

TEST_F(ImageRulesTest, NothingIsAskedOfItsOwnMachine) {
  test::SourceServer server(content_);
  EXPECT_THAT(refused(server.url()), HasSubstr("it is on this site's own machine"));
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace metalmesh::media
