// Templates: tags, scopes, the line a mistake is named by, and that no value can leave its place in any
// syntax.
#include "common/answer/template_renderer.h"

#include <gmock/gmock.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <chrono>

#include "common/answer/answer_check.h"
#include "common/answer/order_context.h"

namespace metalmesh::answer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace json = boost::json;

json::object context() {
  return {{"hostname", "web-01"},
          {"address", "{{hostname}}"},  // values are never expanded again
          {"mirror.host", "dotted"},
          {"empty", ""},
          {"none", nullptr},
          {"yes", true},
          {"no", false},
          {"count", 3},
          {"keys", json::array{"a b", "c'd"}},
          {"links", json::array{json::object{{"name", "eno1"}, {"dhcp", true}},
                                json::object{{"name", "eno2"}, {"dhcp", false}}}},
          {"disk", json::object{{"serial", "S1"}, {"path", nullptr}}}};
}

Result<std::string> render(std::string_view tmpl, TextFormat format = TextFormat::verbatim) {
  return render_template(tmpl, context(), format);
}

TEST(TemplateRenderer, ReplacesAndEscapes) {
  EXPECT_EQ(render("a {{hostname}} b {{ address }}"), "a web-01 b {{hostname}}");
  EXPECT_EQ(render("{{{{ item }} {x} }} {"), "{{ item }} {x} }} {");
  EXPECT_EQ(render("{{mirror.host}} {{disk.serial}} {{count}} {{yes}}"), "dotted S1 3 true");
  EXPECT_EQ(render(""), "");
}

TEST(TemplateRenderer, SectionsFollowTheValue) {
  EXPECT_EQ(render("{{#yes}}a{{/yes}}{{#no}}b{{/no}}{{^no}}c{{/no}}{{^empty}}d{{/empty}}{{#none}}e{{/none}}"),
            "acd");
  EXPECT_EQ(render("{{#links}}{{name}}{{#dhcp}}*{{/dhcp}}@{{hostname}} {{/links}}"),
            "eno1*@web-01 eno2@web-01 ");
  EXPECT_EQ(render("{{#keys}}<{{.}}>{{/keys}}"), "<a b><c'd>");
  EXPECT_EQ(render("{{#disk}}{{serial}}{{#path}}p{{/path}}{{/disk}}"), "S1");
}

TEST(TemplateRenderer, LosesNoByteOfATemplateOrAValue) {
  std::string bytes =
      "\xEF\xBB\xBFZeile 1\r\nZ\xC3\xBC"
      "rich\r\n\ttab ";
  bytes += '\0';
  bytes += "\x7f\x01\n\n no end";
  for (const TextFormat format :
       {TextFormat::verbatim, TextFormat::shell, TextFormat::kickstart, TextFormat::preseed, TextFormat::yaml,
        TextFormat::json, TextFormat::toml, TextFormat::xml}) {
    EXPECT_EQ(render_template(bytes, {}, format), bytes);
    EXPECT_EQ(render_template("{{{x}}}", {{"x", bytes}}, format), bytes);
    const auto written = render_template("{{x}}", {{"x", bytes}}, format);
    if (!written) {
      EXPECT_THAT(written.error().message, HasSubstr("variable x"));
    } else if (format == TextFormat::yaml || format == TextFormat::json || format == TextFormat::toml) {
      EXPECT_EQ(json::parse(*written), json::value(bytes));
    } else {
      EXPECT_EQ(*written, "'" + bytes + "'");
    }
  }
}

TEST(TemplateRenderer, TellsTheWayOutForBracesThatAreTheFilesOwn) {
  for (const char* braces :
       {"{{ v1.local_hostname }}", "{{% if x %}}", "{{#each}}", "{{/x}}", "{{", "{{#none}}"})
    EXPECT_THAT(render(braces).error().message, HasSubstr("write {{{{ for")) << braces;
}

TEST(TemplateRenderer, AValueOfSeveralLinesIsAskedForWhereNothingQuotesIt) {
  const json::object lines = {{"x", "a\nb"}};
  EXPECT_THAT(render_template("{{x}}", lines, TextFormat::verbatim).error().message, HasSubstr("{{{x}}}"));
  EXPECT_EQ(render_template("{{{x}}} {{x | base64}}", lines, TextFormat::verbatim), "a\nb YQpi");
}

TEST(AnswerCheck, AnAliasIsAValueAndDuplicatesAreFoundBehindIt) {
  EXPECT_TRUE(check_syntax("a: &x 1\nb: *x\nc: same\nd: same\n", TextFormat::yaml));
  const auto twice = check_syntax("a: &x 1\nb: *x\nc: 1\nc: 2\n", TextFormat::yaml);
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("line 4"));
  EXPECT_FALSE(check_syntax("a: &x 1\nb: *x\na: 2\n", TextFormat::yaml));
}

TEST(OrderContext, NamesOfTheHouseAreNobodysVariables) {
  for (const char* name :
       {"host", "hostname", "deployment", "callback_url", "packages", "callback", "volume_id"})
    EXPECT_TRUE(is_reserved(name)) << name;
  wire::Variable variable;
  variable.set_name("host");
  EXPECT_THAT(order_context({variable}, {}, {}).error().message, HasSubstr("another name"));
}

TEST(TemplateRenderer, LinesOfMereTagsDisappear) {
  EXPECT_EQ(render("one\n  {{#links}}\n{{! remark }}\n- {{name}}\n{{/links}}\ntwo\n"),
            "one\n- eno1\n- eno2\ntwo\n");
  EXPECT_EQ(render("{{#yes}}{{#count}}\nx\n{{/count}}{{/yes}}\n"), "x\n");
  EXPECT_EQ(render("a{{#yes}}\nb\n{{/yes}}c\n"), "a\nb\nc\n");
}

TEST(TemplateRenderer, NamesTheVariableAndTheLine) {
  const auto message = [](std::string_view tmpl) { return render(tmpl).error().message; };
  EXPECT_THAT(message("one\ntwo {{hostname}}\nthree {{gateway}}\n"),
              AllOf(HasSubstr("line 3"), HasSubstr("gateway")));
  EXPECT_THAT(message("\n{{#tpyo}}x{{/tpyo}}"), AllOf(HasSubstr("line 2"), HasSubstr("tpyo")));
  EXPECT_THAT(message("\n{{hostname\n}}"), AllOf(HasSubstr("line 2"), HasSubstr("not closed")));
  EXPECT_THAT(message("{{ a b }}"), HasSubstr("not a variable name"));
  EXPECT_THAT(message("x\n{{#yes}}y"), AllOf(HasSubstr("line 2"), HasSubstr("yes is not closed")));
  EXPECT_THAT(message("{{#yes}}{{/no}}{{/yes}}"), HasSubstr("closes no open section"));
  EXPECT_THAT(message("{{disk.path}}"), HasSubstr("not set"));
  EXPECT_THAT(message("{{links}}"), HasSubstr("list"));
  EXPECT_THAT(message("{{hostname | rot13}}"), HasSubstr("rot13"));
  EXPECT_FALSE(render("{{}}"));
}

TEST(TemplateRenderer, WritesValuesInTheFilesOwnSyntax) {
  EXPECT_EQ(render("k: {{keys}}", TextFormat::yaml), R"(k: ["a b","c'd"])");
  EXPECT_EQ(render("{{keys}}", TextFormat::shell), R"('a b' 'c'\''d')");
  EXPECT_EQ(render("{{disk.serial | json}} {{{hostname}}}", TextFormat::shell), "\"S1\" web-01");
  EXPECT_EQ(render("{{hostname | base64}}"), "d2ViLTAx");
}

/// Texts that try to end their place; each must stay inside a well-formed file, or be refused.
const char* const hostile[] = {"plain",   "two words", "a'b",     "a\"b",     "a\\",   "$(reboot)", "`id`",
                               "a\nb: c", "]]>",       "</x>",    "a # b",    "%end",  "-rf",       "=x",
                               "\x01",    "a;b|c&d",   "{{x}}",   "\xc3\xa4", "*glob", "~",         "@file",
                               "null",    "",          "4E12345", "22:00",    "off",   "x\r\ny"};

TEST(TextFormat, HostileValuesStayValues) {
  int kept = 0;
  for (const char* text : hostile) {
    const json::object one{{"v", text}};
    for (const auto& [format, file] : {std::pair{TextFormat::yaml, "a: {{v}}\nb: 1\n"},
                                       {TextFormat::json, "{\"a\": {{v}}}"},
                                       {TextFormat::toml, "a = {{v}}\nb = 1\n"},
                                       {TextFormat::xml, "<a b=\"{{v}}\">{{v}}</a>"}}) {
      const auto rendered = render_template(file, one, format);
      if (!rendered) continue;  // refused is safe
      ++kept;
      const auto well = check_syntax(*rendered, format);
      EXPECT_TRUE(well) << *rendered << ": " << well.error().message;
    }
  }
  EXPECT_GT(kept, 100);  // of 108: only XML refuses some
}

TEST(TextFormat, LineFormatsRefuseWhatTheyCannotHold) {
  for (const TextFormat format :
       {TextFormat::kickstart, TextFormat::preseed, TextFormat::kernel, TextFormat::xml})
    EXPECT_FALSE(write_value(json::value("a\x01"), format));
  EXPECT_FALSE(write_value(json::value("a\nrootpw x"), TextFormat::kickstart));
  EXPECT_FALSE(write_value(json::value("a\nd-i x"), TextFormat::preseed));
  for (const char* text : {"a b", "a;b", "$x", "a'b", "a\\", "a\"b", "{", "a&b"})
    EXPECT_FALSE(write_value(json::value(text), TextFormat::kernel)) << text;
  EXPECT_EQ(write_value(json::value("console=ttyS0,115200n8"), TextFormat::kernel), "console=ttyS0,115200n8");
}

TEST(AnswerCheck, SeesWhatIsNotWellFormed) {
  EXPECT_THAT(check_syntax("a: [1", TextFormat::yaml).error().message, HasSubstr("YAML"));
  EXPECT_THAT(check_syntax("a: {b: 1}\nc: [b, b]\na: 2\n", TextFormat::yaml).error().message,
              HasSubstr("line 3"));
  EXPECT_TRUE(check_syntax("a: b\nb: {a: a, c: a}\nc:\n  - a: 1\n  - a: 1\n", TextFormat::yaml));
  EXPECT_THAT(check_syntax("<a>\n<b></a>", TextFormat::xml).error().message, HasSubstr("line 2"));
  EXPECT_THAT(check_syntax("{\"a\": 1} x", TextFormat::json).error().message, HasSubstr("JSON"));
  EXPECT_THAT(check_syntax("{\"a\": ", TextFormat::json).error().message, HasSubstr("JSON"));
  EXPECT_THAT(check_syntax("a = \n", TextFormat::toml).error().message, HasSubstr("TOML"));
  EXPECT_TRUE(check_syntax("anything", TextFormat::kickstart));
}

std::string nested(std::size_t depth, const std::string& inside) {
  std::string open;
  std::string close;
  for (std::size_t i = 0; i < depth; ++i) {
    open += "{{#keys}}";
    close += "{{/keys}}";
  }
  return open + inside + close;
}

TEST(TemplateRenderer, ListsWithinListsEndBeforeOthersHaveToWait) {
  // Two items, forty deep: a million million rounds that write nothing.
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(render(nested(40, "")).error().message, HasSubstr("more than 1000000 times"));
  EXPECT_THAT(render(nested(22, "x")).error().message, HasSubstr("more than 1000000 times"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(render(nested(4, "x")), std::string(16, 'x'));
}

TEST(TemplateRenderer, IsNeverDeeperThanAStack) {
  std::string yes = "x";
  for (int i = 0; i < 64; ++i) yes = "{{#yes}}" + yes + "{{/yes}}";
  EXPECT_EQ(render(yes), "x");
  EXPECT_THAT(render(nested(65, "")).error().message, HasSubstr("deeper than 64"));
  EXPECT_THAT(render(nested(14'000, "")).error().message, HasSubstr("deeper than 64"));
}

TEST(TemplateRenderer, ALineFullOfTagsIsReadOnce) {
  std::string line;
  while (line.size() < 250'000) line += "{{#yes}}{{/yes}}";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(render(line + "\n"), "");
  EXPECT_EQ(render(line + "x\n"), "x\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace metalmesh::answer
