#include <gtest/gtest.h>

#include "common/recording/secret_finder.h"
#include "common/recording/secret_set.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/envelope.pb.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::recording {
namespace {

constexpr char pem[] =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIKmN0bQ1xw\nAbCdEfGhIjKlMnOpQrStUv==\n-----END PRIVATE "
    "KEY-----\n";

std::string masked(const SecretSet& secrets, std::string text) {
  secrets.mask(text);
  return text;
}

TEST(SecretSet, ReplacesWhatItKnowsWhereverItStandsByAsManyBytes) {
  SecretSet secrets(7);
  secrets.learn("hunter2-hunter2");
  const std::string text = "\x0a\x0fhunter2-hunter2 and \"hunter2-hunter2\"";
  const std::string after = masked(secrets, text);
  EXPECT_EQ(after.find("hunter2"), std::string::npos);
  EXPECT_EQ(after.size(), text.size());
  EXPECT_TRUE(after.starts_with("\x0a\x0f"));
  EXPECT_EQ(after.substr(2, 15), secrets.placeholder("hunter2-hunter2"));
}

TEST(SecretSet, KeepsTheKindOfEachCharacterAndHexAsHex) {
  const SecretSet secrets(7);
  const std::string hex = secrets.placeholder("00112233445566778899aabbccddeeff");
  EXPECT_EQ(hex.find_first_not_of("0123456789abcdef"), std::string::npos);
  const std::string mixed = secrets.placeholder("Ab3-\"x");
  EXPECT_TRUE(mixed[0] >= 'A' && mixed[0] <= 'Z');
  EXPECT_TRUE(mixed[2] >= '0' && mixed[2] <= '9');
  EXPECT_EQ(mixed.substr(3, 2), "-\"");
}

TEST(SecretSet, KnowsTheFormInsideJsonAndEachFormStandsForTheSame) {
  SecretSet secrets(7);
  const std::string secret = "say \"friend\"\nand enter";
  secrets.learn(secret);
  const std::string json = masked(secrets, R"({"a":"say \"friend\"\nand enter"})");
  EXPECT_EQ(json.find("friend"), std::string::npos);
  SecretSet other(8);
  EXPECT_NE(other.placeholder(secret), secrets.placeholder(secret)) << "without the key nobody makes it";
  EXPECT_TRUE(json.contains("\\\"") && json.contains("\\n")) << "it is JSON still: " << json;
}

TEST(SecretSet, PrefersTheLongerOfTwoThatBeginAlike) {
  SecretSet secrets(7);
  secrets.learn("secret");
  secrets.learn("secretary-of-state");
  EXPECT_EQ(masked(secrets, "secretary-of-state"), secrets.placeholder("secretary-of-state"));
}

TEST(SecretSet, ForgetsTheOldestWhenItIsFullAndStillFindsTheNewest) {
  SecretSet secrets(7);
  for (std::size_t i = 0; i < SecretSet::most + 10; ++i) secrets.learn("secret-" + std::to_string(i));
  EXPECT_EQ(secrets.size(), SecretSet::most);
  EXPECT_FALSE(secrets.found_in("secret-5 "));
  EXPECT_TRUE(secrets.found_in("secret-" + std::to_string(SecretSet::most + 9)));
}

TEST(SecretSet, KnowsALongOneByItsPiecesAndHoldsNoMoreBytesThanItMay) {
  SecretSet secrets(7);
  std::string key;
  for (int i = 0; key.size() < 10 * SecretSet::longest; ++i) key += "line-" + std::to_string(i) + "/";
  secrets.learn(key);
  const std::string after = masked(secrets, "rootpw " + key + " end");
  EXPECT_FALSE(after.contains("line-")) << after.substr(0, 200);
  EXPECT_EQ(after.size(), key.size() + 11);
  EXPECT_LE(secrets.bytes(), 2 * key.size());
  std::string other(SecretSet::longest, 'x');
  for (std::size_t i = 0; i < 2 * SecretSet::most_bytes / other.size(); ++i) {
    const std::string number = std::to_string(i);
    secrets.learn(other.replace(0, number.size(), number));
  }
  EXPECT_LE(secrets.bytes(), SecretSet::most_bytes);
  EXPECT_FALSE(secrets.found_in(key)) << "the oldest are forgotten";
  EXPECT_TRUE(secrets.found_in(other));
}

TEST(SecretFinder, TellsNamesOfSecretsFromNamesOfOtherThings) {
  for (const char* name :
       {"password", "rootPassword", "root_password", "X-Auth-Token", "joinToken", "wifi-psk"})
    EXPECT_TRUE(names_a_secret(name)) << name;
  for (const char* name : {"credential", "hostname", "sshKeys", "key_sha256", "tokens_file", "address"})
    EXPECT_FALSE(names_a_secret(name)) << name;
}

TEST(SecretFinder, FindsKeysAndHashesByTheirLook) {
  SecretSet secrets(7);
  find_in_text(std::string("x\n") + pem + "rest $6$saltsalt$0123456789abcdefghijABCDEFGHIJ end", secrets);
  const std::string after = masked(secrets, std::string(pem) + "$6$saltsalt$0123456789abcdefghijABCDEFGHIJ");
  EXPECT_EQ(after.find("MC4CAQAwBQYDK2Vw"), std::string::npos);
  EXPECT_EQ(after.find("AbCdEfGhIjKl"), std::string::npos);
  EXPECT_EQ(after.find("saltsalt$0123"), std::string::npos);
  EXPECT_TRUE(after.contains("$6$")) << "it must still look like a hash to those who check it";
}

TEST(SecretFinder, FindsLinesOfTemplatesThatSpeakOfPasswordsAndKeepsTheirVariables) {
  SecretSet secrets(7);
  const std::string text =
      "timezone {{timezone}}\nrootpw --plaintext {{root}} opensesame1\necho welcome99 | passwd --stdin "
      "root\n";
  find_in_template(text, secrets);
  const std::string after = masked(secrets, text);
  EXPECT_TRUE(after.starts_with("timezone {{timezone}}\n"));
  EXPECT_TRUE(after.contains("{{root}}"));
  EXPECT_EQ(after.find("opensesame1"), std::string::npos);
  EXPECT_EQ(after.find("welcome99"), std::string::npos);
}

TEST(SecretFinder, FindsVariablesByTheirNamesInJsonAndInMessages) {
  const char* const json =
      R"({"spec":{"vars":{"luks_key":"disk-secret-1","address":"10.0.0.1/24"},"host":{"root":{"sshKeys":["ssh-ed25519 AAAA"]}},
          "template":{"inline":"password: planted-in-template\n"}}})";
  SecretSet from_json(7);
  find_in_json(json, from_json);
  EXPECT_TRUE(from_json.found_in("disk-secret-1"));
  EXPECT_TRUE(from_json.found_in("password: planted-in-template"));
  EXPECT_FALSE(from_json.found_in("10.0.0.1/24"));
  EXPECT_FALSE(from_json.found_in("ssh-ed25519 AAAA"));

  wire::Agreed agreed;
  wire::Variable& variable = *agreed.mutable_install()->add_variables();
  variable.set_name("root_password");
  variable.set_value("correct horse");
  agreed.mutable_bmc()->set_credential("par1-bmc");
  SecretSet from_message(7);
  find_in_message(agreed, from_message);
  EXPECT_TRUE(from_message.found_in("correct horse"));
  EXPECT_FALSE(from_message.found_in("par1-bmc"));
}

TEST(SecretFinder, FindsWhatTravelsInACommandAndWhatABmcCallsItsToken) {
  wire::Command command;
  wire::Agreed agreed;
  wire::Variable& variable = *agreed.mutable_install()->add_variables();
  variable.set_name("join-token");
  variable.set_value("abcdef.0123456789");
  command.mutable_order()->set_agreed(agreed.SerializeAsString());
  command.mutable_order()->mutable_issue()->add_image_urls(
      "https://ann:of-the-mirror@images/x?sig=of-the-url");
  wire::Data data;
  data.add_entries(command.SerializeAsString());
  wire::Envelope envelope;
  envelope.set_kind("data");
  envelope.set_payload(data.SerializeAsString());
  SecretSet secrets(7);
  find_in_input(MessageArrived{"metalmesh/par1/down", envelope.SerializeAsString()}, secrets);
  EXPECT_TRUE(secrets.found_in("abcdef.0123456789"));
  EXPECT_TRUE(secrets.found_in("of-the-mirror"));
  EXPECT_TRUE(secrets.found_in("of-the-url"));
  find_in_input(HttpReplied{"1", 201, {{"x-auth-token", "session-token-1"}}, "{}", ""}, secrets);
  EXPECT_TRUE(secrets.found_in("session-token-1"));
  find_in_input(HttpReplied{"1", 201, {}, R"({"Oem":{"Public":{"X-Auth-Token":"session-token-2"}}})", ""},
                secrets);
  EXPECT_TRUE(secrets.found_in("session-token-2"));
  find_in_input(ExchangeOpened{1, "GET", "/", {{"authorization", "Bearer bearer-token-1"}}, "", ""}, secrets);
  EXPECT_TRUE(secrets.found_in("bearer-token-1"));
  EXPECT_FALSE(secrets.found_in("Bearer"));
}

TEST(BlankFields, OverwritesFieldsAtAnyDepthAndNothingElse) {
  wire::Mount mount;
  mount.set_token("t");
  mount.set_answer("secret answer");
  wire::FileChange& change = *mount.add_changes();
  change.set_path("/a");
  change.set_content("content");
  std::string bytes = mount.SerializeAsString();
  blank_fields(bytes, {{4}, {7, 2}});
  wire::Mount after;
  ASSERT_TRUE(after.ParseFromString(bytes));
  EXPECT_EQ(after.token(), "t");
  EXPECT_EQ(after.answer(), "xxxxxxxxxxxxx");
  EXPECT_EQ(after.changes(0).path(), "/a");
  EXPECT_EQ(after.changes(0).content(), "xxxxxxx");
  std::string noise = "\x0a\xff\xff\xff\xff\x0f no message";
  const std::string before = noise;
  blank_fields(noise, {{1}, {1, 1}});
  EXPECT_EQ(noise, before);
}

}  // namespace
}  // namespace metalmesh::recording
