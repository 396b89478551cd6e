// Tokens, roles, conditional requests and label selectors: the small languages of the API.
#include "controller/api/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/digest.h"
#include "controller/api/label_selector.h"
#include "controller/api/preconditions.h"
#include "controller/api/problem.h"

namespace metalmesh::controller {
namespace {

using ::testing::HasSubstr;

std::string line(const std::string& name, const std::string& role, const std::string& token) {
  return name + " " + role + " " + to_hex(sha256(token)) + "\n";
}

TEST(TokenTable, KnowsItsTokensAndNoOthers) {
  const auto table =
      TokenTable::parse("# people\n\n" + line("ada", "admin", "t1") + line("ada", "admin", "t2") + "  " +
                        line("bob", "viewer", "t3") + line("ops", "operator", "t4"));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->size(), 4U);
  const auto caller = [](const char* name, Role role, const char* token) {
    return Principal{.name = name, .role = role, .token = to_hex(sha256(token))};
  };
  EXPECT_EQ(table->authenticate("t2"), caller("ada", Role::admin, "t2"));
  EXPECT_EQ(table->authenticate("t3"), caller("bob", Role::viewer, "t3"));
  EXPECT_EQ(table->authenticate("t4"), caller("ops", Role::operator_, "t4"));
  for (const std::string& token :
       {std::string(), std::string("t"), std::string("t11"), to_hex(sha256("t1")), std::string(600, 'x')}) {
    EXPECT_EQ(table->authenticate(token), std::nullopt) << token;
  }
}

TEST(TokenTable, SaysWhichLineIsWrong) {
  const auto refused = [](const std::string& text) {
    const auto table = TokenTable::parse(text);
    return table ? std::string("accepted") : table.error().message;
  };
  EXPECT_THAT(refused("a admin\n"), HasSubstr("line 1: expected"));
  EXPECT_THAT(refused("\n" + line("a", "root", "t")), HasSubstr("line 2: role \"root\""));
  EXPECT_THAT(refused("a admin abcd\n"), HasSubstr("64 hex digits"));
  EXPECT_THAT(refused("a admin " + std::string(64, 'z')), HasSubstr("64 hex digits"));
}

TEST(BearerToken, TakesTheSchemeInAnyCaseAndOneWord) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bearer   abc"), "abc");
  for (const char* header : {"", "Bearer", "Bearer ", "Basic abc", "Bearerabc", "Bearer a b", "Token abc"}) {
    EXPECT_EQ(bearer_token(header), std::nullopt) << header;
  }
}

TEST(LocalPrincipal, IsAnAdminOfItsOwnNameAndNobodyFromTheNetwork) {
  EXPECT_EQ(local_principal("unix:root"), (Principal{"unix:root", Role::admin}));
  for (const char* peer : {"127.0.0.1:5000", "[::1]:5000", "unknown", ""})
    EXPECT_EQ(local_principal(peer), std::nullopt);
}

ApiRequest with_header(const std::string& name, const std::string& value) {
  ApiRequest request;
  request.headers = {{name, value}};
  return request;
}

/// The condition as text, so that a missing one and 0 read differently.
std::string condition(const ApiRequest& request, std::uint64_t current) {
  const auto result = write_condition(request, current == 0 ? ObjectTag() : ObjectTag{current, "a1", "cafe"});
  if (!result) return "refused " + std::to_string(result.error().status);
  return *result ? std::to_string(**result) : "none";
}

TEST(Preconditions, IfMatchIsTheVersionTheWriterSaw) {
  EXPECT_EQ(condition({}, 7), "none");
  EXPECT_EQ(condition(with_header("if-match", "\"7-a1\""), 7), "7");
  // A stale version is for the core to refuse: it may be the repetition of a request it has already served.
  EXPECT_EQ(condition(with_header("if-match", "\"6-a1\""), 7), "6");
  // Live facts are not what a writer has to have seen.
  EXPECT_EQ(condition(with_header("if-match", "\"7-a1-0000\""), 7), "7");
  // The number was given again after a restore.
  EXPECT_EQ(condition(with_header("if-match", "\"7-b2\""), 7), "refused 412");
  EXPECT_EQ(condition(with_header("if-match", "\"5-a1\" , W/\"7-a1\",\"7-a1\""), 7), "7");
  EXPECT_EQ(condition(with_header("if-match", "*"), 7), "none");
  EXPECT_EQ(condition(with_header("if-none-match", "*"), 0), "0");
}

TEST(Preconditions, WhatCanNeverMatchIs412AndWhatIsMalformedIs400) {
  const auto with = [](const std::string& name, const std::string& value, std::uint64_t current) {
    return condition(with_header(name, value), current);
  };
  EXPECT_EQ(with("if-match", "*", 0), "refused 412");
  EXPECT_EQ(with("if-match", "W/\"7-a1\"", 7), "refused 412");
  EXPECT_EQ(with("if-match", "\"7\"", 7), "refused 412");
  EXPECT_EQ(with("if-match", "\"abc\"", 7), "refused 412");
  EXPECT_EQ(with("if-match", "\"0-a1\"", 0), "refused 412");
  for (const char* value : {"", "7", "\"7", "\"7\",", "\"7\" \"8\"", "w/\"7\"", "* \"7\""}) {
    EXPECT_EQ(with("if-match", value, 7), "refused 400") << value;
  }
  EXPECT_EQ(with("if-none-match", "\"7\"", 7), "refused 400");
  ApiRequest both = with_header("if-match", "\"7\"");
  both.headers.emplace_back("if-none-match", "*");
  EXPECT_EQ(condition(both, 7), "refused 400");
}

TEST(Preconditions, ReadsCompareWeakly) {
  const ObjectTag tag{7, "a1"};
  EXPECT_EQ(not_modified({}, tag), false);
  EXPECT_EQ(not_modified(with_header("if-none-match", "\"7-a1\""), tag), true);
  EXPECT_EQ(not_modified(with_header("if-none-match", "W/\"7-a1\""), tag), true);
  EXPECT_EQ(not_modified(with_header("if-none-match", "*"), tag), true);
  EXPECT_EQ(not_modified(with_header("if-none-match", "\"6-a1\""), tag), false);
  EXPECT_EQ(not_modified(with_header("if-none-match", "\"7-b2\""), tag), false);
  EXPECT_EQ(not_modified(with_header("if-none-match", "\"7-a1\""), {7, "a1", "cafe"}), false);
  EXPECT_EQ(not_modified(with_header("if-none-match", "\"7-a1-cafe\""), {7, "a1", "cafe"}), true);
  EXPECT_FALSE(not_modified(with_header("if-none-match", "7"), tag));
}

TEST(LabelSelector, AllTermsMustHold) {
  google::protobuf::Map<std::string, std::string> labels;
  labels["role"] = "web";
  labels["rack"] = "r01";
  const auto holds = [&](const char* text) {
    const auto selector = LabelSelector::parse(text);
    EXPECT_TRUE(selector) << text;
    return selector && selector->matches(labels);
  };
  for (const char* text :
       {"role=web", "role==web", "role=web,rack!=r02", "role", "!spare", "spare!=x", " role = web , rack "}) {
    EXPECT_TRUE(holds(text)) << text;
  }
  for (const char* text : {"role=db", "role=web,rack=r02", "spare", "!role", "role!=web", "role="}) {
    EXPECT_FALSE(holds(text)) << text;
  }
  EXPECT_TRUE(LabelSelector().matches(labels));
}

TEST(LabelSelector, RefusesWhatItCannotRead) {
  for (const char* text : {"", ",", "a=b,", "=b", "!", "a=b=c", "a in (b)", "a>1", "!a=b"}) {
    EXPECT_FALSE(LabelSelector::parse(text)) << text;
  }
}

TEST(Problem, EveryErrorKindHasAStatusWithWords) {
  for (const ErrorKind kind :
       {ErrorKind::invalid, ErrorKind::not_found, ErrorKind::conflict, ErrorKind::denied,
        ErrorKind::unavailable, ErrorKind::timeout, ErrorKind::unsupported, ErrorKind::corrupt,
        ErrorKind::exhausted, ErrorKind::internal}) {
    const int status = status_of(kind);
    EXPECT_EQ(slug_of(status) == "internal", status == 500) << status;
  }
}

TEST(Problem, SaysWhatWhereAndWhatNext) {
  const ApiReply reply =
      to_reply({422, "no such site", "spec.site", "apply the site first", {}}, "/api/v1/servers/a");
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.content_type, "application/problem+json");
  EXPECT_EQ(
      reply.body,
      R"({"type":"urn:metalmesh:problem:refused","title":"The request was understood and refused","status":422,)"
      R"("detail":"no such site","instance":"/api/v1/servers/a","field":"spec.site","next":"apply the site first"})");
}

}  // namespace
}  // namespace metalmesh::controller
