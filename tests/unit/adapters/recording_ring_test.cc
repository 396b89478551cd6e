#include "common/adapters/recording_ring.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct Lines final : LogSink {
  void write(const LogLine& line) override {
    const std::lock_guard lock(mutex);
    messages.push_back(line.message);
  }
  std::mutex mutex;
  std::vector<std::string> messages;
};

std::uint64_t bytes_of(const fs::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& file : recording_files(folder)) bytes += fs::file_size(file);
  return bytes;
}

TEST(RecordingRing, KeepsWhatWasWrittenInOrderAndForItsOwnerOnly) {
  const TemporaryFolder folder;
  Lines log;
  {
    auto ring = RecordingRing::open({.folder = folder / "ring", .reserve_bytes = 0}, log);
    ASSERT_TRUE(ring);
    for (const char* segment : {"one", "two"}) {
      (*ring)->begin_segment(0);
      (*ring)->write(segment);
      (*ring)->write(segment);
    }
  }
  const auto read = read_recording(folder / "ring");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (std::vector<std::string>{"oneone", "twotwo"}));
  const auto nobody_else = fs::perms::group_all | fs::perms::others_all;
  EXPECT_EQ(fs::status(folder / "ring").permissions() & nobody_else, fs::perms::none);
  EXPECT_EQ(fs::status(recording_files(folder / "ring").at(0)).permissions() & nobody_else, fs::perms::none);
}

TEST(RecordingRing, GoesOnAfterTheSegmentsOfAnEarlierProcess) {
  const TemporaryFolder folder;
  Lines log;
  for (const char* life : {"first", "second"}) {
    auto ring = RecordingRing::open({.folder = folder / "ring", .reserve_bytes = 0}, log);
    (*ring)->begin_segment(0);
    (*ring)->write(life);
  }
  EXPECT_EQ(*read_recording(folder / "ring"), (std::vector<std::string>{"first", "second"}));
}

TEST(RecordingRing, NeverTakesMoreThanItMayAndDropsTheOldestFirst) {
  const TemporaryFolder folder;
  Lines log;
  constexpr std::uint64_t most = std::uint64_t{1} << 20U;
  for (int segment = 0; segment < 40; ++segment) {  // each is on disk before the next begins
    auto ring = RecordingRing::open({.folder = folder / "ring", .bytes = most, .reserve_bytes = 0}, log);
    (*ring)->begin_segment(0);
    (*ring)->write(std::string(most / 16, static_cast<char>('A' + segment)));
  }
  EXPECT_LE(bytes_of(folder / "ring"), most);
  const auto read = read_recording(folder / "ring");
  EXPECT_EQ(read->back().back(), 'A' + 39);
  EXPECT_GE(read->size(), 8U);
}

TEST(RecordingRing, WhatCannotBeKeptIsDroppedCountedAndToldAndNothingFollowsTheGap) {
  const TemporaryFolder folder;
  Lines log;
  constexpr std::uint64_t most = std::uint64_t{1} << 20U;
  auto ring = RecordingRing::open({.folder = folder / "ring", .bytes = most, .reserve_bytes = 0}, log);
  (*ring)->begin_segment(0);
  (*ring)->write("before");
  (*ring)->write(std::string(most, 'x'));  // more than may wait for the disk
  (*ring)->write("after");
  EXPECT_EQ((*ring)->dropped(), 2U);
  (*ring)->begin_segment(0);
  (*ring)->write("whole again");
  ring->reset();
  EXPECT_EQ(*read_recording(folder / "ring"), (std::vector<std::string>{"before", "whole again"}));
  EXPECT_EQ(log.messages.size(), 1U);
}

TEST(RecordingRing, AFirstFrameIsWrittenWithoutWaitingForMoreOfThem) {
  const TemporaryFolder folder;
  Lines log;
  auto ring = RecordingRing::open({.folder = folder / "ring", .reserve_bytes = 0}, log);
  std::this_thread::sleep_for(100ms);  // its thread sleeps by now: somebody has to wake it
  (*ring)->begin_segment(0);
  (*ring)->write("step");
  for (int i = 0; i < 1000 && bytes_of(folder / "ring") == 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(bytes_of(folder / "ring"), 4U);
}

TEST(RecordingRing, CountsEveryFrameThatTheDiskDidNotTake) {
  const TemporaryFolder folder;
  Lines log;
  auto ring = RecordingRing::open({.folder = folder / "ring", .reserve_bytes = std::uint64_t{1} << 60U}, log);
  (*ring)->begin_segment(0);
  for (int frame = 0; frame < 5; ++frame) (*ring)->write("step");
  for (int i = 0; i < 1000 && (*ring)->dropped() < 5; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ((*ring)->dropped(), 5U);
  ring->reset();
  EXPECT_EQ(log.messages.size(), 1U);
}

TEST(RecordingRing, ALargeSnapshotIsNotTakenAgainBeforeAsMuchHasFollowed) {
  const TemporaryFolder folder;
  Lines log;
  constexpr std::uint64_t most = std::uint64_t{1} << 20U;
  const std::string snapshot(most / 4, 's');
  auto ring = RecordingRing::open({.folder = folder / "ring", .bytes = most, .reserve_bytes = 0}, log);
  std::uint64_t written = 0;
  const auto write = [&](std::string frame) {
    written += frame.size();
    (*ring)->write(std::move(frame));
    while (bytes_of(folder / "ring") < written) std::this_thread::sleep_for(5ms);
  };
  (*ring)->begin_segment(snapshot.size());
  write(snapshot);
  write("a step");
  EXPECT_FALSE((*ring)->segment_due());
  write(std::string(most / 4, 'x'));
  for (int i = 0; i < 1000 && !(*ring)->segment_due(); ++i)
    std::this_thread::sleep_for(5ms);  // its writer says so
  EXPECT_TRUE((*ring)->segment_due());
}

TEST(RecordingRing, StaysAwayFromTheReserveOfTheDisk) {
  const TemporaryFolder folder;
  Lines log;
  {
    auto ring =
        RecordingRing::open({.folder = folder / "ring", .reserve_bytes = std::uint64_t{1} << 60U}, log);
    (*ring)->begin_segment(0);
    (*ring)->write("anything");
  }
  EXPECT_EQ(bytes_of(folder / "ring"), 0U);
  EXPECT_FALSE(log.messages.empty());
}

TEST(RecordingRing, AFolderThatCannotBeMadeIsAnErrorAndNoCrash) {
  Lines log;
  EXPECT_FALSE(RecordingRing::open({.folder = "/proc/none/ring"}, log));
  EXPECT_FALSE(read_recording("/proc/none/ring"));
}

}  // namespace
}  // namespace metalmesh::adapters
