#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <string>

#include "common/text/glob.h"
#include "common/text/hex.h"
#include "common/text/letters.h"
#include "common/text/near_miss.h"
#include "common/text/percent.h"
#include "common/text/utf8.h"
#include "common/text/visible.h"

namespace metalmesh {
namespace {

TEST(Letters, OnlyThoseOfAsciiHaveACase) {
  EXPECT_EQ(to_lower("PowerEdge R650_1"), "poweredge r650_1");
  EXPECT_EQ(to_upper("PowerEdge R650_1"), "POWEREDGE R650_1");
  EXPECT_EQ(to_lower("B\xC3\x9CRO"), "b\xC3\x9Cro") << "UTF-8 passes";
  EXPECT_TRUE(same_letters("Content-Type", "content-TYPE"));
  EXPECT_FALSE(same_letters("content", "contents"));
  EXPECT_FALSE(same_letters("[", "{")) << "32 apart, and no letters";
  for (int c = 0; c < 256; ++c) {
    const char as_char = static_cast<char>(c);
    EXPECT_EQ(to_lower(as_char) != as_char, is_upper(as_char)) << c;
    EXPECT_EQ(to_upper(as_char) != as_char, is_lower(as_char)) << c;
    EXPECT_EQ(is_alnum(as_char), c < 128 && std::isalnum(c) != 0) << c;
  }
}

TEST(Letters, TrimmingTakesBlanksFromTheEndsAlone) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed(" \t\r\n"), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed("\ta ", " "), "\ta") << "what is no blank stays";
}

TEST(Hex, GoesThereAndBack) {
  EXPECT_EQ(to_hex(std::string_view("\x00\xff\x1a", 3)), "00ff1a");
  EXPECT_EQ(from_hex("00FF1a"), std::string("\x00\xff\x1a", 3));
  for (const char* text : {"abc", "zz", "0g", " 0", "+1", "0x"}) EXPECT_EQ(from_hex(text), "") << text;
  EXPECT_EQ(hex_value('f'), 15);
  EXPECT_EQ(hex_value('F'), 15);
  EXPECT_EQ(hex_value('g'), -1);
  EXPECT_EQ(hex_value('@'), -1);
}

TEST(Percent, EncodesAllButTheUnreserved) {
  EXPECT_EQ(percent_encode("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(percent_encode("a b/c?d%\xC3\xA9"), "a%20b%2Fc%3Fd%25%C3%A9");
  EXPECT_EQ(percent_encode("a/b+c@d e", "/+@"), "a/b+c@d%20e");
}

TEST(Percent, DecodesWhatItEncodedAndRefusesHalves) {
  std::string every;
  for (int c = 0; c < 256; ++c) every += static_cast<char>(c);
  EXPECT_EQ(percent_decode(percent_encode(every)), every);
  EXPECT_EQ(percent_decode("a%2fb%2F+"), "a/b/+");
  for (const char* text : {"%", "%1", "a%", "a%2", "%zz", "%2g", "%-1", "%%20"})
    EXPECT_EQ(percent_decode(text), std::nullopt) << text;
}

TEST(Glob, StarsAndQuestionMarksStandForOthers) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } cases[] = {
      {"", "", true},           {"", "a", false},        {"*", "", true},           {"*", "a/b", true},
      {"a*", "abc", true},      {"*c", "abc", true},     {"a*c", "abcabc", true},   {"a*c", "abca", false},
      {"a?c", "abc", true},     {"a?c", "ac", false},    {"?", "", false},          {"**a**", "bab", true},
      {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"*.efi", "x.EFI", false}, {"ab", "abc", false},
      {"abc", "ab", false},     {"[a]", "a", false},     {"\\*", "*", false},       {"*ab", "aab", true},
  };
  for (const auto& it : cases)
    EXPECT_EQ(glob_matches(it.pattern, it.text), it.matches) << it.pattern << " against " << it.text;
  EXPECT_TRUE(glob_matches("*.efi", "BOOTX64.EFI", LetterCase::ignored));
  EXPECT_TRUE(glob_matches("Debian ?2*", "debian 12.5", LetterCase::ignored));
}

/// A pattern comes from a site's file, the text from a BMC: a matcher that tries every split would be busy
/// for longer than anybody lives.
TEST(Glob, ManyStarsCostNoMoreThanPatternTimesText) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(20'000, 'a'), LetterCase::ignored));
  EXPECT_TRUE(glob_matches(pattern, std::string(20'000, 'A'), LetterCase::ignored));
}

TEST(NearMiss, FindsTyposAndNothingElse) {
  const std::array<std::string, 3> words = {"labelSelector", "limit", "after"};
  EXPECT_EQ(near_miss("labelselector", words), "labelSelector");
  EXPECT_EQ(near_miss("limti", words), "limit");
  EXPECT_EQ(near_miss("aftr", words), "after");
  EXPECT_EQ(near_miss("page", words), "");
  EXPECT_EQ(near_miss("", words), "");
}

TEST(Utf8, WhatIsNoneBecomesTheReplacementCharacter) {
  const std::string sign = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8(""), "");
  EXPECT_EQ(valid_utf8("a B\xC3\xBCro \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "a B\xC3\xBCro \xE2\x82\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(valid_utf8("B\xFCro"), "B" + sign + "ro");
  EXPECT_EQ(valid_utf8("\xC3"), sign) << "cut off";
  EXPECT_EQ(valid_utf8("\xC0\xAF"), sign + sign) << "overlong";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), sign + sign + sign) << "a surrogate";
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80").size(), 4 * sign.size()) << "beyond U+10FFFF";
}

TEST(Visible, NothingMovesATerminal) {
  EXPECT_EQ(visible("a B\xC3\xBCro\t\xE2\x82\xAC\n\xF0\x9F\x98\x80"),
            "a B\xC3\xBCro\t\xE2\x82\xAC\n\xF0\x9F\x98\x80");
  EXPECT_EQ(visible("\x1b]0;x\x07\r"), "\\u001b]0;x\\u0007\\u000d");
  EXPECT_EQ(visible("\xC2\x9B"
                    "2J\x7f"),
            "\\u009b2J\\u007f")
      << "CSI in two bytes";
  EXPECT_EQ(visible("\xE2\x80\xAE"
                    "a\xE2\x80\xA8\xE2\x81\xA6"),
            "\\u202ea\\u2028\\u2066");
  EXPECT_EQ(visible("a\x9B"), "a\xEF\xBF\xBD");
  EXPECT_EQ(visible(std::string_view("\0", 1)), "\\u0000");
}

TEST(Utf8, IsCutBetweenCharacters) {
  const Utf8 text(std::string_view("a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"));
  EXPECT_EQ(text.cut(100), text);
  EXPECT_EQ(text.cut(10), text);
  EXPECT_EQ(text.cut(9).str(), "a\xC3\xBC\xE2\x82\xAC");
  EXPECT_EQ(text.cut(5).str(), "a\xC3\xBC");
  EXPECT_EQ(text.cut(2).str(), "a");
  EXPECT_EQ(text.cut(0).str(), "");
}

}  // namespace
}  // namespace metalmesh
