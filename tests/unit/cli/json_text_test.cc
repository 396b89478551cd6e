#include "controller/cli/json_text.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "common/text/filler/filler.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {
namespace {

using google::protobuf::util::MessageDifferencer;

rest::Profile awkward_profile() {
  rest::Profile profile;
  profile.set_kind("Profile");
  auto& labels = *profile.mutable_metadata()->mutable_labels();
  labels["tag"] = "4E12345";
  labels["time"] = "22:00";
  labels["switch"] = "off";
  labels["null"] = "null";
  labels["blank"] = " x ";
  labels["quote"] = "a\"b\\c: #d";
  labels["empty"] = "";
  labels["umlaut"] = "köln\nzwei\n";
  profile.mutable_metadata()->set_version(12345678901);
  profile.mutable_metadata()->mutable_created()->set_seconds(1'795'348'800);
  profile.mutable_spec()->mutable_template_()->set_inline_("text\n  indented {{hostname}}\n\n# end: 'x'\n");
  profile.mutable_spec()->mutable_max_run()->set_seconds(5400);
  return profile;
}

TEST(JsonText, yaml_reads_back_to_the_same_object) {
  const rest::Profile profile = awkward_profile();
  const std::string yaml = to_yaml(profile);
  const auto read = read_yaml<rest::Profile>(yaml, "f");
  ASSERT_TRUE(read) << read.error().message << "\n" << yaml;
  EXPECT_TRUE(MessageDifferencer::Equals(*read, profile)) << yaml;
  EXPECT_THAT(yaml, testing::HasSubstr(
                        "    inline: |\n      text\n        indented {{hostname}}\n\n      # end: 'x'\n"));
}

TEST(JsonText, yaml_of_lists_reads_back_too) {
  rest::Rollout rollout;
  rollout.mutable_spec()->mutable_select()->add_sites("eu-*");
  rollout.mutable_spec()->mutable_select()->add_sites("par1");
  auto& plan = *rollout.mutable_status()->mutable_plan();
  for (const auto* name : {"r1", "r2"}) {
    auto& server = *plan.add_servers();
    server.set_name(name);
    server.mutable_identity()->set_serial("007");
    server.mutable_identity()->add_macs("00:11:22:33:44:55");
  }
  const std::string yaml = to_yaml(rollout);
  const auto read = read_yaml<rest::Rollout>(yaml, "f");
  ASSERT_TRUE(read) << read.error().message << "\n" << yaml;
  EXPECT_TRUE(MessageDifferencer::Equals(*read, rollout)) << yaml;
}

TEST(JsonText, shows_numbers_as_numbers_and_enums_without_their_prefix) {
  rest::Deployment deployment;
  deployment.set_bytes_read(7'821'312);
  deployment.set_proof(wire::PROOF_CALLBACK);
  deployment.set_stage(wire::WATCH);
  deployment.mutable_created()->set_seconds(0);
  EXPECT_EQ(shown_json(deployment, Layout::compact),
            R"({"stage":"WATCH","bytesRead":7821312,"proof":"CALLBACK","created":"1970-01-01T00:00:00Z"})");
  rest::Deployment text;  // digits in a text stay a text
  text.set_id("7");
  EXPECT_EQ(shown_json(text, Layout::compact), R"({"id":"7"})");
  EXPECT_EQ(shown_json(text), "{\n \"id\": \"7\"\n}\n");
}

TEST(JsonText, takes_answers_of_a_newer_controller) {
  rest::Server server;
  ASSERT_TRUE(from_json(R"({"metadata":{"name":"r1"},"tomorrow":{"x":[1]}})", server));
  EXPECT_EQ(server.metadata().name(), "r1");
  EXPECT_EQ(from_json("<html>", server).error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace metalmesh::cli
