#include "common/text/scalars.h"

#include <gtest/gtest.h>

namespace metalmesh {
namespace {

TEST(Scalars, parses_durations) {
  const std::pair<const char*, std::optional<std::int64_t>> cases[] = {
      {"30m", 1'800'000'000'000},
      {"1d2h3m4s", 93'784'000'000'000},
      {"250ms", 250'000'000},
      {"0.000000001s", 1},
      {"0", 0},
      {"-2s", -2'000'000'000},
      {"", std::nullopt},
      {"5", std::nullopt},
      {"m", std::nullopt},
      {"1.s", std::nullopt},
      {"1h30", std::nullopt},
      {"1 h", std::nullopt},
      {"--1s", std::nullopt},
      {"1e3s", std::nullopt},
      {"200000d", std::nullopt},  // beyond int64 nanoseconds
  };
  for (const auto& [text, nanoseconds] : cases) {
    const auto parsed = parse_duration(text);
    EXPECT_EQ(parsed.has_value(), nanoseconds.has_value()) << text;
    if (parsed && nanoseconds) {
      EXPECT_EQ(parsed->count(), *nanoseconds) << text;
    }
  }
}

TEST(Scalars, prints_durations_that_it_reads_back) {
  for (const std::int64_t value :
       {0LL, 1LL, 1'500'000'000LL, 5'400'000'000'000LL, 93'784'000'000'000LL, -90'000'000'000LL}) {
    EXPECT_EQ(parse_duration(format_duration(std::chrono::nanoseconds(value))),
              std::chrono::nanoseconds(value))
        << value;
  }
  EXPECT_EQ(format_duration(std::chrono::minutes(90)), "1h30m");
}

TEST(Scalars, parses_sizes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("64MiB"), 67'108'864U);
  EXPECT_EQ(parse_size("64 mib"), 67'108'864U);
  EXPECT_EQ(parse_size("18446744073709551615"), 18'446'744'073'709'551'615U);
  for (const auto* text : {"", "MB", "-1", "1.5GB", "10 parsecs", "18446744073709551616", "16777216TiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace metalmesh
