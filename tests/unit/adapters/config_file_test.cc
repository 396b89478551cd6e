#include "common/adapters/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/os/files.h"
#include "schemas/config/agent.pb.h"
#include "schemas/config/client.pb.h"
#include "schemas/config/controller.pb.h"
#include "schemas/config/path.pb.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::adapters {
namespace {

TEST(ConfigFile, resolves_paths_against_the_file_and_nothing_else) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "agent.yaml", R"(
site: par1
dataDir: data
signingKey: /etc/metalmesh/sign.key
familiesDir: families
tls: {ca: ../ca.crt, certificate: par1.crt}
broker: {url: mqtts://broker:8883}
media: {listen: 127.0.0.1:0}
)",
                             0644));
  const auto agent = read_config<config::Agent>(folder / "agent.yaml");
  ASSERT_TRUE(agent) << agent.error().message;
  EXPECT_EQ(agent->site(), "par1");
  EXPECT_EQ(agent->data_dir(), (folder / "data").string());
  EXPECT_EQ(agent->signing_key(), "/etc/metalmesh/sign.key");
  EXPECT_EQ(agent->families_dir(), (folder / "families").string());
  EXPECT_EQ(agent->tls().ca(), (folder.path().parent_path() / "ca.crt").string());
  EXPECT_EQ(agent->tls().certificate(), (folder / "par1.crt").string());
  EXPECT_EQ(agent->tls().key(), "") << "what is not set stays unset";
  EXPECT_EQ(agent->broker().url(), "mqtts://broker:8883");
  EXPECT_EQ(agent->media().listen(), "127.0.0.1:0");
}

TEST(ConfigFile, names_the_file_in_errors) {
  const TemporaryFolder folder;
  const auto missing = read_config<config::Client>(folder / "no.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  ASSERT_TRUE(os::write_file(folder / "c.yaml", "servre: x\n", 0644));
  const auto wrong = read_config<config::Client>(folder / "c.yaml");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            (folder / "c.yaml").string() + ":1:1: servre: unknown field; did you mean \"server\"?");
}

TEST(ConfigFile, knows_every_path_of_the_controller) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "c.yaml", R"(
dataDir: a
tls: {ca: b, certificate: c, key: d}
api: {listen: "127.0.0.1:1", certificate: e, key: f, tokensFile: g}
signingKey: h
siteKeysDir: i
revocations: j
)",
                             0644));
  const auto c = read_config<config::Controller>(folder / "c.yaml");
  ASSERT_TRUE(c) << c.error().message;
  const std::string resolved[] = {c->data_dir(),          c->tls().ca(),          c->tls().certificate(),
                                  c->tls().key(),         c->api().certificate(), c->api().key(),
                                  c->api().tokens_file(), c->signing_key(),       c->site_keys_dir(),
                                  c->revocations()};
  char expected = 'a';
  for (const std::string& path : resolved) EXPECT_EQ(path, (folder / std::string(1, expected++)).string());
}

/// The marks are for whoever adds a field: one that is named like a path must say what it is.
void expect_marks(const google::protobuf::Descriptor& type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    const std::string& name = field.name();
    const bool named_so = name.ends_with("_file") || name.ends_with("_dir") || name.ends_with("_key") ||
                          name.ends_with("_ca") || name == "ca" || name == "key" || name == "certificate" ||
                          name == "folders" || name == "revocations";
    EXPECT_EQ(named_so, field.options().HasExtension(config::path)) << field.full_name();
    if (const auto* part = field.message_type();
        part != nullptr && part->file()->package() == "metalmesh.config")
      expect_marks(*part);
  }
}

TEST(ConfigFile, paths_are_marked) {
  expect_marks(*config::Agent::descriptor());
  expect_marks(*config::Controller::descriptor());
  expect_marks(*config::Client::descriptor());
}

TEST(ConfigFile, looks_for_what_must_be_there) {
  const TemporaryFolder folder;
  config::Media media;
  const auto said = [&] {
    const auto checked = check_paths(media, "media");
    return checked ? std::string("fine") : checked.error().message;
  };
  EXPECT_EQ(said(), "media.certificate is missing; \"metalmesh pki init --dir DIR\" makes it");
  media.set_certificate(folder / "cert.pem");
  EXPECT_THAT(said(), testing::AllOf(testing::HasSubstr("media.certificate: reading " +
                                                        (folder / "cert.pem").string() + ": No such file"),
                                     testing::HasSubstr("pki init")));
  ASSERT_TRUE(os::write_file(folder / "cert.pem", "x", 0644));
  media.set_key(folder / "cert.pem");
  media.set_ca(folder.path());
  EXPECT_THAT(said(), testing::HasSubstr("media.ca: reading")) << "a folder is no file";
  media.set_ca(folder / "cert.pem");
  EXPECT_EQ(said(), "fine");
}

TEST(ConfigFile, what_is_given_must_be_there_what_is_made_need_not) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "a", "x", 0644));
  config::Agent agent;
  for (auto* text : {agent.mutable_tls()->mutable_ca(), agent.mutable_tls()->mutable_certificate(),
                     agent.mutable_tls()->mutable_key(), agent.mutable_media()->mutable_ca(),
                     agent.mutable_media()->mutable_certificate(), agent.mutable_media()->mutable_key(),
                     agent.mutable_controller_key(), agent.mutable_signing_key()})
    *text = folder / "a";
  agent.set_data_dir(folder / "not-yet");
  EXPECT_TRUE(check_paths(agent));
  agent.set_quirks_dir(folder / "none");
  EXPECT_EQ(check_paths(agent).error().message, "quirksDir: " + (folder / "none").string() + " is no folder");
  agent.set_quirks_dir(folder.path());
  EXPECT_TRUE(check_paths(agent));
  agent.set_bmc_ca(folder / "none");
  EXPECT_EQ(check_paths(agent).error().message.find("pki init"), std::string::npos)
      << "it does not make this one";
}

}  // namespace
}  // namespace metalmesh::adapters
