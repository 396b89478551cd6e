#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/text/filler/filler.h"
#include "common/text/filler/yaml_document.h"
#include "schemas/config/agent.pb.h"
#include "schemas/rest/api.pb.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;
using testing::UnorderedElementsAre;

template <class Message>
std::string error_of(std::string_view text) {
  const auto message = read_yaml<Message>(text, "f.yaml");
  return message ? "no error" : message.error().message;
}

TEST(YamlReader, names_file_and_line_of_what_is_no_utf8) {
  EXPECT_EQ(error_of<rest::Server>("kind: Server\nmetadata: {name: r\xe9}\n"),
            "f.yaml:2: is not UTF-8; convert it: iconv -f LATIN1 -t UTF-8");
  EXPECT_EQ(error_of<rest::Server>(std::string("\xFF\xFEk\0i\0", 6)),
            "f.yaml:1: is not UTF-8; convert it: iconv -f UTF-16 -t UTF-8");
}

TEST(YamlReader, keeps_text_as_written_whatever_yaml_would_guess) {
  const auto server = read_yaml<rest::Server>(R"(
kind: Server
metadata: {name: r1, labels: {tag: 4E12345, time: 22:00, ipmi: off, asset: 007312, empty: , tilde: ~, nothing: null}}
spec:
  identity: {serial: 4E12345, macs: [00:11:22:33:44:55, 0x1F]}
  hostname: yes
)",
                                              "f.yaml");
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_THAT(server->metadata().labels(),
              UnorderedElementsAre(Pair("tag", "4E12345"), Pair("time", "22:00"), Pair("ipmi", "off"),
                                   Pair("asset", "007312"), Pair("empty", ""), Pair("tilde", "~"),
                                   Pair("nothing", "null")));
  EXPECT_EQ(server->spec().identity().serial(), "4E12345");
  EXPECT_THAT(server->spec().identity().macs(), ElementsAre("00:11:22:33:44:55", "0x1F"));
  EXPECT_EQ(server->spec().hostname(), "yes");
}

TEST(YamlReader, reads_sizes_durations_and_switches_as_people_write_them) {
  const auto agent = read_yaml<config::Agent>(R"(
site: par1
parallel: 20
diskReserve: 400GB
wanFree: on
pollInterval: 1h30m
timeouts: {confirm: "1.500s", power: 90s}
)",
                                              "f.yaml");
  ASSERT_TRUE(agent) << agent.error().message;
  EXPECT_EQ(agent->parallel(), 20U);
  EXPECT_EQ(agent->disk_reserve(), 400'000'000'000U);
  EXPECT_TRUE(agent->wan_free());
  EXPECT_EQ(agent->poll_interval().seconds(), 5400);
  EXPECT_EQ(agent->timeouts().confirm().seconds(), 1);
  EXPECT_EQ(agent->timeouts().confirm().nanos(), 500'000'000);
  EXPECT_EQ(agent->timeouts().power().seconds(), 90);
}

TEST(YamlReader, reads_enums_in_any_case_and_lists_of_messages) {
  const auto install = read_yaml<wire::Install>(R"(
power: refuse-if-on
variables:
  - {name: hostname, value: web1}
  - {name: address, value: 10.0.0.1}
)",
                                                "f.yaml");
  ASSERT_TRUE(install) << install.error().message;
  EXPECT_EQ(install->power(), wire::REFUSE_IF_ON);
  ASSERT_EQ(install->variables_size(), 2);
  EXPECT_EQ(install->variables(1).value(), "10.0.0.1");
}

TEST(YamlReader, takes_json_too) {
  const auto server = read_yaml<rest::Server>(
      R"({"metadata": {"name": "r1", "version": "7"}, "spec": {"protected": true}})", "f");
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ(server->metadata().version(), 7U);
  EXPECT_TRUE(server->spec().protected_());
}

TEST(YamlReader, names_place_path_and_the_field_that_was_meant) {
  EXPECT_EQ(error_of<rest::Server>("kind: Server\nspec:\n  bmc:\n    adress: 10.0.0.1\n"),
            "f.yaml:4:5: spec.bmc.adress: unknown field; did you mean \"address\"?");
  EXPECT_EQ(error_of<rest::RolloutSpec>("powered_on: force"),
            "f.yaml:1:1: powered_on: unknown field; did you mean \"poweredOn\"?");
  EXPECT_THAT(error_of<rest::SiteLimits>("colour: red"),
              HasSubstr("unknown field; known here: parallel, loginRefusals"));
}

TEST(YamlReader, names_place_and_path_of_a_wrong_type) {
  EXPECT_EQ(error_of<rest::Server>("spec:\n  protected: maybe\n"),
            "f.yaml:2:14: spec.protected: expected true or false, got \"maybe\"");
  EXPECT_EQ(error_of<rest::Server>("spec: {hostname: [a, b]}"),
            "f.yaml:1:18: spec.hostname: expected text, got a list");
  EXPECT_THAT(error_of<rest::Server>("spec: web1"),
              HasSubstr("spec: expected fields (key: value), got \"web1\""));
  EXPECT_THAT(error_of<rest::Selection>("sites: par1"), HasSubstr("sites: expected a list, got \"par1\""));
  EXPECT_THAT(error_of<rest::Selection>("sites: [par1, {a: b}]"),
              HasSubstr("sites[1]: expected text, got fields"));
  EXPECT_THAT(error_of<config::Agent>("parallel: -1"), HasSubstr("a whole number from 0 to 4294967295"));
  EXPECT_THAT(error_of<config::Agent>("parallel: 4294967296"), HasSubstr("a whole number"));
  EXPECT_THAT(error_of<config::Agent>("diskReserve: 99999999TiB"), HasSubstr("400GB"));
  EXPECT_THAT(error_of<config::Agent>("pollInterval: 30"), HasSubstr("a duration such as 90s"));
  EXPECT_THAT(error_of<wire::Install>("power: maybe"),
              HasSubstr("one of POWER_POLICY_UNSPECIFIED, REFUSE_IF_ON"));
  EXPECT_THAT(error_of<rest::Metadata>("created: yesterday"), HasSubstr("a time such as"));
}

TEST(YamlReader, refuses_what_could_mean_two_things_or_too_much) {
  EXPECT_EQ(error_of<config::Agent>("site: a\nsite: b"), "f.yaml:2:1: \"site\" appears twice");
  EXPECT_THAT(error_of<config::Agent>("site: &x a"), HasSubstr("anchors and aliases"));
  EXPECT_THAT(error_of<config::Agent>("site: *x"), HasSubstr("f.yaml:1:7"));
  EXPECT_THAT(error_of<config::Agent>("site: !!int 5"), HasSubstr("tags"));
  EXPECT_THAT(error_of<config::Agent>("site: a\n---\nsite: b"), HasSubstr("expected one document, found 2"));
  EXPECT_THAT(error_of<config::Agent>("site: \"unfinished"), StartsWith("f.yaml:"));
  EXPECT_THAT(error_of<config::Agent>(std::string(200, '[')), HasSubstr("nested deeper than 32"));
  EXPECT_THAT(error_of<config::Agent>("site: " + std::string(9 << 20, 'x')), HasSubstr("longer than"));
}

TEST(YamlDocument, reads_streams_and_leaves_out_empty_documents) {
  const auto documents = parse_yaml("---\nkind: Site\n---\n# only a comment\n---\nkind: Server\n", "f");
  ASSERT_TRUE(documents) << documents.error().message;
  ASSERT_EQ(documents->size(), 2U);
  EXPECT_EQ((*documents)[1].find("kind")->value, "Server");
  EXPECT_EQ((*documents)[1].line, 6U);
}

}  // namespace
}  // namespace metalmesh
