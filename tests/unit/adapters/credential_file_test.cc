#include "common/adapters/credential_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <condition_variable>
#include <optional>
#include <vector>

#include "common/os/files.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

using testing::HasSubstr;

class KeptLines final : public LogSink {
 public:
  void write(const LogLine& line) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(line.message);
    changed_.notify_all();
  }
  bool wait_for_line() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !lines_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class KeptChanges final : public Sink {
 public:
  void deliver(Input input) override {
    const std::lock_guard lock(mutex_);
    changes_.push_back(std::get<CredentialsChanged>(std::move(input)));
    changed_.notify_all();
  }
  /// The n-th delivery, counted from 1.
  std::optional<CredentialsChanged> wait_for(std::size_t n) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [&] { return changes_.size() >= n; }))
      return std::nullopt;
    return changes_[n - 1];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<CredentialsChanged> changes_;
};

class CredentialFileTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "credentials.yaml"; }
  std::string revealed(const CredentialFile& file, const std::string& name) {
    const auto found = file.lookup(name);
    return found ? found->first + "/" + std::string(found->second.reveal()) : "none";
  }
  TemporaryFolder folder_;
  KeptLines log_;
  KeptChanges sink_;
};

TEST_F(CredentialFileTest, sets_and_looks_up_any_text) {
  const std::string awkward = "p\"a\\s:s {#}\n\t'é\x01";
  ASSERT_TRUE(set_credential(path(), "bmc-hpe", "mm-svc", Secret(awkward)));
  ASSERT_TRUE(set_credential(path(), "007", "off", Secret("4E12345")));
  const auto file = CredentialFile::open(path(), log_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(revealed(**file, "bmc-hpe"), "mm-svc/" + awkward);
  EXPECT_EQ(revealed(**file, "007"), "off/4E12345");
  EXPECT_EQ((*file)->lookup("other"), std::nullopt);
  struct stat info{};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(CredentialFileTest, refuses_a_file_that_others_may_read) {
  ASSERT_TRUE(os::write_file(path(), "a: {username: u, password: p}\n", 0640));
  const auto file = CredentialFile::open(path(), log_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::denied);
  EXPECT_THAT(file.error().message, HasSubstr("mode 0640"));
  EXPECT_THAT(file.error().message, HasSubstr("chmod 600"));
}

TEST_F(CredentialFileTest, says_where_a_file_is_wrong_without_showing_a_password) {
  ASSERT_TRUE(
      os::write_file(path(), "a: {username: u, password: hunter2}\nb: {username: u, pass: hunter2}\n", 0600));
  const auto file = CredentialFile::open(path(), log_);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message,
              HasSubstr("credentials.yaml:2:4: b: expected exactly `username` and `password`"));
  EXPECT_THAT(file.error().message, testing::Not(HasSubstr("hunter2")));
}

TEST_F(CredentialFileTest, holds_nothing_until_the_file_is_there_then_follows_it) {
  auto file = CredentialFile::open(path(), log_);
  ASSERT_TRUE(file) << file.error().message;
  (*file)->watch(sink_, std::chrono::milliseconds(5));
  EXPECT_EQ(sink_.wait_for(1), CredentialsChanged{});

  ASSERT_TRUE(set_credential(path(), "a", "u", Secret("one")));
  const auto added = sink_.wait_for(2);
  ASSERT_TRUE(added);
  ASSERT_EQ(added->credentials.size(), 1U);
  EXPECT_EQ(added->credentials[0].name, "a");
  EXPECT_EQ(revealed(**file, "a"), "u/one");

  ASSERT_TRUE(set_credential(path(), "a", "u", Secret("two")));
  const auto rotated = sink_.wait_for(3);
  ASSERT_TRUE(rotated);
  EXPECT_NE(rotated->credentials[0].version, added->credentials[0].version);
  EXPECT_EQ(revealed(**file, "a"), "u/two");

  // A broken edit is reported, and what was known stays in use.
  ASSERT_TRUE(os::write_file(path(), "a: [", 0600));
  EXPECT_TRUE(log_.wait_for_line());
  EXPECT_EQ(revealed(**file, "a"), "u/two");

  ASSERT_TRUE(os::write_file(path(), "{}\n", 0600));
  EXPECT_EQ(sink_.wait_for(4), CredentialsChanged{});
  EXPECT_EQ((*file)->lookup("a"), std::nullopt);
}

TEST_F(CredentialFileTest,
       who_must_not_stay_down_begins_with_nothing_and_follows_a_file_that_was_half_written) {
  ASSERT_TRUE(os::write_file(path(), "a:\n  username: u\n  passw", 0600));
  EXPECT_FALSE(CredentialFile::open(path(), log_));
  auto file = CredentialFile::open(path(), log_, CredentialFile::Broken::empty);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(log_.wait_for_line());
  (*file)->watch(sink_, std::chrono::milliseconds(5));
  EXPECT_EQ(sink_.wait_for(1), CredentialsChanged{});
  ASSERT_TRUE(os::write_file(path(), "a: {username: u, password: one}\n", 0600));
  ASSERT_TRUE(sink_.wait_for(2));
  EXPECT_EQ(revealed(**file, "a"), "u/one");
  ASSERT_TRUE(os::write_file(path(), "a: {username: u, password: one}\n", 0644));
  EXPECT_FALSE(CredentialFile::open(path(), log_, CredentialFile::Broken::empty)) << "others may read it";
}

TEST_F(CredentialFileTest, gives_equal_values_equal_versions_across_restarts_and_tells_nothing_else) {
  ASSERT_TRUE(set_credential(path(), "a", "u", Secret("same")));
  ASSERT_TRUE(set_credential(path(), "b", "u", Secret("same")));
  KeptChanges first;
  KeptChanges second;
  for (KeptChanges* sink : {&first, &second}) {
    auto file = CredentialFile::open(path(), log_);
    ASSERT_TRUE(file);
    (*file)->watch(*sink, std::chrono::milliseconds(5));
  }
  const auto once = first.wait_for(1);
  ASSERT_TRUE(once);
  EXPECT_EQ(once, second.wait_for(1));
  EXPECT_NE(once->credentials[0].version, once->credentials[1].version)
      << "equal passwords must not show as equal";
}

TEST_F(CredentialFileTest, setting_the_same_value_or_releasing_it_gives_a_new_version) {
  std::set<std::string> versions;
  const auto see = [&] {
    KeptChanges changes;
    auto file = CredentialFile::open(path(), log_);
    ASSERT_TRUE(file);
    (*file)->watch(changes, std::chrono::milliseconds(5));
    versions.insert(changes.wait_for(1)->credentials.at(0).version);
    EXPECT_EQ(revealed(**file, "a"), "u/same");
  };
  ASSERT_TRUE(set_credential(path(), "a", "u", Secret("same")));
  see();
  see();
  EXPECT_EQ(versions.size(), 1U);
  ASSERT_TRUE(set_credential(path(), "a", "u", Secret("same")));
  see();
  EXPECT_EQ(versions.size(), 2U);
  ASSERT_TRUE(release_credential(path(), "a"));
  see();
  EXPECT_EQ(versions.size(), 3U);
}

TEST_F(CredentialFileTest, releases_only_what_is_there) {
  ASSERT_TRUE(set_credential(path(), "bmc-hpe", "u", Secret("x")));
  const Status released = release_credential(path(), "bmc-hp");
  ASSERT_FALSE(released);
  EXPECT_EQ(released.error().kind, ErrorKind::not_found);
  EXPECT_NE(released.error().message.find("did you mean bmc-hpe?"), std::string::npos);
}

TEST_F(CredentialFileTest, refuses_to_set_half_a_credential) {
  EXPECT_EQ(set_credential(path(), "a", "", Secret("x")).error().kind, ErrorKind::invalid);
  EXPECT_EQ(set_credential(path(), "a", "u", Secret("")).error().kind, ErrorKind::invalid);
  EXPECT_FALSE(std::filesystem::exists(path()));
}

}  // namespace
}  // namespace metalmesh::adapters
