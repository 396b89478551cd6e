// A BMC that answers anything, in any order: each answer is chosen by a few bytes, its body by a template or
// by the bytes themselves. Once the machine has told another serial than it should, nothing that changes
// anything is sent.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "agents/bmc/dialogue.h"
#include "tests/fuzz/invariant.h"

namespace {

using namespace metalmesh;
using bmc::Verdict;

constexpr char right_uuid[] = "4c4c4544-0043-4a10-8052-b4c04f4d3232";

std::string system_body(std::string_view serial) {
  return R"({"@odata.id":"/redfish/v1/Systems/1","UUID":")" + std::string(right_uuid) +
         R"(","SerialNumber":")" + std::string(serial) +
         R"(","PowerState":"Off","Boot":{"BootSourceOverrideEnabled":"Disabled"},
    "@Redfish.Settings":{"SettingsObject":{"@odata.id":"/redfish/v1/Systems/1/SD"}},
    "Actions":{"#ComputerSystem.Reset":{}},"VirtualMedia":{"@odata.id":"/redfish/v1/Systems/1/VirtualMedia"},
    "EthernetInterfaces":{"@odata.id":"/redfish/v1/Systems/1/Nics"},"Links":{"Chassis":[{"@odata.id":"/c"}]}})";
}

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  [[nodiscard]] bool empty() const { return size_ == 0; }
  std::uint8_t next() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::string text(std::size_t most) {
    std::string out;
    while (out.size() < most && size_ > 0) out += static_cast<char>(next());
    return out;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

struct Play {
  explicit Play(Bytes given) : bytes(given) {
    bmc::Peer peer{"f", {}, true};
    peer.bmc.set_address("10.0.0.7");
    const redfish::Identity expected{right_uuid, "RIGHT123", {}, {"3c:a8:2a:00:00:01"}, {}};
    dialogue = bmc::Dialogue(std::move(peer), {}, expected, {"/old"}, 1);
  }

  std::string body() {
    switch (bytes.next() % 10) {
      case 0:
      case 1:
        return system_body("RIGHT123");
      case 2:
        return system_body("WRONG456");
      case 3:
        return R"({"Members":[{"@odata.id":"/redfish/v1/Systems/1"}]})";
      case 4:
        return R"({"MACAddress":"3C:A8:2A:00:00:01"})";
      case 5:
        return R"({"Id":"Cd","MediaTypes":["CD"],"Actions":{"#VirtualMedia.InsertMedia":{}},"@odata.id":"/s"})";
      case 6:
        return R"({"TaskState":"Pending","@odata.type":"#Task.v1","@odata.id":"/t"})";
      case 7:
        return R"({"error":{"@Message.ExtendedInfo":{"MessageId":"Base.1.0.PropertyNotWritable","Message":"no"}}})";
      case 8:
        return {};
      default:
        return bytes.text(bytes.next());
    }
  }

  void answer(bmc::Turn& turn, const HttpRequest& request) {
    constexpr std::array<int, 20> statuses = {200, 200, 200, 200, 200, 201, 202, 204, 301, 308,
                                              400, 401, 403, 404, 405, 406, 409, 412, 500, 503};
    const std::uint8_t kind = bytes.next();
    if (kind >= 250) {
      dialogue.take(turn, HttpFailed{request.id, static_cast<HttpFailure>(kind - 250), "fuzz"});
      return;
    }
    HttpReplied reply{request.id, statuses[kind % statuses.size()], {}, body(), "aa"};
    const std::uint8_t more = bytes.next();
    if ((more & 1U) != 0) reply.headers.emplace_back("x-auth-token", "t");
    if ((more & 2U) != 0)
      reply.headers.emplace_back("location", (more & 4U) != 0 ? bytes.text(20) : "/redfish/v1/x/");
    if ((more & 8U) != 0) reply.headers.emplace_back("www-authenticate", "Basic");
    if ((more & 16U) != 0) reply.headers.emplace_back("etag", bytes.text(6));
    const bool reads_it = request.method == "GET" && dialogue.identified() && dialogue.system() &&
                          request.url.ends_with(dialogue.system()->uri) && !request.url.ends_with("/SD");
    const bool tells_another = reply.status == 200 && reply.body == system_body("WRONG456");
    dialogue.take(turn, reply);
    if (!reads_it || !tells_another || !dialogue.logged_in()) return;
    look(turn);
    if (dialogue.contradicted()) another = true;
  }

  /// What another machine tells is never handed out.
  const redfish::System* look(bmc::Turn& turn) {
    const redfish::System* system = dialogue.look(turn);
    MM_CLAIM(system == nullptr || system->identity.serial != "WRONG456");
    return system;
  }

  /// One of the things that a work does, as the bytes say.
  void go_on(bmc::Turn& turn) {
    if (dialogue.connect(turn) == Verdict::busy) return;
    if (dialogue.has_task() && dialogue.follow_task(turn) == Verdict::busy) return;
    switch (bytes.next() % 8) {
      case 0:
        dialogue.find_slots(turn);
        return;
      case 1:
        dialogue.look_again(turn, std::chrono::seconds(1));
        return;
      case 2:
        dialogue.survey(turn);
        return;
      case 3:
        dialogue.look_at_slot(turn, "/s");
        return;
      case 4:
        if (dialogue.identify(turn) == Verdict::done && look(turn) != nullptr)
          dialogue.act(turn, bmc::Ask::boot, redfish::boot_once(*dialogue.system(), true, {}));
        return;
      case 5:
        if (dialogue.identify(turn) == Verdict::done)
          dialogue.act(turn, bmc::Ask::reset, redfish::reset(dialogue.system()->reset, "On"));
        return;
      case 6:
        dialogue.forget_identity();
        dialogue.identify(turn);
        return;
      default:
        dialogue.close(turn, false);
    }
  }

  void run() {
    std::optional<HttpRequest> request;
    for (int i = 0; i < 400 && !bytes.empty(); ++i) {
      now.mono += std::chrono::seconds(1);
      bmc::Turn turn(now, random);
      turn.patience = std::chrono::seconds(45);
      if (request) answer(turn, *std::exchange(request, std::nullopt));
      if (!turn.request && !turn.trouble) go_on(turn);
      if (!turn.request) continue;
      const bool logs_in = turn.request->credential && !turn.request->basic;
      const bool changes = turn.request->method == "PATCH" || (turn.request->method == "POST" && !logs_in);
      MM_CLAIM(!(another && changes));
      MM_CLAIM(turn.request->url.starts_with("https://10.0.0.7/"));
      request = std::move(turn.request);
    }
  }

  Bytes bytes;
  bool another = false;  // that it is another machine was told
  Now now{};
  Random random{1};
  bmc::Dialogue dialogue;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play play(Bytes(data, size));
  play.run();
  return 0;
}
