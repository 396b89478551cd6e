#include "agents/media/answer_renderer.h"

#include <gmock/gmock.h>

namespace metalmesh::media {
namespace {

using ::testing::HasSubstr;

std::vector<wire::Variable> variables() {
  std::vector<wire::Variable> out(2);
  out[0].set_name("hostname");
  out[0].set_value("web-01");
  out[1].set_name("address");
  out[1].set_value("{{hostname}}");  // values are never expanded again
  return out;
}

TEST(AnswerRenderer, ReplacesAndEscapes) {
  EXPECT_EQ(render_answer("a {{hostname}} b {{ address }}", variables()), "a web-01 b {{hostname}}");
  EXPECT_EQ(render_answer("{{{{ item }} {x} }} {", variables()), "{{ item }} {x} }} {");
  EXPECT_EQ(render_answer("", variables()), "");
}

TEST(AnswerRenderer, NamesTheVariableAndTheLine) {
  const auto unknown = render_answer("one\ntwo {{hostname}}\nthree {{gateway}}\n", variables());
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message, testing::AllOf(HasSubstr("line 3"), HasSubstr("gateway")));
  EXPECT_THAT(render_answer("\n{{hostname\n}}", variables()).error().message,
              testing::AllOf(HasSubstr("line 2"), HasSubstr("not closed")));
  EXPECT_THAT(render_answer("{{ a b }}", variables()).error().message, HasSubstr("not a variable name"));
  EXPECT_FALSE(render_answer("{{}}", variables()).has_value());
}

TEST(AnswerRenderer, RefusesAVariableGivenTwice) {
  auto twice = variables();
  twice[1].set_name("hostname");
  EXPECT_FALSE(render_answer("", twice).has_value());
}

TEST(AnswerRenderer, ChecksTheRoom) {
  EXPECT_TRUE(check_answer_fits("12345678", 8).has_value());
  EXPECT_THAT(check_answer_fits("123456789", 8).error().message, HasSubstr("9 bytes"));
  EXPECT_THAT(check_answer_fits("1", 0).error().message, HasSubstr("no answer placeholder"));
}

}  // namespace
}  // namespace metalmesh::media
