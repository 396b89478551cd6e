// A controller node on a table: rows in a map, committed like the turn does it, requests by hand.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/digest.h"
#include "common/delivery/envelope_codec.h"
#include "common/delivery/topics.h"
#include "common/ports/entropy.h"
#include "common/ports/memory_rows.h"
#include "common/ports/signer.h"
#include "common/ports/store.h"
#include "controller/api/controller_node.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::controller {

class HashSigner final : public Signer, public Verifier {
 public:
  [[nodiscard]] SignatureBytes sign(std::string_view kind, std::string_view payload) const override {
    return {std::string(16, 'k'), sha256(kind, payload)};
  }
  [[nodiscard]] bool verify(std::string_view, std::string_view kind, std::string_view payload,
                            const SignatureBytes& signature) const override {
    return signature.bytes == sha256(kind, payload);
  }
};

class CountingEntropy final : public Entropy {
 public:
  [[nodiscard]] std::string bytes(std::size_t count) override {
    std::string out = sha256("entropy " + std::to_string(++drawn_));
    out.resize(count, 'e');
    return out;
  }

 private:
  int drawn_ = 0;
};

/// Those of a file and those of users, as in production.
class BenchCallers final : public Authenticator {
 public:
  explicit BenchCallers(const TokenTable& file) : file_(file) {}
  [[nodiscard]] std::optional<Principal> known(const std::string& sha256) const override {
    if (auto principal = file_.known(sha256)) return principal;
    const auto found = users_.find(sha256);
    return found == users_.end() ? std::nullopt : std::optional(found->second);
  }
  void learn(Callers users) override { users_ = std::move(users); }

 private:
  const TokenTable& file_;
  Callers users_;
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;

  [[nodiscard]] boost::json::value json() const {
    boost::json::error_code error;
    auto value = boost::json::parse(body, error);
    return error ? boost::json::value("not JSON: " + body) : value;
  }
  /// A member of the body as text; empty when it is missing.
  [[nodiscard]] std::string text(std::string_view name) const {
    const auto value = json();
    const auto* object = value.if_object();
    const auto* member = object == nullptr ? nullptr : object->if_contains(name);
    if (member == nullptr) return {};
    return member->is_string() ? std::string(member->get_string()) : boost::json::serialize(*member);
  }
};

class ApiBench {
 public:
  static constexpr std::size_t streams_most = 3;
  static constexpr std::size_t change_streams_most = 20;

  ApiBench() {
    tokens_ =
        TokenTable::parse("ada admin " + to_hex(sha256("admin-token")) + "\nops operator " +
                          to_hex(sha256("operator-token")) + "\nvic viewer " + to_hex(sha256("viewer-token")))
            .value();
    restart();
  }

  /// A new node over the same rows.
  void restart() {
    config::OsFamily appliance;
    appliance.set_name("appliance");
    ApiSettings settings{.version = "1.2.3",
                         .event_streams = {.most = streams_most},
                         .change_streams = {.most = change_streams_most}};
    settings.configuration = R"({"dataDir":"/var/lib/mm"})";
    settings.families.add(appliance).value();
    node_.emplace(rows_, signer_, signer_, entropy_, callers_, ControllerLimits{}, settings);
    run(Started{});
  }

  [[nodiscard]] const MemoryRows::Rows& rows() const { return rows_.rows(); }
  /// A backup is put back.
  void restore(MemoryRows::Rows rows) {
    node_.reset();
    rows_.restore(std::move(rows));
    restart();
  }

  /// Handles `input` and commits like the turn: rows first, then Committed, until no rows are left. Effects
  /// are returned in order; a timer is kept until pass().
  std::vector<Effect> run(const Input& input) {
    std::vector<Effect> effects;
    Outcome out = node_->handle(input, now());
    while (true) {
      const bool wrote = !out.rows.empty();
      rows_.commit(out.rows);
      for (Effect& effect : out.effects) {
        if (const auto* arm = std::get_if<TimerArm>(&effect)) timers_[arm->token] = arm->at;
        if (const auto* off = std::get_if<TimerDisarm>(&effect)) timers_.erase(off->token);
        effects.push_back(std::move(effect));
      }
      if (!wrote) return effects;
      out = node_->handle(Committed{}, now());
    }
  }

  /// Lets time go by and fires what is due.
  std::vector<Effect> pass(Duration time) {
    std::vector<Effect> effects;
    const MonoTime until = now_ + time;
    while (true) {
      auto next = timers_.end();
      for (auto at = timers_.begin(); at != timers_.end(); ++at) {
        if (at->second <= until && (next == timers_.end() || at->second < next->second)) next = at;
      }
      if (next == timers_.end()) break;
      now_ = std::max(now_, next->second);
      const std::string token = next->first;
      timers_.erase(next);
      for (Effect& effect : run(TimerFired{token})) effects.push_back(std::move(effect));
    }
    now_ = until;
    return effects;
  }

  /// The machine slept: what was due meanwhile is due now.
  void sleep(Duration time) { now_ += time; }

  /// Chunks of streams that requests brought along, for `id`.
  std::vector<Effect> take_chunks(ExchangeId id) {
    std::vector<Effect> own;
    std::erase_if(chunks_, [&](const ExchangeChunk& chunk) {
      if (chunk.id == id) own.emplace_back(chunk);
      return chunk.id == id;
    });
    return own;
  }

  HttpAnswer send(const std::string& method, const std::string& target, const std::string& body = {},
                  Headers headers = {}, const std::string& token = "admin-token") {
    if (!body.empty()) headers.emplace_back("content-type", "application/json");
    return raw(method, target, body, std::move(headers), token);
  }

  /// Without a Content-Type of its own, and without Authorization when `token` is empty.
  HttpAnswer raw(const std::string& method, const std::string& target, const std::string& body,
                 Headers headers, const std::string& token) {
    if (!token.empty()) headers.emplace_back("authorization", "Bearer " + token);
    const ExchangeId id = ++last_exchange_;
    HttpAnswer answer;
    for (const Effect& effect :
         run(ExchangeOpened{id, method, target, std::move(headers), body, "192.0.2.1:40000"})) {
      const auto* reply = std::get_if<ExchangeReply>(&effect);
      keep_chunk(effect);
      if (reply == nullptr || reply->id != id) continue;
      answer.status = reply->status;
      answer.body = reply->body;
      for (const auto& [name, value] : reply->headers) answer.headers[name] = value;
    }
    return answer;
  }

  HttpAnswer get(const std::string& target, Headers headers = {}) {
    return send("GET", target, {}, std::move(headers));
  }
  HttpAnswer put(const std::string& target, const std::string& body, Headers headers = {}) {
    return send("PUT", target, body, std::move(headers));
  }
  HttpAnswer post(const std::string& target, const std::string& body = {}) {
    return send("POST", target, body);
  }

  /// A user with a token, which is the name and "-token".
  void let_in(const std::string& name, const std::string& spec) {
    EXPECT_EQ(put("/api/v1/users/" + name, R"({"spec":)" + spec + "}").status / 100, 2) << spec;
    EXPECT_EQ(post("/api/v1/users/" + name + "/tokens", token_body(name + "-token")).status, 200);
  }
  static std::string token_body(const std::string& token) {
    return R"({"sha256":")" + to_hex(sha256(token)) + R"("})";
  }

  /// A site "par1" with credential "bmc", image "rocky", profile "base", and server "s1".
  void furnish() {
    put("/api/v1/sites/par1", R"({"spec":{"defaults":{"credential":"bmc"}}})");
    put("/api/v1/credentials/bmc", R"({"spec":{"site":"par1"}})");
    put("/api/v1/images/rocky", image);
    put("/api/v1/profiles/base", profile);
    put("/api/v1/servers/s1", server);
  }

  /// The site's agent says Hello and echoes the challenge: it is heard.
  void hear_site(const std::string& site) {
    wire::Hello hello;
    hello.set_incarnation("i1");
    hello.set_journal_id("j1");
    hello.set_next_seq(1);
    for (const char* nonce : {"n1", "n2"}) {
      hello.set_nonce(nonce);
      const auto effects =
          run(MessageArrived{topics::up(SiteName(site)), delivery::seal(signer_, "hello", hello)});
      for (const Effect& effect : effects) {
        keep_chunk(effect);
        const auto* sent = std::get_if<Publish>(&effect);
        const auto opened = sent == nullptr
                                ? std::nullopt
                                : std::optional(delivery::open(signer_, "controller", sent->payload));
        wire::Welcome welcome;
        if (opened && *opened && (*opened)->kind == "welcome" && welcome.ParseFromString((*opened)->payload))
          hello.set_echo(welcome.challenge());
      }
    }
  }

  Now now() const {
    const WallTime wall{std::chrono::seconds(1'772'488'800) + now_.time_since_epoch()};
    return {now_, wall - std::chrono::seconds(1), wall + std::chrono::seconds(1)};
  }
  [[nodiscard]] const MeshState& state() const { return node_->state(); }
  ControllerNode& node() { return *node_; }
  ExchangeId next_exchange() { return ++last_exchange_; }

  static constexpr char image[] =
      R"({"spec":{"family":"rhel","arch":"x86_64","iso":{"urls":["https://mirror.example/rocky.iso"],)"
      R"("sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","size":"1048576"}}})";
  static constexpr char profile[] =
      R"({"spec":{"family":"rhel","template":{"inline":"poweroff\n"},"proof":{"minimum":"poweroff"}}})";
  static constexpr char server[] =
      R"({"spec":{"site":"par1","bmc":{"address":"10.20.0.112","credential":"bmc"},"hostname":"s1.example","state":"new",)"
      R"("identity":{"uuid":"30373237-3132-4d32-3235-303930344e57","serial":"CZ2D4F0A1B"}}})";

 private:
  void keep_chunk(const Effect& effect) {
    if (const auto* chunk = std::get_if<ExchangeChunk>(&effect)) chunks_.push_back(*chunk);
  }

  std::vector<ExchangeChunk> chunks_;
  MemoryRows rows_;
  HashSigner signer_;
  CountingEntropy entropy_;
  TokenTable tokens_;
  BenchCallers callers_{tokens_};
  std::optional<ControllerNode> node_;
  std::map<std::string, MonoTime> timers_;
  MonoTime now_{std::chrono::hours(1)};
  ExchangeId last_exchange_ = 0;
};

}  // namespace metalmesh::controller
