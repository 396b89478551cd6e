// Reading beside the loop, with a disk that takes its time, fails, or never answers.
#include "agents/media/server/disk_pool.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/contract/media/media_bench.h"

namespace {

using namespace std::chrono_literals;

/// Of all files: from this byte on a read takes so long, and then fails if it is to.
struct SlowDisk {
  std::atomic<int> fd{-1};
  std::atomic<std::int64_t> from{0};
  std::atomic<int> milliseconds{0};
  std::atomic<bool> fails{false};
  std::atomic<int> asked{0};
} slow;

}  // namespace

extern "C" ssize_t pread(int fd, void* into, std::size_t length, off_t offset) {
  using Real = ssize_t (*)(int, void*, std::size_t, off_t);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "pread"));
  if (fd != slow.fd) return real(fd, into, length, offset);
  ++slow.asked;
  if (offset < slow.from) return real(fd, into, std::min<std::size_t>(length, slow.from - offset), offset);
  std::this_thread::sleep_for(std::chrono::milliseconds(slow.milliseconds));
  if (!slow.fails) return real(fd, into, length, offset);
  errno = EIO;
  return -1;
}

namespace metalmesh::media {
namespace {

MonoTime at(int seconds) { return MonoTime(std::chrono::seconds(seconds)); }

class DiskPoolTest : public testing::Test {
 protected:
  DiskPoolTest() {
    for (std::size_t i = 0; content_.size() < 1'000'000; ++i) content_ += std::to_string(i) + "\n";
    test::write_file(folder_ / "a.iso", content_);
    test::write_file(folder_ / "b.iso", content_);
    a_ = *ImageFile::open(folder_ / "a.iso");
    b_ = *ImageFile::open(folder_ / "b.iso");
    slow.asked = 0;
  }
  ~DiskPoolTest() override { slow.fd = -1; }
  void slow_from(std::int64_t from, int milliseconds, bool fails) {
    slow.from = from;
    slow.milliseconds = milliseconds;
    slow.fails = fails;
    slow.fd = a_->fd();
  }
  /// Until there are so many replies.
  std::vector<DiskReply> wait(DiskPool& pool, std::size_t replies, int second = 0) {
    std::vector<DiskReply> all;
    for (int i = 0; i < 500 && all.size() < replies; ++i) {
      {
        std::unique_lock lock(mutex_);
        woken_.wait_for(lock, 20ms, [&] { return std::exchange(wake_, false); });
      }
      for (DiskReply& reply : pool.take(at(second))) all.push_back(std::move(reply));
    }
    return all;
  }
  std::function<void()> wake() {
    return [this] {
      const std::lock_guard lock(mutex_);
      wake_ = true;
      woken_.notify_one();
    };
  }

  test::ScratchFolder folder_;
  std::string content_;
  std::shared_ptr<ImageFile> a_, b_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool wake_ = false;
};

TEST_F(DiskPoolTest, ReadsToTheEndOfTheExtent) {
  DiskPool pool(wake());
  pool.ask(1, a_, 1000, at(0));
  pool.ask(2, b_, 999'999, at(0));
  auto replies = wait(pool, 2);
  ASSERT_EQ(replies.size(), 2U);
  if (replies[0].readers.front() == 2) std::swap(replies[0], replies[1]);
  EXPECT_EQ(replies[0].file, a_);
  EXPECT_EQ(replies[0].offset, 1000U);
  EXPECT_TRUE(*replies[0].bytes == content_.substr(1000, DiskPool::extent_bytes - 1000));
  EXPECT_EQ(replies[0].why, "");
  EXPECT_TRUE(*replies[1].bytes == content_.substr(999'999)) << "the last extent is shorter";
}

TEST_F(DiskPoolTest, WhoWantsTheSameWaitsForOneRead) {
  slow_from(0, 300, false);
  DiskPool pool(wake());
  pool.ask(1, a_, 0, at(0));
  pool.ask(2, a_, 70'000, at(0));
  pool.ask(3, a_, 0, at(0));
  const auto replies = wait(pool, 1);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_THAT(replies[0].readers, testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(slow.asked, 1);
}

TEST_F(DiskPoolTest, APlaceThatFailedIsNotAskedAgainAtOnce) {
  slow_from(100'000, 10, true);
  DiskPool pool(wake());
  pool.ask(1, a_, 65'536, at(0));
  const auto first = wait(pool, 1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_TRUE(*first[0].bytes == content_.substr(65'536, 100'000 - 65'536)) << "what lies before it is given";
  EXPECT_THAT(first[0].why, testing::HasSubstr("Input/output error"));
  EXPECT_EQ(first[0].end(), 100'000U);
  const int asked = slow.asked;
  pool.ask(1, a_, 100'000, at(5));
  const auto second = wait(pool, 1, 5);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_TRUE(second[0].again);
  EXPECT_NE(second[0].why, "");
  EXPECT_EQ(slow.asked, asked);
  slow.fails = false;
  pool.ask(1, a_, 100'000, at(11));
  const auto third = wait(pool, 1, 11);
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(third[0].why, "");
  EXPECT_GT(slow.asked, asked);
}

TEST_F(DiskPoolTest, AShortFileIsAFailure) {
  ASSERT_EQ(::truncate((folder_ / "a.iso").c_str(), 300'000), 0);
  DiskPool pool(wake());
  pool.ask(1, a_, 299'000, at(0));
  pool.ask(2, a_, 900'000, at(0));
  for (const DiskReply& reply : wait(pool, 2)) EXPECT_THAT(reply.why, testing::HasSubstr("shorter"));
}

TEST_F(DiskPoolTest, OneDiskDoesNotTakeAllThreads) {
  slow_from(0, 700, false);
  DiskPool pool(wake(), 4);
  for (ConnId reader = 1; reader <= 4; ++reader)
    pool.ask(reader, a_, (reader - 1) * DiskPool::extent_bytes, at(0));
  const auto began = std::chrono::steady_clock::now();
  pool.ask(9, b_, 0, at(0));
  const auto replies = wait(pool, 1);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies[0].file, b_);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 500ms);
  EXPECT_EQ(wait(pool, 4).size(), 4U);
}

TEST_F(DiskPoolTest, NobodyWaitsForADiskThatNeverAnswers) {
  slow_from(0, 4000, false);
  const auto began = std::chrono::steady_clock::now();
  {
    DiskPool pool(wake());
    pool.ask(1, a_, 0, at(0));
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2500ms);
}

TEST_F(DiskPoolTest, WhatIsInMemoryIsHadAtOnce) {
  std::string bytes(100'000, '\0');
  (void)a_->read(0, 1'000'000);  // it is in memory now
  EXPECT_EQ(a_->in_memory(5000, 100'000, at(0)), 100'000U);
  EXPECT_EQ(a_->read_now(5000, bytes.data(), bytes.size(), at(0)), bytes.size());
  EXPECT_TRUE(bytes == content_.substr(5000, bytes.size()));
  EXPECT_EQ(a_->in_memory(content_.size() - 10, 100, at(0)), 10U) << "not beyond the end";
  EXPECT_EQ(a_->place(), ImageFile::Place::same);
  test::write_file(folder_ / "new", "other");
  std::filesystem::rename(folder_ / "new", folder_ / "a.iso");
  EXPECT_EQ(a_->place(), ImageFile::Place::replaced);
  std::filesystem::remove(folder_ / "a.iso");
  EXPECT_EQ(a_->place(), ImageFile::Place::gone);
}

}  // namespace
}  // namespace metalmesh::media
