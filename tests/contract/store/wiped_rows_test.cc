// What was in a row that is wiped is in no file of an agent's store once it is deleted, however often it was written before.
#include "common/os/files.h"
#include "tests/contract/store/stores_on_disk.h"

namespace metalmesh::adapters {
namespace {

int files_with(const std::filesystem::path& folder, const std::string& text) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    found += os::read_file(entry.path()).value_or("").find(text) == std::string::npos ? 0 : 1;
  return found;
}

TEST(WipedRows, LeaveNothingInTheFiles) {
  const TemporaryFolder folder;
  StoreOptions options = test_options();
  options.wiped = {"job/", "blob/"};
  const std::string secret = "correct horse battery staple";
  const auto store = SqliteStore::open(folder / "data", options);
  ASSERT_TRUE(store) << store.error().message;
  for (int i = 0; i < 40; ++i) {
    const std::string padded =
        std::string(static_cast<std::size_t>(i) * 150, 'p') + secret + std::to_string(i);
    ASSERT_TRUE((*store)->commit(
        {{"job/a", padded}, {"job/b" + std::to_string(i), padded}, {"other" + std::to_string(i), "o"}}));
  }
  ASSERT_TRUE((*store)->commit({{"blob/a", std::string(100'000, 'b') + secret}}));
  ASSERT_GT(files_with(folder / "data", secret), 0);
  Batch last = {{"job/a", std::nullopt}, {"blob/a", std::nullopt}};
  for (int i = 0; i < 40; ++i) last.push_back({"job/b" + std::to_string(i), std::nullopt});
  ASSERT_TRUE((*store)->commit(last));
  EXPECT_EQ(files_with(folder / "data", secret), 0);
  EXPECT_EQ((*store)->scan("", "", 100).value().size(), 40U);
}

TEST(WipedRows, LeaveNothingWhenTheyAreWrittenAnewWithout) {
  const TemporaryFolder folder;
  StoreOptions options = test_options();
  options.wiped = {"image/"};
  const std::string secret = "correct horse battery staple";
  const auto store = SqliteStore::open(folder / "data", options);
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->commit({{"image/a", "from " + secret}, {"other", "o"}}));
  ASSERT_GT(files_with(folder / "data", secret), 0);
  ASSERT_TRUE((*store)->commit({{"image/a", std::nullopt}, {"image/a", "from elsewhere"}}));
  EXPECT_EQ(files_with(folder / "data", secret), 0);
  EXPECT_EQ((*store)->get("image/a").value(), "from elsewhere");
}

}  // namespace
}  // namespace metalmesh::adapters
