// What every implementation of ports/http_client promises, whoever is at the other end.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/ports/input.h"

namespace metalmesh::contract {

class HttpWorld {
 public:
  enum class Peer {
    well,      // a BMC as it should be: the model of tests/bmcsim, with two Link headers in every answer
    slow,      // the same, but GET of its system takes longer than anybody waits
    cuts,      // takes a request and ends the connection before the answer is whole
    slams,     // takes connections and ends them before a word of TLS
    old_tls,   // has nothing newer than TLS 1.0
    nobody,    // nothing listens
    nameless,  // a name that does not resolve
  };
  virtual ~HttpWorld() = default;
  /// scheme://address of a peer.
  virtual std::string base(Peer peer) = 0;
  /// SHA-256 of the key that those BMCs show which have a key.
  virtual std::string key(Peer peer) = 0;
  virtual void start(HttpRequest request) = 0;
  /// HttpReplied and HttpFailed, in the order of their coming.
  virtual std::vector<Input> answers() = 0;
  /// What a BMC that is well, or slow, was asked, as "GET /path", in order.
  virtual std::vector<std::string> asked(Peer peer) = 0;
  /// Lets time pass until `done` holds; false when it does not within a reasonable time.
  virtual bool wait(const std::function<bool()>& done) = 0;
  virtual void pass(Duration time) = 0;
  /// The process ends, and comes back.
  virtual void restart() = 0;
};

struct HttpWorldKind {
  std::string name;
  std::function<std::unique_ptr<HttpWorld>()> make;
};
inline void PrintTo(const HttpWorldKind& kind, std::ostream* out) { *out << kind.name; }

using namespace std::chrono_literals;

inline constexpr char root[] = "/redfish/v1/";
inline constexpr char system_of_bmc[] = "/redfish/v1/Systems/1";
inline constexpr char sessions[] = "/redfish/v1/SessionService/Sessions";

class HttpContract : public testing::TestWithParam<HttpWorldKind> {
 protected:
  using Peer = HttpWorld::Peer;
  void SetUp() override {
    world_ = GetParam().make();
    ASSERT_NE(world_, nullptr) << "the world could not be built";
  }
  HttpRequest request(Peer peer, const std::string& method = "GET", const std::string& path = root) {
    HttpRequest request;
    request.id = "r" + std::to_string(++last_id_);
    request.method = method;
    request.url = world_->base(peer) + path;
    request.pin_sha256 = world_->key(peer);
    request.timeout = 5s;
    return request;
  }
  HttpRequest login(Peer peer) {
    HttpRequest login = request(peer, "POST", sessions);
    login.body = std::string(R"({"UserName":")") + credential_user_placeholder + R"(","Password":")" +
                 credential_password_placeholder + R"("})";
    login.credential = "rack";
    return login;
  }
  [[nodiscard]] static std::string id_of(const Input& answer) {
    const auto* replied = std::get_if<HttpReplied>(&answer);
    return replied != nullptr ? replied->id : std::get<HttpFailed>(answer).id;
  }
  std::vector<std::string> ids() {
    std::vector<std::string> ids;
    for (const Input& answer : world_->answers()) ids.push_back(id_of(answer));
    return ids;
  }
  Input answer_to(HttpRequest request) {
    const std::size_t before = world_->answers().size();
    const std::string id = request.id;
    world_->start(std::move(request));
    EXPECT_TRUE(world_->wait([&] { return world_->answers().size() > before; })) << id << " was not answered";
    const auto answers = world_->answers();
    if (answers.size() <= before) return HttpFailed{};
    EXPECT_EQ(id_of(answers.back()), id);
    return answers.back();
  }
  HttpReplied reply_to(HttpRequest request) {
    const Input answer = answer_to(std::move(request));
    if (const auto* replied = std::get_if<HttpReplied>(&answer)) return *replied;
    ADD_FAILURE() << "no reply: " << std::get<HttpFailed>(answer).detail;
    return {};
  }
  HttpFailed failure_of(HttpRequest request) {
    const Input answer = answer_to(std::move(request));
    if (const auto* failed = std::get_if<HttpFailed>(&answer)) return *failed;
    ADD_FAILURE() << "it was answered: " << std::get<HttpReplied>(answer).status;
    return {};
  }

  std::unique_ptr<HttpWorld> world_;
  int last_id_ = 0;
};

TEST_P(HttpContract, every_status_is_an_answer) {
  const HttpReplied good = reply_to(request(Peer::well));
  EXPECT_EQ(good.status, 200);
  EXPECT_THAT(good.body, testing::HasSubstr("RedfishVersion"));
  EXPECT_EQ(reply_to(request(Peer::well, "GET", system_of_bmc)).status, 401);
  EXPECT_EQ(reply_to(request(Peer::well, "POST", sessions)).status / 100, 4);
}

TEST_P(HttpContract, names_of_headers_are_lower_case_and_those_of_one_name_stay_apart) {
  std::vector<std::string> links;
  int types = 0;
  for (const auto& [name, value] : reply_to(request(Peer::well)).headers) {
    EXPECT_EQ(name.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos) << name;
    if (name == "link") links.push_back(value);
    if (name == "content-type") ++types;
  }
  EXPECT_THAT(links,
              testing::ElementsAre(testing::HasSubstr("JsonSchemas"), testing::HasSubstr("$metadata")));
  EXPECT_EQ(types, 1);
}

TEST_P(HttpContract, a_credential_is_filled_in_and_one_that_is_missing_is_told_before_anybody_is_asked) {
  const HttpReplied in = reply_to(login(Peer::well));
  EXPECT_EQ(in.status, 201);
  EXPECT_THAT(in.headers, testing::Contains(testing::Key("x-auth-token")));
  for (const Peer peer : {Peer::well, Peer::nobody}) {
    HttpRequest missing = login(peer);
    missing.credential = "of nobody";
    EXPECT_EQ(failure_of(missing).failure, HttpFailure::no_credential);
    HttpRequest unnamed = login(peer);
    unnamed.credential.reset();
    EXPECT_EQ(failure_of(unnamed).failure, HttpFailure::no_credential);
  }
  EXPECT_EQ(world_->asked(Peer::well).size(), 1U);
}

TEST_P(HttpContract, the_key_that_was_shown_comes_with_the_answer_and_a_wrong_one_gets_no_request) {
  const std::string key = world_->key(Peer::well);
  EXPECT_EQ(reply_to(request(Peer::well)).peer_key_sha256, key);
  HttpRequest first = request(Peer::well);
  first.trust = TlsTrust::capture;
  first.pin_sha256.clear();
  EXPECT_EQ(reply_to(first).peer_key_sha256, key);
  HttpRequest wrong = request(Peer::well, "POST", sessions);
  wrong.pin_sha256 = std::string(64, '0');
  const HttpFailed changed = failure_of(wrong);
  EXPECT_EQ(changed.failure, HttpFailure::key_changed);
  EXPECT_EQ(changed.detail, key);
  EXPECT_THAT(world_->asked(Peer::well), testing::ElementsAre("GET /redfish/v1/", "GET /redfish/v1/"));
}

TEST_P(HttpContract, failures_are_told_apart) {
  HttpRequest late = request(Peer::slow, "GET", system_of_bmc);
  late.timeout = 500ms;
  HttpRequest large = request(Peer::well, "GET", system_of_bmc);
  large.reply_limit = 20;
  HttpRequest malformed = request(Peer::well);
  malformed.url = "nonsense";
  HttpRequest split = request(Peer::well);
  split.headers = {{"X-Token", "a\r\nX-Evil: 1"}};
  const std::vector<std::pair<HttpRequest, HttpFailure>> table = {
      {request(Peer::nobody), HttpFailure::refused},
      {request(Peer::nameless), HttpFailure::name_unknown},
      {request(Peer::slams), HttpFailure::refused},  // nothing was sent, so nothing can have happened
      {request(Peer::slams, "POST", sessions), HttpFailure::refused},
      {request(Peer::old_tls), HttpFailure::tls_refused},
      {request(Peer::cuts, "POST", sessions), HttpFailure::dropped},
      {late, HttpFailure::timed_out},
      {large, HttpFailure::too_large},
      {malformed, HttpFailure::refused},
      {split, HttpFailure::refused},
  };
  for (const auto& [sent, expected] : table) {
    const HttpFailed failed = failure_of(sent);
    EXPECT_EQ(failed.failure, expected) << sent.method << " " << sent.url << ": " << failed.detail;
    EXPECT_FALSE(failed.detail.empty()) << sent.url;
  }
}

TEST_P(HttpContract, a_reply_of_just_the_limit_is_taken) {
  const std::string body = reply_to(request(Peer::well, "GET", system_of_bmc)).body;
  HttpRequest exact = request(Peer::well, "GET", system_of_bmc);
  exact.reply_limit = static_cast<std::uint32_t>(body.size());
  EXPECT_EQ(reply_to(exact).body, body);
  HttpRequest less = request(Peer::well, "GET", system_of_bmc);
  less.reply_limit = exact.reply_limit - 1;
  EXPECT_EQ(failure_of(less).failure, HttpFailure::too_large);
}

TEST_P(HttpContract, one_bmc_is_asked_in_the_order_given_and_answers_in_it) {
  std::vector<std::string> sent;
  std::vector<std::string> ids_sent;
  for (int i = 0; i < 12; ++i) {
    HttpRequest next = request(Peer::well, i % 3 == 0 ? "PATCH" : "GET", "/redfish/v1/" + std::to_string(i));
    sent.push_back(next.method + " /redfish/v1/" + std::to_string(i));
    ids_sent.push_back(next.id);
    world_->start(std::move(next));
  }
  ASSERT_TRUE(world_->wait([&] { return world_->answers().size() >= sent.size(); }));
  world_->pass(100ms);
  EXPECT_EQ(ids(), ids_sent) << "each once, in order";
  EXPECT_EQ(world_->asked(Peer::well), sent);
}

TEST_P(HttpContract, who_is_silent_holds_up_its_own_requests_alone_and_their_time_begins_when_they_are_sent) {
  HttpRequest late = request(Peer::slow, "GET", system_of_bmc);  // r1
  late.timeout = 1500ms;
  HttpRequest behind = request(Peer::slow);  // r2
  behind.timeout = 1s;
  HttpRequest behind_too = request(Peer::slow);  // r3
  behind_too.timeout = 1s;
  for (const HttpRequest& one : {late, behind, behind_too, request(Peer::well)}) world_->start(one);
  ASSERT_TRUE(world_->wait([&] { return world_->answers().size() >= 4; }));
  EXPECT_THAT(ids(), testing::ElementsAre("r4", "r1", "r2", "r3"));
  const auto answers = world_->answers();
  EXPECT_EQ(std::get<HttpFailed>(answers[1]).failure, HttpFailure::timed_out);
  for (const std::size_t i : {2U, 3U}) EXPECT_TRUE(std::holds_alternative<HttpReplied>(answers[i])) << i;
}

TEST_P(HttpContract, who_is_gone_hears_nothing_and_what_waited_is_never_sent) {
  world_->start(request(Peer::slow, "GET", system_of_bmc));
  world_->start(request(Peer::slow, "POST", sessions));
  world_->restart();
  EXPECT_EQ(reply_to(request(Peer::slow)).status, 200);
  world_->pass(6s);
  EXPECT_EQ(world_->answers().size(), 1U);
  EXPECT_THAT(world_->asked(Peer::slow), testing::Not(testing::Contains(std::string("POST ") + sessions)));
}

}  // namespace metalmesh::contract
