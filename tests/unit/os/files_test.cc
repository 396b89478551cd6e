#include "common/os/files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace metalmesh::os {
namespace {

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

TEST(Files, reads_up_to_the_limit_and_no_folders) {
  const TemporaryFolder folder;
  EXPECT_FALSE(read_file(folder.path()));
  ASSERT_TRUE(write_file(folder / "f", std::string(40'000, 'x'), 0600));
  EXPECT_EQ(read_file(folder / "f", 40'000).value().size(), 40'000U) << "as long as the limit";
}

TEST(Files, a_refused_file_is_named_with_the_command_that_mends_it) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "key", "x", 0640));
  const auto refused = check_private(folder / "key");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::denied);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("chmod 600 " + (folder / "key").string()));
  ASSERT_TRUE(write_file(folder / "key", "x", 0600));
  EXPECT_TRUE(check_private(folder / "key"));
}

TEST(Files, lists_by_ending_and_name) {
  const TemporaryFolder folder;
  for (const char* name : {"b.yaml", "a.yaml", "c.yml", "yaml"})
    ASSERT_TRUE(write_file(folder / name, "", 0600));
  const auto found = files_in(folder.path(), ".yaml");
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, testing::ElementsAre(folder / "a.yaml", folder / "b.yaml"));
  EXPECT_EQ(files_in(folder / "none", ".yaml").error().kind, ErrorKind::not_found);
}

TEST(Files, a_lock_keeps_others_out_until_it_closes) {
  const TemporaryFolder folder;
  auto first = lock_file(folder / "LOCK", Held::fail);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(lock_file(folder / "LOCK", Held::fail).error().kind, ErrorKind::conflict);
  *first = Fd();
  EXPECT_TRUE(lock_file(folder / "LOCK", Held::fail));
  EXPECT_EQ(lock_file(folder / "no" / "LOCK", Held::fail).error().kind, ErrorKind::not_found);
}

TEST(Files, who_waits_for_a_lock_gets_it) {
  const TemporaryFolder folder;
  auto first = lock_file(folder / "LOCK", Held::fail);
  ASSERT_TRUE(first);
  bool released = false;
  std::thread holder([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    released = true;
    *first = Fd();
  });
  const auto second = lock_file(folder / "LOCK", Held::wait);
  EXPECT_TRUE(second);
  EXPECT_TRUE(released);
  holder.join();
}

TEST(Files, room_is_of_the_disk_below) {
  const auto room = disk_room("/proc/self");
  ASSERT_TRUE(room);
  const auto here = disk_room(std::filesystem::temp_directory_path());
  ASSERT_TRUE(here);
  EXPECT_GT(here->bytes, 0U);
  EXPECT_LE(here->free_bytes, here->bytes);
  EXPECT_EQ(disk_room("/proc/none/of/these"), std::nullopt);
}

TEST(Fd, closes_once_and_hands_over) {
  Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(first);
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(second.get(), number);
  second = Fd();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1) << "closed";
  Fd third(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int kept = third.release();
  EXPECT_FALSE(third);
  EXPECT_NE(::fcntl(kept, F_GETFD), -1) << "not closed";
  ::close(kept);
}

}  // namespace
}  // namespace metalmesh::os
