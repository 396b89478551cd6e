// What surrounds both engines on disk: the lock, the format mark, the ballast, permissions.
#include <sys/stat.h>

#include <fstream>

#include "tests/contract/store/stores_on_disk.h"

namespace metalmesh::adapters {
namespace {

using testing::HasSubstr;

class StoreFolderTest : public testing::TestWithParam<const char*> {
 protected:
  Result<std::unique_ptr<Store>> open(const StoreOptions& options = test_options()) {
    return open_store(GetParam(), folder_.path() / "data", options);
  }
  std::filesystem::path file(const char* name) { return folder_.path() / "data" / name; }
  TemporaryFolder folder_;
};

TEST_P(StoreFolderTest, refuses_a_second_opener_until_the_first_is_gone) {
  auto first = open();
  ASSERT_TRUE(first) << first.error().message;
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("in use by another process"));
  first->reset();
  EXPECT_TRUE(open());
}

TEST_P(StoreFolderTest, refuses_a_folder_of_a_newer_release) {
  StoreOptions newer = test_options();
  newer.format = 3;
  ASSERT_TRUE(open(newer));
  const auto older = open();
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind, ErrorKind::unsupported);
  EXPECT_THAT(older.error().message, HasSubstr("newer release (format 3, this program knows 2)"));
}

TEST_P(StoreFolderTest, refuses_a_folder_of_rows_without_checksums_and_says_how_to_go_on) {
  StoreOptions older = test_options();
  older.format = 1;
  ASSERT_TRUE(open(older));
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::unsupported);
  EXPECT_THAT(opened.error().message, HasSubstr("older release (format 1, this program knows 2)"));
  EXPECT_THAT(opened.error().message, HasSubstr("Next: start that release again"));
}

TEST_P(StoreFolderTest, refuses_the_folder_of_another_engine) {
  ASSERT_TRUE(open());
  const std::string other = std::string_view(GetParam()) == "sqlite" ? "rocksdb" : "sqlite";
  const auto opened = open_store(other, folder_.path() / "data");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::unsupported);
}

TEST_P(StoreFolderTest, keeps_the_folder_to_its_owner) {
  ASSERT_TRUE(open());
  struct stat info{};
  ASSERT_EQ(stat((folder_.path() / "data").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 077, 0U);
}

TEST_P(StoreFolderTest, holds_a_ballast_of_real_blocks_and_makes_it_again) {
  auto store = open();
  ASSERT_TRUE(store);
  struct stat info{};
  ASSERT_EQ(stat(file("BALLAST").c_str(), &info), 0);
  EXPECT_GE(static_cast<std::uint64_t>(info.st_blocks) * 512, test_options().ballast_bytes);
  store->reset();
  std::filesystem::remove(file("BALLAST"));
  ASSERT_TRUE(open());
  EXPECT_TRUE(std::filesystem::exists(file("BALLAST")));
}

TEST_P(StoreFolderTest, says_low_below_the_reserve) {
  auto roomy = open();
  ASSERT_TRUE(roomy);
  EXPECT_FALSE((*roomy)->space().low);
  roomy->reset();
  StoreOptions greedy = test_options();
  greedy.reserve_bytes = std::uint64_t{1} << 60;
  auto poor = open(greedy);
  ASSERT_TRUE(poor) << "a nearly full disk must not keep a node from ending its work";
  EXPECT_TRUE((*poor)->space().low);
}

TEST_P(StoreFolderTest, refuses_rows_that_cannot_be_told_from_one_another) {
  {
    auto store = open();
    ASSERT_TRUE(store);
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE((*store)->commit({{"key" + std::to_string(i), std::string(200, 'v')}}));
    }
  }
  // What tells rows from one another: pages of SQLite, RocksDB's list of its files.
  int damaged = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path() / "data")) {
    const std::string name = entry.path().filename();
    const bool pages = name == "rows.db";
    if (!pages && !name.starts_with("MANIFEST")) continue;
    std::fstream bytes(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    for (std::size_t at = pages ? 4096 : entry.file_size() / 2; at < entry.file_size(); at += 4096) {
      bytes.seekp(static_cast<std::streamoff>(at));
      bytes << std::string(64, '\x5a');
    }
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt) << opened.error().message;
  EXPECT_THAT(opened.error().message, HasSubstr("backup"));
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreFolderTest, testing::Values("sqlite", "rocksdb"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace metalmesh::adapters
