// Configuration and tokens from real files in a folder of the test's own: what is wrong is named with the
// field, the file and the step that repairs it.
#include "controller/app/controller_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/adapters/pki.h"
#include "common/base/digest.h"
#include "controller/app/store_key.h"
#include "controller/app/token_file.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::controller {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ControllerConfig : public ::testing::Test {
 protected:
  ControllerConfig() {
    const auto made = adapters::init_pki(folder_ / "pki", {}, WallTime{std::chrono::seconds(1'772'488'800)});
    EXPECT_TRUE(made) << made.error().message;
    fs::create_directories(folder_ / "pki/site-keys");
    options_.config = folder_ / "controller.yaml";
    write(options_.config, good);
  }

  static void write(const fs::path& path, const std::string& text) {
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
  }
  std::string refusal() {
    const auto config = load_config(options_);
    return config ? "accepted" : config.error().message;
  }
  /// The good configuration with `line` instead of the line that starts with the same key.
  void replace(const std::string& line) {
    std::string text = good;
    const std::string key = line.substr(0, line.find(':') + 1);
    const std::size_t begin = text.find(key);
    text.replace(begin, text.find('\n', begin) - begin, line);
    write(options_.config, text);
  }

  static constexpr char good[] =
      "dataDir: data\n"
      "broker: {url: 'mqtts://localhost:8883'}\n"
      "tls: {ca: pki/ca.crt, certificate: pki/controller.crt, key: pki/controller.key}\n"
      "api: {listen: '127.0.0.1:0', certificate: pki/api.crt, key: pki/api.key, tokensFile: pki/tokens}\n"
      "signingKey: pki/controller-sign.key\n"
      "siteKeysDir: pki/site-keys\n";
  TemporaryFolder folder_;
  ControllerOptions options_;
};

TEST_F(ControllerConfig, WhatPkiInitMakesIsEnough) {
  const auto config = load_config(options_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->data_dir(), (folder_ / "data").string());
  EXPECT_EQ(config->api().listen(), "127.0.0.1:0");
}

TEST_F(ControllerConfig, TheCommandLineWins) {
  options_.listen = "[::1]:9443";
  options_.data_dir = "/elsewhere";
  const auto config = load_config(options_);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->api().listen(), "[::1]:9443");
  EXPECT_EQ(config->data_dir(), "/elsewhere");
}

TEST_F(ControllerConfig, MissingFilesNameTheCommandThatMakesThem) {
  for (const char* file : {"ca.crt", "controller.crt", "controller.key", "controller-sign.key", "api.crt",
                           "api.key", "tokens"}) {
    fs::rename(folder_ / "pki" / file, folder_ / "away");
    EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("metalmesh pki init"))) << file;
    fs::rename(folder_ / "away", folder_ / "pki" / file);
  }
  EXPECT_EQ(refusal(), "accepted");
  fs::remove_all(folder_ / "pki/site-keys");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("siteKeysDir"), HasSubstr("metalmesh pki init")));
}

TEST_F(ControllerConfig, MissingAndUnknownFieldsAreNamed) {
  replace("dataDir: ''");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("dataDir"), HasSubstr("--data-dir")));
  replace("broker: {}");
  EXPECT_THAT(refusal(), HasSubstr("broker.url"));
  replace("siteKeysDir: ''");
  EXPECT_THAT(refusal(), HasSubstr("siteKeysDir"));
  replace("signingKey: ''");
  EXPECT_THAT(refusal(), HasSubstr("signingKey"));
  write(options_.config, std::string(good) + "signngKey: x\n");
  EXPECT_THAT(refusal(), HasSubstr("signingKey"));  // "did you mean"
  options_.config = folder_ / "none.yaml";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("none.yaml"), HasSubstr("--config")));
}

TEST_F(ControllerConfig, TheStoresKeyLiesBesideTheSigningKeyOrWhereOneSaid) {
  const auto config = load_config(options_);
  ASSERT_TRUE(config);
  const auto made = open_store_key(options_, *config);
  ASSERT_TRUE(made) << made.error().message;
  fs::rename(folder_ / "pki/store.key", folder_ / "elsewhere.key");
  const auto missing = open_store_key(options_, *config);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("store.key"), HasSubstr("bring it back"),
                                             HasSubstr("metalmesh pki init --dir")));
  fs::create_directories(folder_ / "credentials");
  fs::copy(folder_ / "elsewhere.key", folder_ / "credentials/store.key");
  setenv("CREDENTIALS_DIRECTORY", folder_.file("credentials").c_str(), 1);
  const auto credential = open_store_key(options_, *config);
  unsetenv("CREDENTIALS_DIRECTORY");
  options_.store_key = folder_ / "elsewhere.key";
  const auto named = open_store_key(options_, *config);
  ASSERT_TRUE(credential && named);
  EXPECT_EQ((*credential)->keys().front().id, (*made)->keys().front().id);
  EXPECT_EQ((*named)->keys().front().id, (*made)->keys().front().id);
}

TEST(ListenAddress, IsAnAddressAndAPort) {
  const auto v4 = parse_listen("0.0.0.0:8443");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->address, "0.0.0.0");
  EXPECT_EQ(v4->port, 8443);
  const auto v6 = parse_listen("[::1]:0");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->address, "::1");
  for (const char* text :
       {"", "8443", ":8443", "localhost", "a:", "a:x", "a:65536", "a:-1", "::1:80", "[::1]", "[]:1", "[:1"}) {
    EXPECT_FALSE(parse_listen(text)) << text;
  }
}

TEST_F(ControllerConfig, TokensAreReadAgainAndBadOnesChangeNothing) {
  const fs::path file = folder_ / "tokens";
  write(file, "ada admin " + to_hex(sha256("one")) + "\n");
  const auto tokens = TokenFile::open(file);
  ASSERT_TRUE(tokens) << tokens.error().message;
  EXPECT_TRUE((*tokens)->authenticate("one"));
  write(file, "ada admin " + to_hex(sha256("two")) + "\n");
  EXPECT_TRUE((*tokens)->authenticate("one"));
  EXPECT_EQ((*tokens)->reload().value(), 1U);
  EXPECT_FALSE((*tokens)->authenticate("one"));
  EXPECT_TRUE((*tokens)->authenticate("two"));
  for (const char* bad : {"", "# nobody\n", "ada king x\n"}) {
    write(file, bad);
    EXPECT_FALSE((*tokens)->reload()) << bad;
    EXPECT_TRUE((*tokens)->authenticate("two")) << bad;
  }
}

TEST_F(ControllerConfig, TokensThatOthersMayReadAreRefused) {
  const fs::path file = folder_ / "tokens";
  write(file, "ada admin " + to_hex(sha256("one")) + "\n");
  chmod(file.c_str(), 0644);
  EXPECT_FALSE(TokenFile::open(file));
}

}  // namespace
}  // namespace metalmesh::controller
