// Every zone of the machine's tzdata is read, and shows what the C library says.
#include "common/adapters/zone_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace metalmesh::adapters {
namespace {

using namespace std::chrono;

struct ZoneLines final : LogSink {
  std::vector<std::string> all;
  void write(const LogLine& line) override {
    all.push_back(line.message);
    for (const auto& [name, value] : line.fields) all.back() += " " + value;
  }
};

const zones::Seconds zones_from = sys_days(2026y / 6 / 1);

TEST(ZoneFiles, AllOfTheMachineAreReadAndShowWhatTheCLibraryShows) {
  ZoneLines log;
  const zones::ZoneBook book = load_zones("/usr/share/zoneinfo", zones_from, log);
  for (const std::string& line : log.all) ADD_FAILURE() << line;
  ASSERT_GT(book.size(), 400U);
  EXPECT_LT(book.text().size(), 100'000U) << "a recording begins with it";
  for (const auto& [name, zone] : book.all()) {
    ASSERT_EQ(setenv("TZ", name.c_str(), 1), 0);
    tzset();
    for (zones::Seconds at = zones_from; at < zones_from + years(14); at += hours(24 * 7 + 5)) {
      const auto seconds = static_cast<std::time_t>(at.time_since_epoch().count());
      std::tm shown{};
      localtime_r(&seconds, &shown);
      const zones::Shown ours = zone.at(at);
      ASSERT_EQ(ours.offset.count(), shown.tm_gmtoff) << name << " at " << seconds;
      ASSERT_EQ(ours.abbreviation, shown.tm_zone) << name << " at " << seconds;
    }
  }
  unsetenv("TZ");
}

TEST(ZoneFiles, WithoutTzdataUtcAloneIsKnown) {
  ZoneLines log;
  const zones::ZoneBook book = load_zones("/nonexistent", zones_from, log);
  ASSERT_EQ(log.all.size(), 1U);
  EXPECT_NE(log.all.front().find("tzdata"), std::string::npos);
  EXPECT_NE(book.find("UTC"), nullptr);
  EXPECT_EQ(book.find("Europe/Paris"), nullptr);
}

}  // namespace
}  // namespace metalmesh::adapters
