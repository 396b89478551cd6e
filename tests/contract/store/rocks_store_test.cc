// What only the controller's store promises: a prefix of what was written whatever became of its log, and backups
// that open whole while it is used.
#include <atomic>
#include <fstream>
#include <thread>

#include "common/adapters/rocks_backup.h"
#include "common/ports/row_walk.h"
#include "tests/contract/store/stores_on_disk.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

std::string key_of(int number) { return "row" + std::to_string(1'000'000 + number); }
/// Two rows of one batch each: half of one would be a hole.
Batch batch_of(int number) {
  const std::string filler(300, static_cast<char>('a' + number % 26));
  return {{key_of(number), filler}, {"twin" + key_of(number), filler}, {"last", std::to_string(number)}};
}

std::unique_ptr<RocksStore> opened(const fs::path& folder) {
  auto store = RocksStore::open(folder, test_options());
  if (!store) {
    ADD_FAILURE() << store.error().message;
    return nullptr;
  }
  return std::move(*store);
}

/// How many batches there are; fails the test if they are no prefix.
int checked_prefix(const RowReader& store) {
  const auto last = store.get("last");
  const int count = last && *last ? std::stoi(**last) : 0;
  int rows = 0;
  const Status walked =
      walk_whole_rows(store, "row", "rox", [&](const std::string& key, const std::string&) -> Status {
        EXPECT_EQ(key, key_of(++rows));
        EXPECT_TRUE(store.get("twin" + key).value_or(std::nullopt).has_value()) << key;
        return {};
      });
  EXPECT_TRUE(walked) << walked.error().message;
  EXPECT_EQ(rows, count);
  return count;
}

fs::path newest_log(const fs::path& folder) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(folder / "rows"))
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  return newest;
}

/// What a power cut leaves: the files as they are, without a clean end.
fs::path copy_of(const fs::path& data, const TemporaryFolder& to, const std::string& name) {
  const fs::path copy = to.path() / name;
  fs::copy(data, copy, fs::copy_options::recursive);
  return copy;
}

TEST(RocksStore, SaysWhichWritesAreGoneWhenItsLogIsDamaged) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  const auto store = opened(data);
  for (int i = 1; i <= 60; ++i) ASSERT_TRUE(store->commit(batch_of(i)));
  const fs::path whole = copy_of(data, folder, "whole");
  const fs::path damaged = copy_of(data, folder, "damaged");
  {
    const auto same = opened(whole);
    EXPECT_THAT(same->losses(), IsEmpty());
    EXPECT_EQ(checked_prefix(*same), 60);
  }
  const fs::path log = newest_log(damaged);
  ASSERT_FALSE(log.empty());
  std::fstream bytes(log, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(static_cast<std::streamoff>(fs::file_size(log) / 2));
  bytes.put('\x7f');
  bytes.close();
  const auto shorter = opened(damaged);
  ASSERT_EQ(shorter->losses().size(), 1U);
  EXPECT_THAT(shorter->losses()[0], HasSubstr("the newest writes of this store are gone"));
  EXPECT_LT(checked_prefix(*shorter), 60);
  EXPECT_GT(checked_prefix(*shorter), 10);
}

TEST(RocksStore, AnOlderCopyUnderTheSameMarkIsNoticed) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  auto store = opened(data);
  for (int i = 1; i <= 20; ++i) ASSERT_TRUE(store->commit(batch_of(i)));
  const fs::path older = copy_of(data / "rows", folder, "older");
  for (int i = 21; i <= 40; ++i) ASSERT_TRUE(store->commit(batch_of(i)));
  store.reset();
  fs::remove_all(data / "rows");
  fs::rename(older, data / "rows");
  store = opened(data);
  EXPECT_EQ(store->losses().size(), 1U);
  EXPECT_EQ(checked_prefix(*store), 20);
  ASSERT_TRUE(store->commit(batch_of(21)));
  store.reset();
  EXPECT_THAT(opened(data)->losses(), IsEmpty()) << "once it has gone on, that is how it is";
}

TEST(RocksStore, ACopyOfARunningFolderHasNoHole) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  const auto store = opened(data);
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    for (int i = 1; !stop; ++i) ASSERT_TRUE(store->commit(batch_of(i)));
  });
  int opened_copies = 0;
  for (int i = 0; i < 12; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    std::error_code code;
    const fs::path copy = folder.path() / ("copy" + std::to_string(i));
    fs::copy(data, copy, fs::copy_options::recursive, code);
    if (code) continue;  // a file went while it was copied
    const auto found = RocksStore::open(copy, test_options());
    if (!found) continue;  // refused, and said so: no silent hole
    ++opened_copies;
    checked_prefix(**found);
  }
  stop = true;
  EXPECT_GT(opened_copies, 0);
}

TEST(RocksStore, BlocksThatHaveRottedAreCopiedOutAndWritingGoesOn) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  ASSERT_TRUE(opened(data)->commit({{"a", "first of all"}, {"b", "in the middle"}, {"c", "at the end"}}));
  ASSERT_EQ(flip_in_files(data, "in the middle"), 1);
  auto store = opened(data);
  ASSERT_EQ(store->notes().size(), 1U);
  EXPECT_TRUE(fs::exists(data / "rows.damaged-1")) << "nothing is thrown away";
  EXPECT_EQ(store->get("a"), "first of all");
  EXPECT_FALSE(store->get("b"));
  EXPECT_EQ(store->get("c"), "at the end");
  ASSERT_TRUE(store->commit({{"b", std::nullopt}}));
  store.reset();
  EXPECT_THAT(opened(data)->notes(), IsEmpty());
}

const BackupProgress silent = [](std::uint64_t, std::uint64_t) {};

TEST(RocksBackup, EachOpensWholeUnderLoad) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  const auto store = opened(data);
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::jthread writer([&] {
    for (int i = 1; !stop; ++i) {
      ASSERT_TRUE(store->commit(batch_of(i)));
      written = i;
    }
  });
  for (int i = 0; i < 5; ++i) {
    const fs::path copy = folder.path() / ("backup" + std::to_string(i));
    const int before = written;
    const auto made = make_backup(*store, data, copy, "1", silent, {});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_FALSE(fs::exists(data / "rows.backup"));
    const auto there = RocksStore::open_for_reading(copy, test_options());
    ASSERT_TRUE(there) << there.error().message;
    EXPECT_THAT((*there)->losses(), IsEmpty());
    EXPECT_GE(checked_prefix(**there), before) << "all that was acknowledged when it began";
    EXPECT_EQ(made->rows,
              static_cast<std::uint64_t>(2 * checked_prefix(**there) + (checked_prefix(**there) > 0)));
  }
  stop = true;
}

TEST(RocksBackup, RefusesWhatIsThereAndSaysWhatIsNotComplete) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  auto store = opened(data);
  ASSERT_TRUE(store->commit(batch_of(1)));
  fs::create_directories(folder.path() / "full");
  std::ofstream(folder.path() / "full" / "file") << "mine";
  EXPECT_EQ(make_backup(*store, data, folder.path() / "full", "1", silent, {}).error().kind,
            ErrorKind::conflict);
  fs::create_directories(folder.path() / "empty");
  ASSERT_TRUE(make_backup(*store, data, folder.path() / "empty", "1", silent, {}));
  EXPECT_EQ(make_backup(*store, data, folder.path() / "empty", "1", silent, {}).error().kind,
            ErrorKind::conflict);

  const fs::path backup = folder.path() / "empty";
  EXPECT_EQ(copy_backup(backup, data).error().kind, ErrorKind::conflict) << "nothing is written over";
  ASSERT_TRUE(store->commit(batch_of(2)));
  store.reset();
  const fs::path fresh = folder.path() / "fresh";
  ASSERT_TRUE(copy_backup(backup, fresh));
  EXPECT_EQ(checked_prefix(*opened(fresh)), 1);

  fs::remove(backup / "BACKUP");
  EXPECT_EQ(read_backup(backup).error().kind, ErrorKind::not_found);
  EXPECT_EQ(read_backup(data).error().kind, ErrorKind::not_found);
}

TEST(RocksBackup, ARottenRowDoesNotPassAsABackup) {
  const TemporaryFolder folder;
  const fs::path data = folder.path() / "data";
  ASSERT_TRUE(opened(data)->commit({{"a", "first of all"}}));
  ASSERT_EQ(flip_in_files(data, "first of all"), 1);
  const auto store = opened(data);
  const auto made = make_backup(*store, data, folder.path() / "backup", "1", silent, {});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("row a"));
  EXPECT_EQ(read_backup(folder.path() / "backup").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace metalmesh::adapters
