// A store under a key: nothing of what it keeps is in its files or in its backups, another key is told before anything is
// changed, and a key is replaced by a line in a file.
#include <sys/stat.h>

#include "common/adapters/rocks_backup.h"
#include "common/adapters/row_cipher.h"
#include "common/os/files.h"
#include "tests/contract/store/stores_on_disk.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr char secret[] = "$6$rounds=5000$saltsalt$0123456789abcdef";
const BackupProgress untold = [](std::uint64_t, std::uint64_t) {};

bool anywhere(const fs::path& folder, const std::string& text) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && os::read_file(entry.path()).value_or("").find(text) != std::string::npos)
      return true;
  return false;
}

class EncryptedStore : public testing::Test {
 protected:
  fs::path key_file(const std::string& text, mode_t mode = 0600) const {
    fs::path file = folder_ / ("key" + std::to_string(++files_));
    EXPECT_TRUE(os::write_file(file, text, mode));
    return file;
  }
  std::shared_ptr<const RowKeys> keys(const std::string& text) const {
    auto read = RowKeys::from_file(key_file(text));
    EXPECT_TRUE(read) << read.error().message;
    return read.value_or(nullptr);
  }
  Result<std::unique_ptr<RocksStore>> open(const std::shared_ptr<const RowKeys>& keys) const {
    StoreOptions options = test_options();
    options.keys = keys;
    return RocksStore::open(data_, options);
  }
  void fill(const std::shared_ptr<const RowKeys>& keys) const {
    const auto store = open(keys);
    ASSERT_TRUE(store) << store.error().message;
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE((*store)->commit({{"row" + std::to_string(i), secret + std::to_string(i)}}));
    ASSERT_TRUE((*store)->commit({{"row0", std::nullopt}, {"row1", "other"}, {"none", ""}}));
  }
  void expect_filled(const Store& store) const {
    EXPECT_EQ(store.scan("", "", 100).value().size(), 50U);
    EXPECT_EQ(store.get("row1").value(), "other");
    EXPECT_EQ(store.get("none").value(), "");
    EXPECT_EQ(store.get("row49").value(), std::string(secret) + "49");
  }

  TemporaryFolder folder_;
  fs::path data_ = folder_ / "data";
  mutable int files_ = 0;
  const std::string one_ = RowKeys::fresh(), two_ = RowKeys::fresh();
};

TEST_F(EncryptedStore, NothingOfItIsInItsFilesOrInABackup) {
  fill(keys(one_));
  EXPECT_FALSE(anywhere(data_, secret));
  const auto store = open(keys(one_));
  ASSERT_TRUE(store) << store.error().message;
  expect_filled(**store);
  ASSERT_TRUE((*store)->commit({{"late", secret}}));
  EXPECT_FALSE(anywhere(data_, secret)) << "nor in its log";
  const fs::path backup = folder_ / "backup", other = folder_ / "other";
  const auto made = make_backup(**store, data_, backup, "1", untold, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_FALSE(anywhere(backup, secret));
  EXPECT_FALSE(anywhere(backup, one_.substr(0, 64))) << "the key is not in it";
  // Under another key it is not put back, and the right one still can.
  EXPECT_EQ(copy_backup(backup, other, keys(two_)).error().kind, ErrorKind::denied);
  EXPECT_FALSE(fs::exists(other / "rows"));
  ASSERT_TRUE(copy_backup(backup, other, keys(one_)));
  StoreOptions options = test_options();
  options.keys = keys(one_);
  const auto restored = RocksStore::open(other, options);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ((*restored)->get("late").value(), secret);
}

TEST_F(EncryptedStore, AnotherKeyIsToldAndNothingIsChanged) {
  fill(keys(one_));
  for (const auto& wrong : {keys(two_), std::shared_ptr<const RowKeys>()}) {
    const auto refused = open(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::denied);
    EXPECT_THAT(refused.error().message, HasSubstr("is encrypted under the key "));
    EXPECT_THAT(refused.error().message, HasSubstr(wrong ? "the key file holds " : "no key was given"));
    EXPECT_THAT(refused.error().message, HasSubstr("Next: "));
    StoreOptions options = test_options();
    options.keys = wrong;
    EXPECT_EQ(RocksStore::open_for_reading(data_, options).error().kind, ErrorKind::denied);
  }
  const auto store = open(keys(one_));
  ASSERT_TRUE(store);
  expect_filled(**store);
  EXPECT_EQ((*store)->encrypted_anew(), "");
}

TEST_F(EncryptedStore, TheFirstKeyOfTheFileIsTheOneOfAllRows) {
  fill(keys(one_));
  {
    const auto store = open(keys(two_ + one_));
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_THAT((*store)->encrypted_anew(), HasSubstr("50 rows were encrypted anew"));
    expect_filled(**store);
  }
  EXPECT_FALSE(open(keys(one_)));
  const auto store = open(keys("\n" + two_));
  ASSERT_TRUE(store) << store.error().message;
  expect_filled(**store);
}

TEST_F(EncryptedStore, WhatWasInClearIsEncryptedAndClearedAway) {
  fill(nullptr);
  ASSERT_TRUE(anywhere(data_, secret));
  {
    const auto store = open(keys(one_));
    ASSERT_TRUE(store) << store.error().message;
    expect_filled(**store);
  }
  EXPECT_FALSE(anywhere(data_, secret));
}

TEST_F(EncryptedStore, RottenRowsAreToldAndTheOthersGoOn) {
  fill(keys(one_));
  ASSERT_GT(flip_in_files(data_, "row7"), 0);
  const auto store = open(keys(one_));
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_THAT((*store)->notes(), testing::Contains(HasSubstr("row row7 lay under"))) << "a byte of its key";
  expect_filled(**store);
}

TEST_F(EncryptedStore, AValueIsProvedUnderItsOwnKey) {
  RowCipher cipher(keys(one_));
  const std::string written = cipher.encrypt("a", secret);
  EXPECT_THAT(written, Not(HasSubstr("rounds")));
  EXPECT_NE(written, cipher.encrypt("a", secret));
  std::string value = written;
  EXPECT_FALSE(cipher.decrypt("b", value)) << "somebody put it under another key";
  EXPECT_TRUE(cipher.decrypt("a", value));
  EXPECT_EQ(value, secret);
  for (std::size_t at = 1; at < written.size(); ++at) {
    value = written;
    value[at] = static_cast<char>(value[at] ^ 1);
    EXPECT_FALSE(cipher.decrypt("a", value)) << at;
  }
  value = written;
  value[17] = static_cast<char>(value[17] ^ 1);
  EXPECT_EQ(cipher.unproved(value), std::string("%") + (secret + 1))
      << "what a damaged row says can be looked at";
}

TEST_F(EncryptedStore, AKeyFileIsNobodyElses) {
  EXPECT_EQ(RowKeys::from_file(folder_ / "none").error().kind, ErrorKind::not_found);
  EXPECT_EQ(RowKeys::from_file(key_file(one_, 0640)).error().kind, ErrorKind::denied);
  EXPECT_EQ(RowKeys::from_file(key_file("")).error().kind, ErrorKind::invalid);
  const auto bad = RowKeys::from_file(key_file(one_ + one_.substr(2)));
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("line 2 is no key: 64 hex digits"));
  EXPECT_THAT(bad.error().message, Not(HasSubstr(one_.substr(2, 20))));
}

}  // namespace
}  // namespace metalmesh::adapters
