// Power: what it reads, what a reset does and when, and what the mains do.
#include <utility>

#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using Reply = std::optional<RedfishReply>;

bool resets(const Scene& scene) { return scene.asks("POST", reset_path); }
std::string type_of(const Scene& scene) { return string_at(parse_body(scene.request.body), "ResetType"); }
bool powers_on(const Scene& scene) {
  return resets(scene) && (type_of(scene) == "On" || type_of(scene) == "ForceOn");
}

bool has_installed(const Scene& scene) {
  const auto& installs = scene.host.installs();
  return !installs.empty() && (installs.back().completed || installs.back().died);
}

void ask_instead(Scene& scene, std::string_view type) {
  scene.request.body = json::serialize(json::object{{"ResetType", type}});
}

template <class Change>
void edit_system(Scene& scene, RedfishReply& reply, Change change) {
  if (scene.asks("GET", system_path)) edit(reply, change);
}

void offer(Scene& scene, RedfishReply& reply, const json::array& types) {
  edit_system(scene, reply, [&](json::object& body) {
    body["Actions"].as_object()["#ComputerSystem.Reset"].as_object()["ResetType@Redfish.AllowableValues"] =
        types;
  });
}

Reply not_offered(Scene& scene, std::string_view type) {
  if (!resets(scene) || type_of(scene) != type) return std::nullopt;
  return error_reply(400, "ActionParameterNotSupported", "ResetType: " + std::string(type));
}

void cut(BmcOptions& options, bool on, std::uint32_t percent, Duration length) {
  options.power_cut_at = on ? percent : 0;
  options.power_cut_for = length;
}

constexpr Fault table[] = {
    {.name = "power_state_null_blip",
     .does = "the second look at a host that went off reads PowerState null",
     .source = "metal-operator#601",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.asks("GET", system_path)) return;
           scene.own.count = scene.host.on() ? 0 : scene.own.count + 1;
           if (scene.own.count != 2 || !has_installed(scene)) return;
           edit(reply, [](json::object& body) { body["PowerState"] = nullptr; });
         }},
    {.name = "power_state_null",
     .does = "PowerState is null, always",
     .source = "metal-operator#601",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_system(scene, reply, [](json::object& body) { body["PowerState"] = nullptr; });
         }},
    {.name = "power_state_off_once",
     .does = "one look at a host that is on reads PowerState Off",
     .source = "common",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.asks("GET", system_path) || !scene.host.on() || scene.own.count++ > 0) return;
           edit(reply, [](json::object& body) { body["PowerState"] = "Off"; });
         }},
    {.name = "power_lag_20s",
     .does = "PowerState shows the old value for 20 s",
     .source = "common",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.now - scene.power_changed >= seconds(20)) return;
           edit_system(scene, reply,
                       [&](json::object& body) { body["PowerState"] = scene.host.on() ? "Off" : "On"; });
         }},
    {.name = "on_409_after_off",
     .does = "for 55 s after a power-off Reset On is 409 ActionParameterValueConflict",
     .source = "ironic bug 2162995",
     .instead = [](Scene& scene) -> Reply {
       const bool too_early = !scene.host.on() && scene.now - scene.power_changed < seconds(55);
       if (!powers_on(scene) || !too_early) return std::nullopt;
       return error_reply(409, "ActionParameterValueConflict",
                          "The parameter 'ResetType' with the requested value of 'On' does not meet the "
                          "constraints of the implementation.");
     }},
    {.name = "final_on_ignored_once",
     .does = "the first power-on after an install is 204, and nothing happens",
     .source = "infra-controller#595",
     .instead = [](Scene& scene) -> Reply {
       if (!powers_on(scene) || !has_installed(scene) || scene.own.count++ > 0) return std::nullopt;
       return no_content();
     }},
    {.name = "final_on_ignored",
     .does = "power-ons after an install are 204, and nothing happens",
     .source = "infra-controller#595",
     .instead = [](Scene& scene) -> Reply {
       if (!powers_on(scene) || !has_installed(scene)) return std::nullopt;
       return no_content();
     }},
    {.name = "push_button_lag",
     .does =
         "offers ForceOff, ForceRestart and PushPowerButton; the reply to a push that switches on is lost, "
         "and On shows after 20 s",
     .source = "Tacklebox#39",
     .instead = [](Scene& scene) -> Reply {
       if (Reply refused = not_offered(scene, "On")) return refused;
       if (Reply refused = not_offered(scene, "ForceOn")) return refused;
       if (Reply refused = not_offered(scene, "GracefulShutdown")) return refused;
       if (!resets(scene) || type_of(scene) != "PushPowerButton") return std::nullopt;
       scene.own.text = scene.host.on() ? "off" : "on";
       ask_instead(scene, scene.host.on() ? "ForceOff" : "On");
       return std::nullopt;
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           offer(scene, reply, {"ForceOff", "ForceRestart", "PushPowerButton"});
           if (resets(scene) && std::exchange(scene.own.text, {}) == "on") reply.drop = true;
           const bool lags = scene.host.on() && scene.now - scene.power_changed < seconds(20);
           if (lags) edit_system(scene, reply, [](json::object& body) { body["PowerState"] = "Off"; });
         }},
    {.name = "graceful_not_offered",
     .does = "offers On, ForceOff and ForceRestart only",
     .source = "flutter_server_box#1316",
     .instead = [](Scene& scene) -> Reply { return not_offered(scene, "GracefulShutdown"); },
     .alter = [](Scene& scene,
                 RedfishReply& reply) { offer(scene, reply, {"On", "ForceOff", "ForceRestart"}); }},
    {.name = "power_cut_6s_at_5",
     .does = "the host loses power for 6 s when its installer has read 5 %",
     .source = "mains",
     .knob = [](BmcOptions& options, bool on) { cut(options, on, 5, seconds(6)); }},
    {.name = "power_cut_6s_at_50",
     .does = "the host loses power for 6 s when its installer has read half",
     .source = "mains",
     .knob = [](BmcOptions& options, bool on) { cut(options, on, 50, seconds(6)); }},
    {.name = "power_cut_6s_at_100",
     .does = "the host loses power for 6 s when its installer has read everything",
     .source = "mains",
     .knob = [](BmcOptions& options, bool on) { cut(options, on, 100, seconds(6)); }},
    {.name = "power_cut_40s_at_50",
     .does = "the host loses power for 40 s when its installer has read half",
     .source = "mains",
     .knob = [](BmcOptions& options, bool on) { cut(options, on, 50, seconds(40)); }},
    {.name = "power_lost_at_14",
     .does = "the host goes off for good when its installer has read 14 %",
     .source = "thermal trip, a person",
     .knob = [](BmcOptions& options, bool on) { cut(options, on, 14, Duration()); }},
    {.name = "power_lost_at_50",
     .does = "the host goes off for good when its installer has read half",
     .source = "thermal trip, a person",
     .knob = [](BmcOptions& options, bool on) { cut(options, on, 50, Duration()); }},
};

}  // namespace

std::span<const Fault> power_faults() { return table; }

}  // namespace metalmesh::bmcsim
