// file: sources: file systems that do not answer keep nobody else from anything, not even from ending.
#include "agents/media/server/file_source.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>

#include "tests/contract/media/dead_file.h"
#include "tests/contract/media/store_fixture.h"

namespace metalmesh::media {
namespace {

using test::DeadFile;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr char needs_root[] = "skipped: fanotify needs root";

class FileSourceTest : public test::StoreFixture {
 protected:
  void SetUp() override {
    StoreFixture::SetUp();
    options_.download.connect_seconds = 1;
    options_.download.silence_seconds = 1;
    reopen();
  }
  /// A whole image at a place that may be dead.
  std::string place(const std::string& name) {
    test::write_file(folder_ / name, content_);
    return folder_ / name;
  }
  std::optional<ImageFailed> failed_one(char of) {
    return sink_.wait<ImageFailed>([&](const Input& input) -> std::optional<ImageFailed> {
      const auto* found = std::get_if<ImageFailed>(&input);
      return found != nullptr && found->sha256 == std::string(64, of) ? std::optional(*found) : std::nullopt;
    });
  }
};

TEST_F(FileSourceTest, TwoThatDoNotAnswerStopNoOtherFetchAndNoEnd) {
  const std::string one = place("one.iso");
  const std::string two = place("two.iso");
  {
    const DeadFile dead_one(one, DeadFile::At::open);
    const DeadFile dead_two(two, DeadFile::At::read);
    if (!dead_one || !dead_two) GTEST_SKIP() << needs_root;
    store_->fetch({std::string(64, 'a'), 0, {"file://" + one}});
    store_->fetch({std::string(64, 'b'), 0, {"file://" + two}});
    fetch({"file://" + test::installer_iso()});
    ASSERT_TRUE(ready(std::chrono::seconds(10)).has_value()) << "the third is not theirs to stop";
    const auto first = failed_one('a');
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->why, ImageFailed::Why::unavailable);
    EXPECT_THAT(first->detail, HasSubstr("the file system has not answered for 1 s"));
    const auto second = failed_one('b');
    ASSERT_TRUE(second.has_value());
    EXPECT_THAT(second->detail, HasSubstr("given nothing for 1 s"));

    sink_.clear();
    const auto asked = Clock::now();
    store_->fetch({std::string(64, 'a'), 0, {"file://" + one}});
    const auto again = failed_one('a');
    ASSERT_TRUE(again.has_value());
    EXPECT_THAT(again->detail, HasSubstr("is asked again when it does"));
    EXPECT_LT(Clock::now() - asked, std::chrono::milliseconds(900))
        << "no second thread hangs with the first";

    store_->fetch({std::string(64, 'b'), 0, {"file://" + two}});
    const auto began = Clock::now();
    store_.reset();
    EXPECT_LT(Clock::now() - began, std::chrono::seconds(3));
  }
  sink_.clear();
  reopen();
  fetch({"file://" + one});
  EXPECT_TRUE(ready().has_value()) << "the file system is back";
}

TEST_F(FileSourceTest, AtMostAFewHang) {
  std::vector<std::string> places;
  std::vector<std::unique_ptr<DeadFile>> dead;
  for (std::size_t i = 0; i <= FileSources::most_hung; ++i) {
    places.push_back(place(std::to_string(i) + ".iso"));
    dead.push_back(std::make_unique<DeadFile>(places.back(), DeadFile::At::open));
    if (!*dead.back()) GTEST_SKIP() << needs_root;
  }
  FileSources files;
  const ImageSources anywhere{{"/"}, {}};
  for (std::size_t i = 0; i < FileSources::most_hung; ++i) {
    const auto hung = files.open(places[i], anywhere, 0, std::chrono::milliseconds(50), false);
    ASSERT_FALSE(hung.has_value());
    EXPECT_THAT(hung.error().message, HasSubstr("has not answered"));
  }
  const auto one_more = files.open(places.back(), anywhere, 0, std::chrono::milliseconds(50), false);
  ASSERT_FALSE(one_more.has_value());
  EXPECT_THAT(one_more.error().message, HasSubstr("not asked for"));
  dead.clear();
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  auto back = files.open(places.back(), anywhere, 0, std::chrono::seconds(5), false);
  while (!back && Clock::now() < deadline)
    back = files.open(places.back(), anywhere, 0, std::chrono::seconds(5), false);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->size(), content_.size());
}

TEST_F(FileSourceTest, OnlyRegularFilesAreRead) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const auto began = Clock::now();
  fetch({"file://" + (folder_ / "pipe")});
  const auto refused = failed();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->detail, HasSubstr("is no regular file"));
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(1));
}

TEST_F(FileSourceTest, UrlsOfFiles) {
  EXPECT_EQ(path_of_file_url("file:///a/b%20c.iso").value_or(""), "/a/b c.iso");
  EXPECT_EQ(path_of_file_url("file://localhost/a.iso").value_or(""), "/a.iso");
  EXPECT_FALSE(path_of_file_url("file://elsewhere/a.iso").has_value());
}

TEST_F(FileSourceTest, AFileIsResumedAndTakenInOrder) {
  test::write_file(file(".part"), content_.substr(0, 1'000'000));
  fetch({"file://" + test::installer_iso()}, content_.size());
  ASSERT_TRUE(ready().has_value());
  EXPECT_TRUE(test::read_file(file(".iso")) == content_);
}

}  // namespace
}  // namespace metalmesh::media
