// What is at the site is looked after: what rots, what a disk does not give for a while.
#include <gmock/gmock.h>

#include "tests/contract/media/store_fixture.h"

namespace metalmesh::media {
namespace {

using ::testing::HasSubstr;

class ImageCare : public test::StoreFixture {
 protected:
  /// As a disk rots: nothing but the content changes. Returns what is there now.
  std::string rot() {
    std::string damaged = content_;
    damaged[content_.size() / 2] ^= 1;
    store_.reset();  // it looks every 50 ms, and would see the file's time change
    const auto before = std::filesystem::last_write_time(file(".iso"));
    test::write_file(file(".iso"), damaged);
    std::filesystem::last_write_time(file(".iso"), before);
    options_.verify_every = std::chrono::seconds(0);
    reopen();
    return damaged;
  }
  /// A file that opens, and gives EIO when it is read: the first page of no process is mapped.
  void unreadable() { std::filesystem::create_symlink("/proc/self/mem", file(".iso")); }
};

TEST_F(ImageCare, WhatRotsOnTheDiskIsPutAsideForThoseWhoReadItAndTold) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  const std::string damaged = rot();
  const auto rotten = failed();
  ASSERT_TRUE(rotten.has_value());
  EXPECT_EQ(rotten->why, ImageFailed::Why::rotten);
  EXPECT_FALSE(rotten->imported);
  EXPECT_GE(rotten->held, content_.size());
  EXPECT_THAT(rotten->detail, HasSubstr("its SHA-256 has become"));
  EXPECT_FALSE(std::filesystem::exists(file(".iso"))) << "nothing new begins with it";
  EXPECT_TRUE(test::read_file(file(".aside")) == damaged) << "who reads it goes on";
  sink_.clear();
  fetch({"file://" + test::installer_iso()});
  EXPECT_TRUE(ready().has_value());
  EXPECT_FALSE(std::filesystem::exists(file(".aside"))) << "a good one is there";
}

TEST_F(ImageCare, WhatWasPutAsideGoesWithADrop) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  rot();
  ASSERT_TRUE(failed().has_value());
  store_->drop({digest_});
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "images"));
}

TEST_F(ImageCare, AnImportedImageIsNeverDeletedForWhatTheDiskGives) {
  auto folder = ImageFolder::open(folder_ / "images");
  ASSERT_TRUE(folder.has_value());
  const auto go_on = [](std::size_t) { return true; };
  ASSERT_TRUE(folder->import_file(test::installer_iso(), "", {}, go_on).has_value());
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  const std::string damaged = rot();
  const auto rotten = failed();
  ASSERT_TRUE(rotten.has_value());
  EXPECT_TRUE(rotten->imported);
  sink_.clear();
  fetch({"file:///nowhere/at/all.iso"});
  ASSERT_TRUE(failed().has_value());
  sink_.clear();
  reopen();
  fetch({});
  ASSERT_TRUE(failed().has_value());
  EXPECT_TRUE(test::read_file(file(".aside")) == damaged);
  sink_.clear();
  ASSERT_TRUE(folder->import_file(test::installer_iso(), "", {}, go_on).has_value());
  const auto again = ready();
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->imported);
  EXPECT_FALSE(std::filesystem::exists(file(".aside")));
}

TEST_F(ImageCare, WhatTheDiskDoesNotGiveForAWhileIsTriedAgain) {
  options_.verify_every = std::chrono::hours(1);
  options_.read_again = std::chrono::milliseconds(200);
  options_.read_tries = 1000;
  reopen();
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  std::filesystem::rename(file(".iso"), folder_ / "kept");
  unreadable();
  EXPECT_FALSE(failed(std::chrono::seconds(1)).has_value()) << "an error of reading says nothing";
  std::filesystem::rename(folder_ / "kept", file(".iso"));
  std::filesystem::remove(file(".ok"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!std::filesystem::exists(file(".ok")) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_TRUE(std::filesystem::exists(file(".ok"))) << "verified when the disk gave it";
  EXPECT_FALSE(failed(std::chrono::milliseconds(1)).has_value());
}

TEST_F(ImageCare, WhatTheDiskNeverGivesIsPutAsideAndComesBackWithTheDisk) {
  options_.read_again = std::chrono::milliseconds(50);
  options_.aside_again = std::chrono::milliseconds(50);
  reopen();
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  std::filesystem::rename(file(".iso"), folder_ / "kept");
  unreadable();
  const auto rotten = failed();
  ASSERT_TRUE(rotten.has_value());
  EXPECT_EQ(rotten->why, ImageFailed::Why::rotten);
  EXPECT_THAT(rotten->detail, HasSubstr("Input/output error"));
  EXPECT_TRUE(std::filesystem::is_symlink(file(".aside")));
  sink_.clear();
  std::filesystem::rename(folder_ / "kept", file(".aside"));
  ASSERT_TRUE(ready().has_value());
  EXPECT_TRUE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageCare, AnErrorOfReadingAtTheStartDeletesNothing) {
  store_.reset();
  unreadable();
  options_.read_again = std::chrono::hours(1);
  reopen();
  fetch({"file://" + test::installer_iso()});
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->why, ImageFailed::Why::unavailable);
  EXPECT_TRUE(std::filesystem::is_symlink(file(".iso")));
}

TEST_F(ImageCare, WhatIsWholeIsVerifiedAgainInItsTurn) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000);
  std::filesystem::last_write_time(file(".ok"), long_ago);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::filesystem::last_write_time(file(".ok")) <= long_ago &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_GT(std::filesystem::last_write_time(file(".ok")), long_ago);
  EXPECT_TRUE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageCare, HashesAgainWhatChangedBehindItsBack) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  std::string damaged = content_;
  damaged[100000] ^= 1;
  test::write_file(file(".iso"), damaged);
  sink_.clear();
  open();
  fetch({});
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_FALSE(std::filesystem::exists(file(".iso")));
}

TEST_F(ImageCare, TrustsItsMarkerAfterARestart) {
  fetch({"file://" + test::installer_iso()});
  ASSERT_TRUE(ready().has_value());
  sink_.clear();
  open();
  fetch({});
  EXPECT_TRUE(ready().has_value());
}

}  // namespace
}  // namespace metalmesh::media
