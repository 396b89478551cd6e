#include "common/adapters/log_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/check.h"

namespace metalmesh::adapters {
namespace {

using std::chrono::milliseconds;
constexpr WallTime noon{milliseconds(1'795'348'800'007)};

const LogLine line{
    LogLevel::warning, "server \"r1\" held", {{"site", "par1"}, {"why", "two words"}, {"empty", ""}}};

TEST(LogWriter, writes_text_for_people) {
  EXPECT_EQ(format_line(line, LogFormat::text, noon),
            "2026-11-22T12:00:00.007Z warning server \"r1\" held site=par1 why=\"two words\" empty=\"\"\n");
}

TEST(LogWriter, writes_json_for_collectors) {
  EXPECT_EQ(
      format_line(line, LogFormat::json, noon),
      R"({"time":"2026-11-22T12:00:00.007Z","level":"warning","message":"server \"r1\" held","site":"par1",)"
      R"("why":"two words","empty":""})"
      "\n");
}

TEST(LogWriter, lets_no_control_character_and_no_broken_utf8_through) {
  const LogLine nasty{LogLevel::info, "a\nb\x1b[2J\\", {{"k", "\xff\xc3\xa9\xc3"}}};
  EXPECT_EQ(format_line(nasty, LogFormat::json, noon),
            R"({"time":"2026-11-22T12:00:00.007Z","level":"info","message":"a\nb\u001b[2J\\",)"
            "\"k\":\"\\ufffd\xc3\xa9\\ufffd\"}\n");
  const std::string text = format_line(nasty, LogFormat::text, noon);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(LogWriter, prints_times_before_1970_too) {
  EXPECT_EQ(rfc3339(WallTime(milliseconds(-1))), "1969-12-31T23:59:59.999Z");
}

TEST(LogWriter, parses_its_flags) {
  EXPECT_EQ(parse_log_format("json"), LogFormat::json);
  EXPECT_EQ(parse_log_level("warning"), LogLevel::warning);
  EXPECT_THAT(parse_log_level("loud").error().message,
              testing::HasSubstr("expected debug, info, warning or error"));
  EXPECT_FALSE(parse_log_format("xml"));
}

class StillClock final : public Clock {
 public:
  Now now() override { return {.mono = {}, .wall_low = noon, .wall_high = noon}; }
};

TEST(LogWriter, keeps_records_whole_when_many_threads_write_and_drops_lower_levels) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  StillClock clock;
  {
    LogWriter writer(clock, LogFormat::text, LogLevel::warning, ends[1]);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 50; ++i) writer.write(line);
      });
    }
    writer.write({LogLevel::info, "below", {}});
  }
  close(ends[1]);
  std::string all;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  const std::string record = format_line(line, LogFormat::text, noon);
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += record;
  EXPECT_EQ(all, expected);
}

TEST(LogWriter, waits_for_no_reader_and_says_what_nobody_read) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  StillClock clock;
  const LogLine long_one{LogLevel::error, std::string(1000, 'x'), {}};
  constexpr int lines = 5000;  // several times what the pipe and the queue hold
  auto writer = std::make_unique<LogWriter>(clock, LogFormat::text, LogLevel::info, ends[1]);
  for (int i = 0; i < lines; ++i) writer->write(long_one);
  EXPECT_GT(writer->dropped(), 0U);
  EXPECT_LT(writer->dropped(), static_cast<std::uint64_t>(lines));

  // Somebody reads again: what is taken next comes behind a word about those that are missing.
  close(ends[1]);
  std::string all;
  std::jthread reader([&] {
    char buffer[65536];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(got));
  });
  for (std::uint64_t before = 0; before != writer->dropped();) {
    before = writer->dropped();
    writer->write({LogLevel::info, "after", {}});
    if (before != writer->dropped()) std::this_thread::yield();
  }
  writer.reset();
  reader.join();
  close(ends[0]);
  EXPECT_THAT(all, testing::ContainsRegex("log lines were dropped here.*lines=[0-9]+\n[^\n]*after\n$"));
}

TEST(LogWriter, ends_although_nobody_reads) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  StillClock clock;
  {
    LogWriter writer(clock, LogFormat::text, LogLevel::info, ends[1]);
    for (int i = 0; i < 500; ++i) writer.write({LogLevel::error, std::string(1000, 'x'), {}});
  }
  close(ends[1]);
  close(ends[0]);
}

TEST(LogWriter, a_failed_check_ends_the_process_though_nobody_reads_its_words) {
  const auto fails_unheard = [] {
    StillClock clock;
    const LogWriter writer(clock, LogFormat::text, LogLevel::info);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_NONBLOCK) != 0) std::_Exit(1);
    const std::string much(1 << 16, 'x');
    while (::write(ends[1], much.data(), much.size()) > 0) continue;
    while (::write(ends[1], "x", 1) > 0) continue;
    ::fcntl(ends[1], F_SETFL, 0);
    ::dup2(ends[1], STDERR_FILENO);
    check_failed("nothing", __FILE__, __LINE__);
  };
  EXPECT_EXIT(fails_unheard(), ::testing::KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace metalmesh::adapters
