#include "common/adapters/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/os/files.h"
#include "schemas/config/agent.pb.h"
#include "schemas/config/client.pb.h"
#include "schemas/config/controller.pb.h"
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

/// The table of path fields is written by hand; a renamed field must not fall out of it silently.
TEST(ConfigFile, knows_every_path_of_the_controller) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "c.yaml", R"(
dataDir: a
tls: {ca: b, certificate: c, key: d}
api: {listen: "127.0.0.1:1", certificate: e, key: f, tokensFile: g}
signingKey: h
siteKeysDir: i
)",
                             0644));
  const auto c = read_config<config::Controller>(folder / "c.yaml");
  ASSERT_TRUE(c) << c.error().message;
  const std::string resolved[] = {c->data_dir(),          c->tls().ca(),          c->tls().certificate(),
                                  c->tls().key(),         c->api().certificate(), c->api().key(),
                                  c->api().tokens_file(), c->signing_key(),       c->site_keys_dir()};
  char expected = 'a';
  for (const std::string& path : resolved) EXPECT_EQ(path, (folder / std::string(1, expected++)).string());
}

}  // namespace
}  // namespace metalmesh::adapters
