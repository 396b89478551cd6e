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
      {"1.5s", 1'500'000'000},
      {"2d", 172'800'000'000'000},
      {"3650d", 315'360'000'000'000'000},
      {"", std::nullopt},
      {"5", std::nullopt},
      {"m", std::nullopt},
      {"1.s", std::nullopt},
      {"1h30", std::nullopt},
      {"1 h", std::nullopt},
      {"--1s", std::nullopt},
      {"1e3s", std::nullopt},
      {"-2s", std::nullopt},
      {"+1s", std::nullopt},
      {"1x", std::nullopt},
      {".5s", std::nullopt},
      {"1h 30m", std::nullopt},
      {"1.0000000001s", std::nullopt},
      {"3651d", std::nullopt},
      {"3650d1ns", std::nullopt},
      {"200000d", std::nullopt},  // beyond int64 nanoseconds
      {"99999999999999999999s", std::nullopt},
  };
  for (const auto& [text, nanoseconds] : cases) {
    const auto parsed = parse_duration(text);
    EXPECT_EQ(parsed.has_value(), nanoseconds.has_value()) << text;
    if (parsed && nanoseconds) {
      EXPECT_EQ(parsed->count(), *nanoseconds) << text;
    }
  }
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
