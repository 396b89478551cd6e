// The table of routes against paths that must and must not match, and against openapi.yaml, which is read as
// text: its paths are the lines indented by two blanks, its methods those indented by four.
#include "controller/api/routes.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "common/text/percent.h"
#include "controller/api/request_target.h"
#include "schemas/rest/api.pb.h"
#include "schemas/wire/host.pb.h"
#include "tests/unit/controller_api/openapi_operations.h"

namespace metalmesh::controller {
namespace {

std::variant<Matched, WrongMethod, NoSuchPath> match(std::string_view method, std::string_view target) {
  const auto parsed = parse_target(target);
  EXPECT_TRUE(parsed) << target;
  return match_route(method, parsed->segments);
}

std::vector<std::string> lines_of(const char* file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Routes, EveryRouteMatchesItself) {
  for (const Route& route : routes()) {
    std::string path(route.pattern);
    for (std::size_t at; (at = path.find('{')) != std::string::npos;) {
      path.replace(at, path.find('}') - at + 1, "x1");
    }
    const auto found = match(route.method, path);
    const auto* matched = std::get_if<Matched>(&found);
    ASSERT_NE(matched, nullptr) << route.method << " " << path;
    EXPECT_EQ(matched->route->pattern, route.pattern);
    EXPECT_EQ(matched->route->method, route.method);
  }
}

TEST(Routes, CapturesAreDecodedAndSlashesStayInside) {
  const auto found = match("GET", "/api/v1/profiles/a%2Fb/versions/7");
  const auto* matched = std::get_if<Matched>(&found);
  ASSERT_NE(matched, nullptr);
  EXPECT_EQ(matched->captures, (std::vector<std::string>{"a/b", "7"}));
}

TEST(Routes, WrongMethodNamesTheRightOnes) {
  const auto found = match("POST", "/api/v1/sites/par1");
  const auto* wrong = std::get_if<WrongMethod>(&found);
  ASSERT_NE(wrong, nullptr);
  EXPECT_EQ(wrong->allow, "GET, PUT, DELETE");
}

TEST(Routes, JunkAroundAPathIsNotThatPath) {
  for (const char* target :
       {"/", "//", "/api/v1/sites/", "/api/v1/sites/par1/", "/api/v1/sites//", "/api/v1", "/api/v2/sites",
        "/api/v1/sites/par1/x", "/API/v1/sites", "/api/v1/site", "//api/v1/sites",
        "/api/v1/sites/par1/clear-quarantine/x", "/healthz/", "/api/v1/%73ites/x/y"}) {
    EXPECT_TRUE(std::holds_alternative<NoSuchPath>(match("GET", target))) << target;
  }
}

TEST(Routes, OnlyHealthAndTheDescriptionNeedNoToken) {
  const std::set<std::string_view> open = {"/healthz", "/api/v1/openapi.yaml", "/api/v1/reference"};
  for (const Route& route : routes()) {
    EXPECT_EQ(route.role == Role::nobody, open.contains(route.pattern)) << route.pattern;
    if (route.method != "GET") {
      EXPECT_GE(route.role, Role::operator_) << route.pattern;
    }
  }
}

TEST(Routes, OpenApiListsTheSamePathsAndMethods) {
  std::set<std::string> documented;
  for (const auto& [method, path] : documented_operations()) documented.insert(method + " " + path);
  std::set<std::string> served;
  for (const Route& route : routes())
    served.insert(std::string(route.method) + " " + std::string(route.pattern));
  EXPECT_EQ(documented, served);
}

TEST(Routes, OpenApiListsTheQueryParametersOfEveryRoute) {
  // Parameters by reference are resolved by their component's name.
  const std::map<std::string, std::string> shared = {
      {"LabelSelector", "labelSelector"}, {"Where", "where"}, {"Limit", "limit"}, {"After", "after"}};
  std::map<std::string, std::set<std::string>> documented;
  std::string path;
  std::string method;
  for (const std::string& line : lines_of(MM_OPENAPI_FILE)) {
    if (line.starts_with("components:")) break;
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    if (line == "    get:") method = "GET";
    if (line == "    put:" || line == "    post:" || line == "    delete:") method.clear();
    if (method.empty()) continue;
    if (line.find("in: query") != std::string::npos) {
      const std::size_t at = line.find("{name: ") + 7;
      documented[path].insert(line.substr(at, line.find(',', at) - at));
    }
    for (const auto& [component, name] : shared) {
      if (line.find("parameters/" + component + "\"") != std::string::npos) documented[path].insert(name);
    }
  }
  for (const Route& route : routes()) {
    if (route.method != "GET") continue;
    const auto known = query_of(route.endpoint);
    EXPECT_EQ(documented[std::string(route.pattern)], std::set<std::string>(known.begin(), known.end()))
        << route.pattern;
  }
}

/// Fields of each schema, as the lines that tell them.
std::map<std::string, std::map<std::string, std::string>> documented_schemas() {
  std::map<std::string, std::map<std::string, std::string>> documented;
  std::string schema;
  bool in_schemas = false;
  for (const std::string& line : lines_of(MM_OPENAPI_FILE)) {
    if (line == "  schemas:") in_schemas = true;
    if (!in_schemas) continue;
    const std::size_t indent = line.find_first_not_of(' ');
    const std::string key = line.substr(indent, line.find(':') - indent);
    if (indent == 4) {
      schema = key;
      documented[schema][""] = line;
    }
    if (indent == 8)
      documented[schema][key] = std::regex_replace(line, std::regex("\""), "");  // "ON" in YAML
  }
  return documented;
}

/// What a schema is called: as its message, a nested one behind the one that it is in; the user of a host is none of ours.
std::string schema_of(const google::protobuf::Descriptor& message) {
  if (&message == wire::User::descriptor()) return "HostUser";
  const auto* outer = message.containing_type();
  return (outer == nullptr ? "" : schema_of(*outer)) + message.name();
}

/// Those of the REST schema, and what is inside them.
void reach(const google::protobuf::Descriptor& message, std::set<const google::protobuf::Descriptor*>& seen) {
  if (message.file()->package().starts_with("google.") || !seen.insert(&message).second) return;
  for (int i = 0; i < message.field_count(); ++i) {
    if (const auto* inner = message.field(i)->message_type()) reach(*inner, seen);
  }
}

/// As a list of them ends. The first is the default, which is never shown.
std::string words_of(const google::protobuf::EnumDescriptor& type) {
  std::string words;
  for (int i = 1; i < type.value_count(); ++i) words += (i == 1 ? "" : ", ") + type.value(i)->name();
  return words + "]";
}

TEST(Routes, OpenApiListsTheFieldsOfEveryMessageAndTheWordsOfEveryEnum) {
  auto documented = documented_schemas();
  std::set<const google::protobuf::Descriptor*> messages;
  const auto* file = rest::Problem::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) reach(*file->message_type(i), messages);
  for (const auto* message : messages) {
    if (message->options().map_entry()) continue;
    const std::string name = schema_of(*message);
    ASSERT_TRUE(documented.contains(name)) << name;
    std::map<std::string, std::string> lines = documented[name];
    lines.erase("");
    std::set<std::string> fields;
    std::set<std::string> listed;
    for (const auto& [field, line] : lines) listed.insert(field);
    for (int f = 0; f < message->field_count(); ++f) {
      const auto* field = message->field(f);
      fields.insert(field->json_name());
      const auto* type = field->enum_type();
      if (type == nullptr) continue;
      const std::string& line = lines[field->json_name()];
      const bool shared = line.find("schemas/" + type->name()) != std::string::npos;
      EXPECT_NE((shared ? documented[type->name()][""] : line).find(words_of(*type)), std::string::npos)
          << name << "." << field->json_name() << ": " << words_of(*type);
    }
    EXPECT_EQ(listed, fields) << name;
  }
}

TEST(RequestTarget, RefusesWhatCannotBeAPath) {
  for (const char* target :
       {"", "api", "*", "/a%", "/a%2", "/a%zz", "/a%00", "/a%0a", "/a%ff", "/a%c0%80", "/a%ed%a0%80",
        "/a?x=1&x=2", "/a?=1", "/a?x=%", "/a?a&&b", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
  EXPECT_FALSE(parse_target("/" + std::string(5000, 'a')));
}

TEST(RequestTarget, SplitsBeforeItDecodes) {
  const auto target = parse_target("/a%2Fb/c%20d/%C3%A9?k=v+w&empty=&flag&p=a%26b%3Dc");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"a/b", "c d", "\xC3\xA9"}));
  EXPECT_EQ(target->query,
            (std::map<std::string, std::string>{{"k", "v w"}, {"empty", ""}, {"flag", ""}, {"p", "a&b=c"}}));
}

TEST(RequestTarget, EncodingSurvivesDecoding) {
  const std::string name = "a/b?c=%&\xC3\xA9 ~";
  const auto target = parse_target("/" + percent_encode(name));
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, std::vector<std::string>{name});
}

}  // namespace
}  // namespace metalmesh::controller
