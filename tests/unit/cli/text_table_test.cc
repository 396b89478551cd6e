#include "controller/cli/text_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metalmesh::cli {
namespace {

TEST(TextTable, lines_columns_up_and_shows_what_is_empty) {
  EXPECT_EQ(render_table({{"NAME", "PHASE", "NOTE"}, {"par1-r01", "", "long text"}, {"é", "ready", ""}}),
            "NAME      PHASE  NOTE\n"
            "par1-r01  -      long text\n"
            "é         ready  -\n");
}

TEST(TextTable, rows_that_come_later_stand_below_the_others) {
  std::vector<std::size_t> widths;
  EXPECT_EQ(render_rows({{"NAME", "PHASE"}, {"r1", "ready"}}, widths), "NAME  PHASE\nr1    ready\n");
  EXPECT_EQ(render_rows({{"r2", "x"}}, widths), "r2    x\n");
  EXPECT_EQ(render_rows({{"longer-one", "y"}}, widths), "longer-one  y\n");
}

TEST(TextTable, cuts_by_characters_not_by_bytes) {
  EXPECT_EQ(cut_to("abc", 3), "abc");
  EXPECT_EQ(cut_to("abcd", 3), "ab…");
  EXPECT_EQ(cut_to("ééé", 2), "é…");
  EXPECT_EQ(cut_to("abc", 0), "");
  EXPECT_EQ(fit_to("é", 3), "é  ");
  EXPECT_EQ(display_width("a…é"), 3U);
}

TEST(TextTable, draws_bars_and_rates) {
  EXPECT_EQ(bar(0, 12), "[..........]");
  EXPECT_EQ(bar(38, 12), "[###.......]");
  EXPECT_EQ(bar(100, 12), "[##########]");
  EXPECT_EQ(bar(250, 4), "[##]");
  EXPECT_EQ(rate_words(999), "999 B/s");
  EXPECT_EQ(rate_words(12'400'000), "12.4 MB/s");
}

TEST(TextTable, ACellWithLinesOfItsOwnMakesNoRow) {
  EXPECT_EQ(render_table({{"NAME", "NOTE"}, {"a\nb", "c\nd"}}), "NAME  NOTE\na b   c d\n");
}

}  // namespace
}  // namespace metalmesh::cli
