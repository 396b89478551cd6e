// A disk that really fills up: a small tmpfs. Needs the right to mount; without it the test is skipped.
#include <sys/mount.h>

#include <fstream>

#include "tests/contract/store/stores_on_disk.h"

namespace metalmesh::adapters {
namespace {

class SmallDisk {
 public:
  SmallDisk() : mounted_(mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=24m") == 0) {}
  ~SmallDisk() {
    if (mounted_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }

  /// Somebody else's file takes everything that is left.
  void fill() {
    std::ofstream filler(path() / "filler", std::ios::binary | std::ios::app);
    const std::string block(4096, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void make_room() { std::filesystem::remove(path() / "filler"); }

 private:
  TemporaryFolder folder_;
  bool mounted_;
};

const std::string block(256 << 10, 'r');
std::string row_key(std::uint64_t number) { return "row" + std::to_string(number); }

class StoreFullDisk : public testing::TestWithParam<const char*> {};

TEST_P(StoreFullDisk, ends_its_work_on_the_ballast_then_refuses_and_recovers) {
  SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "may not mount a small disk here";
  const StoreOptions options{.reserve_bytes = 1 << 20, .ballast_bytes = 4 << 20, .format = 2};
  auto opened = open_store(GetParam(), disk.path() / "data", options);
  ASSERT_TRUE(opened) << opened.error().message;
  std::unique_ptr<Store> store = std::move(*opened);
  ASSERT_TRUE(store->commit({{"before", "1"}}));
  disk.fill();
  EXPECT_TRUE(store->space().low);

  // Engines keep some blocks allocated ahead, so the ballast goes a few commits after the disk is full.
  std::uint64_t kept = 0;
  const auto commit_next = [&] {
    return store->commit({{row_key(kept), block}, {"count", std::to_string(kept + 1)}});
  };
  const auto has_ballast = [&] { return std::filesystem::exists(disk.path() / "data" / "BALLAST"); };
  for (; has_ballast() && kept < 64; ++kept) {
    const Status rescued = commit_next();
    ASSERT_TRUE(rescued) << rescued.error().message;
  }
  ASSERT_FALSE(has_ballast());
  EXPECT_EQ(store->get("before"), "1");

  disk.fill();
  Status refused;
  for (; kept < 128 && (refused = commit_next()); ++kept) {
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::exhausted) << refused.error().message;

  store.reset();
  disk.make_room();
  auto again = open_store(GetParam(), disk.path() / "data", options);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->get("count"), std::to_string(kept));
  for (std::uint64_t i = 0; i < kept; ++i) EXPECT_EQ((*again)->get(row_key(i)), block) << i;
  EXPECT_EQ((*again)->get(row_key(kept)), std::nullopt) << "half of a refused batch";
  EXPECT_TRUE((*again)->commit({{"after", "1"}}));
  EXPECT_TRUE(has_ballast());
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreFullDisk, testing::Values("sqlite", "rocksdb"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace metalmesh::adapters
