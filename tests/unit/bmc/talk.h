// A dialogue with a scripted BMC: a tree of resources, behaviours by method and path, and a list of what was
// asked. Time passes only while the dialogue waits.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agents/bmc/dialogue.h"

namespace metalmesh::bmc {

class Talk {
 public:
  using Behaviour = std::function<std::variant<HttpReplied, HttpFailed>(const HttpRequest&)>;

  Talk() : Talk(redfish::Identity{uuid, serial, {}, {}}) {}
  explicit Talk(redfish::Identity expected, std::vector<std::string> left_over = {})
      : expected_(std::move(expected)), left_over_(std::move(left_over)) {
    tree = {
        {"/redfish/v1/", R"({"Systems":{"@odata.id":"/redfish/v1/Systems"},
           "Managers":{"@odata.id":"/redfish/v1/Managers"},"SessionService":{"@odata.id":"/redfish/v1/SessionService"},
           "Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}})"},
        {"/redfish/v1/Systems", list({"/redfish/v1/Systems/1"})},
        {"/redfish/v1/Systems/1", system("1", uuid, serial)},
        {"/redfish/v1/Systems/1/EthernetInterfaces", list({"/redfish/v1/Systems/1/EthernetInterfaces/1"})},
        {"/redfish/v1/Systems/1/EthernetInterfaces/1", R"({"MACAddress":"3C:A8:2A:00:00:01"})"},
        {"/redfish/v1/Managers", list({"/redfish/v1/Managers/1"})},
        {"/redfish/v1/Managers/1",
         R"({"@odata.id":"/redfish/v1/Managers/1","Model":"M","FirmwareVersion":"1.2"})"},
        {"/redfish/v1/Systems/1/VirtualMedia", list({"/redfish/v1/Systems/1/VirtualMedia/Cd"})},
        {"/redfish/v1/Systems/1/VirtualMedia/Cd", slot("/redfish/v1/Systems/1/VirtualMedia/Cd")},
    };
    begin();
  }
  /// Anew, as after a restart of the agent.
  void begin(Known known = {}, bool resumed = false) {
    Peer peer{"t", {}, true, resumed};
    peer.bmc.set_address("10.0.0.7");
    peer.bmc.set_credential("bmc");
    dialogue = Dialogue(std::move(peer), {}, expected_, left_over_, 1, known);
    arrived_.reset();
  }

  static constexpr const char* uuid = "4c4c4544-0043-4a10-8052-b4c04f4d3232";
  static constexpr const char* serial = "CZ2D4F0A1B";
  static std::string list(const std::vector<std::string>& members) {
    std::string out;
    for (const auto& each : members)
      out += (out.empty() ? "" : ",") + std::string(R"({"@odata.id":")") + each + "\"}";
    return R"({"Members":[)" + out + "]}";
  }
  static std::string system(const std::string& id, const std::string& its_uuid, const std::string& its_serial,
                            const std::string& more = "") {
    const std::string at = "/redfish/v1/Systems/" + id;
    return R"({"@odata.id":")" + at + R"(","UUID":")" + its_uuid + R"(","SerialNumber":")" + its_serial +
           R"(","PowerState":"Off","Boot":{"BootSourceOverrideEnabled":"Disabled"},
        "Actions":{"#ComputerSystem.Reset":{"target":")" +
           at + R"(/Actions/ComputerSystem.Reset",
        "ResetType@Redfish.AllowableValues":["On","ForceOff"]}},
        "EthernetInterfaces":{"@odata.id":")" +
           at + R"(/EthernetInterfaces"},
        "VirtualMedia":{"@odata.id":")" +
           at + R"(/VirtualMedia"},
        "Links":{"ManagedBy":[{"@odata.id":"/redfish/v1/Managers/1"}]})" +
           more + "}";
  }
  static std::string slot(const std::string& uri) {
    return R"({"@odata.id":")" + uri + R"(","Id":"Cd","MediaTypes":["CD"],"Image":null,"Inserted":false,
      "Actions":{"#VirtualMedia.InsertMedia":{"target":")" +
           uri + R"(/Actions/VirtualMedia.InsertMedia"}}})";
  }
  static HttpReplied reply(int status, std::string body = "", Headers headers = {}) {
    return {"", status, std::move(headers), std::move(body), ""};
  }
  static HttpReplied words(int status, const std::string& id, const std::string& text = "no") {
    return reply(status, R"({"error":{"@Message.ExtendedInfo":[{"MessageId":"Base.1.8.)" + id +
                             R"(","Message":")" + text + R"("}]}})");
  }
  static HttpFailed failed(HttpFailure failure) { return {"", failure, "scripted"}; }

  /// Asks until it is answered, or there is trouble, or nothing happens any more.
  bool ask(const std::function<Verdict(Turn&)>& question) {
    trouble.reset();
    const MonoTime began = now.mono;
    while (now.mono - began < std::chrono::minutes(20) && asked.size() < 2000) {
      Turn turn(now, random);
      turn.patience = patience;
      turn.may_log_in = may_log_in;
      if (arrived_)
        std::visit([&](const auto& input) { dialogue.take(turn, input); }, *std::exchange(arrived_, {}));
      const bool done = !turn.trouble && !turn.request && question(turn) == Verdict::done;
      login_refusals += turn.login_refused ? 1 : 0;
      login_accepted |= turn.login_accepted;
      notes.insert(notes.end(), turn.notes.begin(), turn.notes.end());
      if (turn.request) serve(*turn.request);
      if (turn.trouble) {
        trouble = turn.trouble;
        return false;
      }
      if (done) return true;
      if (!arrived_) {
        if (!turn.wake) return false;
        now.mono = std::max(now.mono, *turn.wake);
      }
    }
    return false;
  }
  bool open() {
    return ask([&](Turn& turn) { return dialogue.open(turn); });
  }
  bool connect() {
    return ask([&](Turn& turn) { return dialogue.connect(turn); });
  }
  bool identify() {
    return ask([&](Turn& turn) {
      return dialogue.connect(turn) == Verdict::done ? dialogue.identify(turn) : Verdict::busy;
    });
  }
  bool find_slots() {
    return ask([&](Turn& turn) {
      return dialogue.connect(turn) == Verdict::done ? dialogue.find_slots(turn) : Verdict::busy;
    });
  }
  bool close() {
    return ask([&](Turn& turn) { return dialogue.close(turn, true); });
  }
  /// A changing call and its answer; nothing when it was not sent.
  std::optional<Answer> act(Ask what, redfish::Request request) {
    bool sent = false;
    std::optional<Answer> answer;
    ask([&](Turn& turn) {
      if (!std::exchange(sent, true)) return dialogue.act(turn, what, request);
      if (dialogue.has_task() && dialogue.follow_task(turn) == Verdict::busy) return Verdict::busy;
      answer = dialogue.take_answer(what);
      return answer ? Verdict::done : Verdict::busy;
    });
    return answer;
  }
  [[nodiscard]] int times(const std::string& request) const {
    return static_cast<int>(std::count(asked.begin(), asked.end(), request));
  }

  std::map<std::string, std::string> tree;   // GETs that are answered 200
  std::map<std::string, Behaviour> behaves;  // "POST /path", before anything else
  std::vector<std::string> asked;            // "GET /path"
  std::vector<HttpRequest> requests;
  std::set<std::string> sessions;  // open ones
  std::vector<std::string> notes;
  std::optional<Trouble> trouble;
  std::optional<Duration> patience = std::chrono::seconds(45);
  bool may_log_in = true;
  int login_refusals = 0;
  bool login_accepted = false;
  Now now{MonoTime(std::chrono::hours(1)), {}, {}};
  Random random{7};
  Dialogue dialogue;

 private:
  void serve(const HttpRequest& request) {
    const std::string path = request.url.substr(request.url.find('/', 8));
    const std::string line = request.method + " " + path;
    asked.push_back(line);
    requests.push_back(request);
    auto answer = behave(line, path, request);
    std::visit([&](auto& input) { input.id = request.id; }, answer);
    if (auto* replied = std::get_if<HttpReplied>(&answer); replied && replied->peer_key_sha256.empty())
      replied->peer_key_sha256 = "aa11";
    arrived_ = std::move(answer);
  }
  std::variant<HttpReplied, HttpFailed> behave(const std::string& line, const std::string& path,
                                               const HttpRequest& request) {
    if (const auto found = behaves.find(line); found != behaves.end()) return found->second(request);
    if (line == "POST /redfish/v1/SessionService/Sessions") {
      const std::string uri = path + "/" + std::to_string(++last_session_);
      sessions.insert(uri);
      return reply(201, "{}", {{"x-auth-token", "t"}, {"location", uri}});
    }
    if (request.method == "DELETE") return reply(sessions.erase(path) == 1 ? 204 : 404);
    if (const auto found = tree.find(path); request.method == "GET" && found != tree.end())
      return reply(200, found->second);
    return words(request.method == "GET" ? 404 : 405, "ResourceMissingAtURI");
  }

  redfish::Identity expected_;
  std::vector<std::string> left_over_;
  std::optional<std::variant<HttpReplied, HttpFailed>> arrived_;
  int last_session_ = 0;
};

}  // namespace metalmesh::bmc
