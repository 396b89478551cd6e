// No byte of a text is lost or changed on its way in: it is refused, or it is there as it was written.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/text/filler/json_document.h"
#include "common/text/filler/yaml_document.h"
#include "common/text/utf8.h"
#include "tests/support/odd_bytes.h"

namespace metalmesh {
namespace {

using testing::HasSubstr;

constexpr int texts = 4000;

TEST(Bytes, OfJsonAreThereOrRefused) {
  Random random(16);
  int taken = 0;
  for (int i = 0; i < texts; ++i) {
    const std::string text = odd_text(random);
    const auto read = parse_json("{\"a\": \"" + json_escaped(text) + "\"}", "the body");
    EXPECT_EQ(read.has_value(), is_utf8(text)) << testing::PrintToString(text);
    if (!read) {
      EXPECT_THAT(read.error().message, HasSubstr("is not UTF-8")) << testing::PrintToString(text);
      continue;
    }
    ++taken;
    EXPECT_EQ(read->find("a")->value, text);
  }
  EXPECT_GT(taken, texts / 4);
}

TEST(Bytes, OfYamlAreThereOrRefused) {
  Random random(17);
  int taken = 0;
  for (int i = 0; i < texts; ++i) {
    const std::string text = odd_text(random);
    std::string block = "a: |2+\n  ";
    for (const char c : text) block += c == '\n' ? std::string("\n  ") : std::string(1, c);
    for (const std::string& file : {block + "\n", "a: \"" + json_escaped(text) + "\"\n"}) {
      const auto read = parse_yaml(file, "f.yaml");
      if (!read) {
        EXPECT_THAT(read.error().message, HasSubstr("f.yaml"));
        continue;
      }
      ++taken;
      ASSERT_EQ(read->size(), 1U);
      const std::string& value = read->front().find("a")->value;
      EXPECT_EQ(value, file == block + "\n" ? text + "\n" : text) << testing::PrintToString(file);
    }
  }
  EXPECT_GT(taken, texts / 4);
}

TEST(Bytes, ARefusalOfYamlSaysWhatToDo) {
  const auto refusal = [](std::string_view text) {
    const auto read = parse_yaml(text, "f.yaml");
    return read ? std::string("no error") : read.error().message;
  };
  EXPECT_EQ(refusal("a: 1\r\nb: 2\r\n"), "no error") << "nothing of a value is in its line's end";
  EXPECT_THAT(refusal("a: 1\r\nb: |\r\n  x\r\n"),
              HasSubstr("f.yaml:2:4: this text has line ends of Windows"));
  EXPECT_THAT(refusal("a: 1\nb: x\ry\n"), HasSubstr("f.yaml:2: a carriage return alone"));
  EXPECT_THAT(refusal("a: \"x\xC2\x85y\"\n"), HasSubstr("f.yaml:1: U+0085 is a line break to YAML"));
  EXPECT_EQ(parse_yaml("a: \"x\\x85y\"\n", "f.yaml")->front().find("a")->value, "x\xC2\x85y");
}

}  // namespace
}  // namespace metalmesh
