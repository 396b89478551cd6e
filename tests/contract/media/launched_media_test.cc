// What is launched outlives both processes in a folder; what may not be served is never found there.
#include "agents/media/server/launched_media.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/contract/media/media_bench.h"

namespace metalmesh::media {
namespace {

class LaunchedMediaTest : public testing::Test {
 protected:
  static wire::Mount mount(const std::string& token, wire::MountState state = wire::LAUNCHED) {
    wire::Mount mount;
    mount.set_token(token);
    mount.set_deployment_id("d-" + token);
    mount.set_answer("rootpw=secret");
    mount.set_state(state);
    return mount;
  }
  std::vector<std::string> found() {
    std::vector<std::string> tokens;
    for (const wire::Mount& mount : LaunchedMedia(data_).mounts()) tokens.push_back(mount.token());
    return tokens;
  }
  std::vector<std::filesystem::path> files() {
    std::vector<std::filesystem::path> paths;
    for (const auto& item : std::filesystem::directory_iterator(data_ + "/launched"))
      paths.push_back(item.path());
    return paths;
  }

  test::ScratchFolder folder_;
  std::string data_ = folder_ / "data";
  LaunchedMedia media_{data_};
};

TEST_F(LaunchedMediaTest, AreFoundAsTheyWereKept) {
  media_.keep(mount("one"));
  media_.keep(mount("two"));
  media_.keep(mount("two"));
  EXPECT_THAT(found(), testing::UnorderedElementsAre("one", "two"));
  EXPECT_EQ(LaunchedMedia(data_).mounts().at(0).answer(), "rootpw=secret");
  media_.remove("one");
  EXPECT_THAT(found(), testing::ElementsAre("two"));
  media_.remove_all_but({"three"});
  EXPECT_THAT(found(), testing::IsEmpty());
}

TEST_F(LaunchedMediaTest, OnlyLaunchedOnesAreKept) {
  for (const auto state : {wire::CLOSED, wire::OPEN, wire::DEAD}) media_.keep(mount("tok", state));
  media_.keep(mount("../escape"));
  EXPECT_THAT(found(), testing::IsEmpty());
}

TEST_F(LaunchedMediaTest, AreReadByTheirOwnerAndGiveNoTokenAway) {
  media_.keep(mount("tok"));
  media_.note({"tok", "\"etag\"", 0, "x"});
  ASSERT_EQ(files().size(), 2U);
  for (const auto& path : files()) {
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_EQ(path.string().find("tok"), std::string::npos);
  }
}

/// Damage and an earlier life of the machine leave a medium that waits for its agent, as before.
TEST_F(LaunchedMediaTest, DamagedOnesAndThoseOfAnEarlierBootAreNotServed) {
  media_.keep(mount("tok"));
  const std::string path = files().at(0).string();
  const std::string whole = test::read_file(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    test::write_file(path, damaged);
    EXPECT_THAT(found(), testing::IsEmpty()) << at;
  }
  for (const std::size_t length : {std::size_t{0}, std::size_t{31}, std::size_t{32}, whole.size() - 1}) {
    test::write_file(path, whole.substr(0, length));
    EXPECT_THAT(found(), testing::IsEmpty()) << length;
  }
  test::write_file(path, whole);
  EXPECT_THAT(found(), testing::ElementsAre("tok"));
}

TEST_F(LaunchedMediaTest, ReadsAreNotedInPlace) {
  EXPECT_FALSE(media_.reads("tok").has_value());
  media_.note({"tok", "\"a\"", 0, std::string("\x01\x00\x00\x00", 4)});
  media_.note({"tok", "\"a\"", 2, "\x07"});
  auto reads = LaunchedMedia(data_).reads("tok");
  ASSERT_TRUE(reads.has_value());
  EXPECT_EQ(reads->etag, "\"a\"");
  EXPECT_EQ(reads->blocks, std::string("\x01\x00\x07\x00", 4));
  media_.note({"tok", "\"b\"", 1, "\x01"});
  reads = media_.reads("tok");
  ASSERT_TRUE(reads.has_value());
  EXPECT_EQ(reads->etag, "\"b\"") << "of another medium nothing is left";
  EXPECT_EQ(reads->blocks, std::string("\x00\x01", 2));
  media_.note({"other", "\"a\"", 0, "x"});
  media_.forget_reads_of_all_but({"other"});
  EXPECT_FALSE(media_.reads("tok").has_value());
  media_.note({"other", {}, 0, {}});
  EXPECT_FALSE(media_.reads("other").has_value());
}

}  // namespace
}  // namespace metalmesh::media
