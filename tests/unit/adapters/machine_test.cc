// The thin ports onto the machine itself: clocks, entropy, small files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/adapters/files.h"
#include "common/adapters/os_entropy.h"
#include "common/adapters/system_clock.h"
#include "tests/unit/adapters/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

using namespace std::chrono_literals;

TEST(SystemClock, gives_an_interval_around_the_time_of_day) {
  SystemClock clock;
  const Duration before = std::chrono::system_clock::now().time_since_epoch();
  const Now now = clock.now();
  const Duration after = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LE(now.wall_low.time_since_epoch(), before - 1s + 10ms);
  EXPECT_GE(now.wall_high.time_since_epoch(), after + 1s - 10ms);
  EXPECT_LE(now.wall_high - now.wall_low, 60s);
  EXPECT_GE(now.wall().time_since_epoch(), before - 10ms);
}

TEST(SystemClock, never_runs_backwards) {
  SystemClock clock;
  MonoTime last = clock.now().mono;
  for (int i = 0; i < 1000; ++i) {
    const MonoTime next = clock.now().mono;
    ASSERT_GE(next, last);
    last = next;
  }
}

TEST(SystemClock, takes_a_trusted_error_at_its_word) {
  SystemClock clock({.synchronised_error = 1s, .unsynchronised_error = 30s, .trusted_error = 5ms});
  const Now now = clock.now();
  EXPECT_EQ(now.wall_high - now.wall_low, 10ms);
}

TEST(OsEntropy, draws_what_was_asked_and_never_the_same) {
  OsEntropy entropy;
  EXPECT_EQ(entropy.bytes(0), "");
  EXPECT_EQ(entropy.bytes(5000).size(), 5000U);
  EXPECT_NE(entropy.bytes(16), entropy.bytes(16));
}

TEST(Files, replaces_a_file_whole_with_the_mode_asked_for) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "f", "old, and longer", 0644));
  ASSERT_TRUE(write_file(folder / "f", "new", 0600));
  EXPECT_EQ(read_file(folder / "f"), "new");
  struct stat info{};
  ASSERT_EQ(stat((folder / "f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1)
      << "no temporary file stays";
}

TEST(Files, names_what_failed) {
  const TemporaryFolder folder;
  const auto missing = read_file(folder / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_THAT(missing.error().message, testing::HasSubstr("none: No such file"));
  ASSERT_TRUE(write_file(folder / "f", "12345", 0600));
  EXPECT_EQ(read_file(folder / "f", 4).error().kind, ErrorKind::exhausted);
  EXPECT_EQ(write_file(folder / "no" / "f", "x", 0600).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace metalmesh::adapters
