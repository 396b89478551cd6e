// GRUB's language: what is accepted and refused, and what words mean. Expectations are what Debian's GRUB 2.06 does.
#include "agents/media/menu/grub_script.h"

#include <gmock/gmock.h>

#include "agents/media/menu/menu_state.h"

namespace metalmesh::media {
namespace {

std::string refusal(std::string_view text) {
  const auto script = read_script(text, "menu");
  return script ? "" : script.error().message;
}

TEST(GrubScript, AcceptsWhatGrubAccepts) {
  for (const char* text : {"",
                           "\n\n",
                           "# x",
                           "a # x",
                           "a#x",
                           "! a",
                           "menuentry",
                           "menuentry x {echo }",
                           "menuentry x { echo; }",
                           "if a;then b; fi",
                           "function a {b; }",
                           "for i in a b; do c; done",
                           "for i in ; do c; done",
                           "while a; do b; done",
                           "until a\ndo b\ndone",
                           "menuentry \"a\" {b\n}",
                           "menuentry if { x; }",
                           "a=b c",
                           "submenu a { menuentry b { c; }; d; }",
                           "time",
                           "a [ ] x",
                           "$9a",
                           "a 'x\ny' \"z\nw\" \\\n b",
                           "if a; then b; elif c; then d; else e; fi",
                           "function f\n{\n a\n}\n",
                           "a {b\n\\\n;\nc; }"})
    EXPECT_EQ(refusal(text), "") << text;
}

TEST(GrubScript, RefusesWhatGrubRefuses) {
  for (const char* text : {"$",
                           "a$",
                           "$.",
                           "a&",
                           "{}",
                           "a{b",
                           "a}",
                           "{a}",
                           "a |b",
                           "if a;then fi",
                           "if then",
                           "\"$\"",
                           "\"${a\"",
                           "${a b}",
                           "$(x)",
                           "x;;y",
                           ";",
                           "a <b",
                           "'",
                           "\"",
                           "a\\",
                           "function a { }",
                           "function a { b }",
                           "menuentry \"a\"\n{ b\n}",
                           "function if { b; }",
                           "else",
                           "a; fi",
                           "[[ a",
                           "in",
                           "do",
                           "case",
                           "select",
                           "menuentry a {\n# c\n}",
                           "menuentry a {\n}",
                           "submenu a { menuentry b { c; } d; }"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(GrubScript, NamesFileAndLine) {
  EXPECT_EQ(refusal("a\nmenuentry 'x' {\n  linux 'k\n}\n"), "menu:3: a ' without its end");
  EXPECT_EQ(refusal("a\n\nif b\nfi\n"), "menu:4: GRUB does not expect \"fi\" here");
  EXPECT_EQ(refusal("a 'b\nc'\n}\n"), "menu:3: GRUB does not expect \"}\" here");
}

TEST(GrubScript, BoundsItsNesting) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "submenu a {\n";
  EXPECT_THAT(refusal(deep), testing::HasSubstr("nested deeper"));
  std::string elif = "if a; then b\n";
  for (int i = 0; i < 100; ++i) elif += "elif a; then b\n";
  EXPECT_NE(refusal(elif + "fi\n"), "");
}

std::vector<std::string> words(const std::string& line, const MenuState& state) {
  const auto script = read_script(line, "menu");
  if (!script || script->size() != 1) return {"error"};
  std::vector<std::string> out;
  for (const MenuWord& word : state.expanded(script->front().words, 100))
    out.push_back(word.known ? word.text : "?" + word.because);
  return out;
}

TEST(GrubScript, WordsAreAsTheKernelGetsThem) {
  MenuState state;
  state.set("x", "p q");
  state.set("e", "");
  state.set("u", "", false);
  state.arguments = {{"a", true, {}}, {"b c", true, {}}};
  using testing::ElementsAre;
  EXPECT_THAT(words(R"(l A\x20B "A\x20B" 'A\x20B' a\\b "a\\b" "a\zb" ds=n\;s=/c/)", state),
              ElementsAre("l", "A\\x20B", "A\\x20B", "A\\x20B", "a\\b", "a\\b", "a\\zb", "ds=n;s=/c/"));
  EXPECT_THAT(words(R"(l "q\$x" "q\"r" q\"r "q\'r" 'q"r')", state),
              ElementsAre("l", "q$x", "q\"r", "q\"r", "q\\'r", "q\"r"));
  EXPECT_THAT(words(R"(l $x "$x" a$x-"b"c $e "" "$e" z)", state),
              ElementsAre("l", "p", "q", "p q", "ap", "q-bc", "", "", "z"));
  EXPECT_THAT(words(R"(l $"t" ${x} $xy "$x"y ${e}w a#b # c)", state),
              ElementsAre("l", "t", "p", "q", "p qy", "w", "a#b"));
  EXPECT_THAT(words("l $1 \"$2\" $# \"$@\" $@ \"$*\" $3 \"$9\"", state),
              ElementsAre("l", "a", "b c", "2", "a", "b c", "a", "b", "c", "a b c", ""));
  EXPECT_THAT(words("l m\"1 \\\n2\" 'n\\\n' o\\\np \\\nq", state),
              ElementsAre("l", "m1 2", "n\\\n", "op", "q"));
  EXPECT_THAT(words("l $u a$u \"b$u\" $net_default_ip /x* a*", state),
              ElementsAre("l", "?$u", "?$u", "?$u", "?$net_default_ip", "?the files it matches", "a*"));
}

}  // namespace
}  // namespace metalmesh::media
