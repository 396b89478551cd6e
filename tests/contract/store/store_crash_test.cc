// A writer process is killed with SIGKILL in the middle of its commits, many times; and the tail of its log
// is torn off. What it had acknowledged must be there, whole and in order, and nothing half-written.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "common/os/fd.h"
#include "tests/contract/store/stores_on_disk.h"

extern char** environ;

namespace metalmesh::adapters {
namespace {

constexpr char engine_variable[] = "MM_CRASH_ENGINE";
constexpr char folder_variable[] = "MM_CRASH_FOLDER";
constexpr int ack_fd = 3;

std::string step_key(std::uint64_t step, const char* part) {
  char text[32];
  std::snprintf(text, sizeof text, "%08llu/%s", static_cast<unsigned long long>(step), part);
  return text;
}

/// One step is three rows of one batch; "last" is rewritten by each.
Batch step_batch(std::uint64_t step) {
  return {{step_key(step, "a"), std::string(300, 'a')},
          {step_key(step, "b"), std::string(300, 'b')},
          {"last", std::to_string(step)}};
}

/// The number of whole steps; fails the test on anything but an exact prefix.
std::uint64_t checked_prefix(const Store& store) {
  const auto last = store.get("last");
  const std::uint64_t steps = *last ? std::stoull(**last) : 0;
  const auto rows = store.scan("", "a", 1 << 20);
  EXPECT_EQ(rows->size(), steps * 2);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    EXPECT_EQ(store.get(step_key(step, "a")), std::string(300, 'a')) << step;
    EXPECT_EQ(store.get(step_key(step, "b")), std::string(300, 'b')) << step;
  }
  return steps;
}

/// Runs in a process of its own, started by the tests below: commits until it is killed, and writes each
/// step's number to the pipe once it is durable.
TEST(CrashWriter, DISABLED_commits_until_killed) {
  const char* engine = std::getenv(engine_variable);
  const char* folder = std::getenv(folder_variable);
  if (engine == nullptr || folder == nullptr) GTEST_SKIP() << "started by StoreCrash only";
  auto store = open_store(engine, folder);
  ASSERT_TRUE(store) << store.error().message;
  const auto last = (*store)->get("last");
  for (std::uint64_t step = (*last ? std::stoull(**last) : 0) + 1;; ++step) {
    ASSERT_TRUE((*store)->commit(step_batch(step)));
    ASSERT_EQ(write(ack_fd, &step, sizeof step), static_cast<ssize_t>(sizeof step));
  }
}

class StoreCrash : public testing::TestWithParam<const char*> {
 protected:
  /// Lets a writer acknowledge `steps` more commits, kills it, and returns the last acknowledged step.
  std::uint64_t run_and_kill(int steps) {
    int pipe_ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
    const os::Fd reader(pipe_ends[0]);
    os::Fd writer(pipe_ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, writer.get(), ack_fd);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    setenv(engine_variable, GetParam(), 1);
    setenv(folder_variable, folder_.path().c_str(), 1);
    const char* arguments[] = {"contract_store", "--gtest_filter=CrashWriter.*",
                               "--gtest_also_run_disabled_tests", nullptr};
    pid_t child = 0;
    EXPECT_EQ(
        posix_spawn(&child, "/proc/self/exe", &actions, nullptr, const_cast<char**>(arguments), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    writer = os::Fd();
    std::uint64_t acknowledged = 0;
    for (int i = 0;
         i < steps && read(reader.get(), &acknowledged, sizeof acknowledged) == sizeof acknowledged; ++i) {
    }
    EXPECT_GT(acknowledged, 0U) << "the writer never came up";
    kill(child, SIGKILL);
    // What it acknowledged between our last read and its death counts too.
    while (read(reader.get(), &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself";
    return acknowledged;
  }

  TemporaryFolder folder_;
};

TEST_P(StoreCrash, keeps_exactly_what_was_acknowledged) {
  for (const int steps : {1, 7, 40, 150}) {
    const std::uint64_t acknowledged = run_and_kill(steps);
    auto store = open_store(GetParam(), folder_.path());
    ASSERT_TRUE(store) << store.error().message;
    const std::uint64_t kept = checked_prefix(**store);
    // One more may have become durable before its acknowledgement got out.
    EXPECT_GE(kept, acknowledged);
    EXPECT_LE(kept, acknowledged + 1);
  }
}

TEST_P(StoreCrash, drops_a_torn_tail_and_nothing_else) {
  const std::uint64_t acknowledged = run_and_kill(60);
  std::filesystem::path log;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename();
    if (name == "rows.db-wal" || entry.path().extension() == ".log") log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 10);
  auto store = open_store(GetParam(), folder_.path());
  ASSERT_TRUE(store) << store.error().message;
  const std::uint64_t kept = checked_prefix(**store);
  EXPECT_GE(kept + 1, acknowledged);
  EXPECT_LE(kept, acknowledged + 1);
  EXPECT_TRUE((*store)->commit(step_batch(kept + 1)));
}

INSTANTIATE_TEST_SUITE_P(Engines, StoreCrash, testing::Values("sqlite", "rocksdb"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace metalmesh::adapters
