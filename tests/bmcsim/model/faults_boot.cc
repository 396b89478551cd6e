// The boot override: where it lives, what it is called, and what becomes of it.
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using Reply = std::optional<RedfishReply>;

constexpr std::string_view settings_path = "/redfish/v1/Systems/1/Settings";

bool patches(const Scene& scene) { return scene.asks("PATCH", system_path); }
bool reads_system(const Scene& scene) { return scene.asks("GET", system_path); }

template <class Change>
void edit_boot(Scene& scene, RedfishReply& reply, Change change) {
  if (!reads_system(scene)) return;
  edit(reply, [&](json::object& body) { change(body["Boot"].as_object()); });
}

json::value asked_for(const Scene& scene) { return parse_body(scene.request.body); }

std::string asked_boot(const Scene& scene, std::string_view key) {
  const json::value body = asked_for(scene);
  const auto* boot = body.is_object() ? body.as_object().if_contains("Boot") : nullptr;
  return boot == nullptr ? std::string() : string_at(*boot, key);
}

void ask_instead(Scene& scene, std::string_view key, std::string_view value) {
  json::value body = asked_for(scene);
  body.as_object()["Boot"].as_object()[key] = value;
  scene.request.body = json::serialize(body);
}

void forget_override(Scene& scene, const RedfishReply& reply) {
  if (!patches(scene) || reply.status >= 300) return;
  scene.host.set_override("Disabled");
  scene.own.acted = true;
}

constexpr Fault table[] = {
    {.name = "once_becomes_continuous",
     .does = "an override Once is taken, and reads back as Continuous",
     .source = "kubevirtbmc#165, sushy-tools",
     .instead = [](Scene& scene) -> Reply {
       if (patches(scene) && asked_boot(scene, "BootSourceOverrideEnabled") == "Once")
         ask_instead(scene, "BootSourceOverrideEnabled", "Continuous");
       return std::nullopt;
     }},
    {.name = "boot_in_settings",
     .does =
         "PATCH of the system is 400 PropertyNotWritable; @Redfish.Settings takes the override and shows it",
     .source = "libredfish#33 (iDRAC10), NVIDIA",
     .instead = [](Scene& scene) -> Reply {
       if (patches(scene))
         return error_reply(400, "PropertyNotWritable",
                            "The property BootSourceOverrideEnabled is a read only property and cannot be "
                            "assigned a value.");
       if (scene.path == settings_path) {
         scene.own.text = scene.request.method;
         scene.request.path = std::string(system_path);
       }
       return std::nullopt;
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", settings_path)) {
             edit(reply, [](json::object& body) {
               body["@odata.id"] = settings_path;
               body["Id"] = "Settings";
               for (const char* name : {"Actions", "Links", "PowerState", "VirtualMedia"}) body.erase(name);
             });
           }
           if (!reads_system(scene)) return;
           edit(reply, [](json::object& body) {
             auto& boot = body["Boot"].as_object();
             boot["BootSourceOverrideEnabled"] = "Disabled";
             boot["BootSourceOverrideTarget"] = "None";
             body["@Redfish.Settings"] = {{"@odata.type", "#Settings.v1_3_5.Settings"},
                                          {"SettingsObject", link(settings_path)}};
           });
         }},
    {.name = "settings_untold",
     .does = "the system does not name its settings resource",
     .source = "libredfish#33 (iDRAC10)",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (reads_system(scene)) edit(reply, [](json::object& body) { body.erase("@Redfish.Settings"); });
         }},
    {.name = "target_usbcd",
     .does = "offers Cd and UsbCd; virtual media is UsbCd, and Cd boots the disk",
     .source = "sushy release note change-bootdev-smc",
     .knob = [](BmcOptions& options, bool on) { options.once_ignored = on; },
     .instead = [](Scene& scene) -> Reply {
       const std::string target =
           patches(scene) ? asked_boot(scene, "BootSourceOverrideTarget") : std::string();
       if (target.empty()) return std::nullopt;
       scene.own.text = target;
       scene.options.once_ignored = target != "UsbCd";
       if (target == "UsbCd") ask_instead(scene, "BootSourceOverrideTarget", "Cd");
       return std::nullopt;
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_boot(scene, reply, [&](json::object& boot) {
             boot["BootSourceOverrideTarget@Redfish.AllowableValues"] =
                 json::array{"None", "Cd", "Hdd", "UsbCd"};
             if (boot["BootSourceOverrideTarget"] == "Cd") boot["BootSourceOverrideTarget"] = scene.own.text;
           });
         }},
    {.name = "mode_stays_legacy",
     .does = "takes the override, and the mode stays Legacy",
     .source = "ironic story 2008252",
     .knob = [](BmcOptions& options, bool on) { options.once_ignored = on; },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_boot(scene, reply, [](json::object& boot) {
             boot["BootSourceOverrideMode"] = "Legacy";
             boot["BootSourceOverrideMode@Redfish.AllowableValues"] = json::array{"Legacy", "UEFI"};
           });
         }},
    {.name = "mode_reverts",
     .does = "takes the override, and on the next look it is Disabled, Legacy",
     .source = "bmclib#459",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           forget_override(scene, reply);
           edit_boot(scene, reply, [](json::object& boot) {
             boot["BootSourceOverrideMode"] = "Legacy";
             boot["BootSourceOverrideMode@Redfish.AllowableValues"] = json::array{"Legacy", "UEFI"};
           });
         }},
    {.name = "boot_task_pending",
     .does = "PATCH is 202, its task is Pending until the next reset; Boot already reads as wanted",
     .source = "iDRAC",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!patches(scene) || reply.status >= 300) return;
           reply = scene.tasks.begin(
               {.ends = Task::Ends::at_reset, .until_then = "Pending", .name = "Boot override"}, scene.now);
         }},
    {.name = "boot_forgotten",
     .does = "takes the override and forgets it",
     .source = "common",
     .alter = [](Scene& scene, RedfishReply& reply) { forget_override(scene, reply); }},
    {.name = "stale_os_running",
     .does = "BootProgress says OSRunning, whatever the host does",
     .source = "openbmc#2131",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!reads_system(scene)) return;
           edit(reply, [](json::object& body) {
             body["BootProgress"] = {{"LastState", "OSRunning"},
                                     {"LastStateTime", "2024-05-01T08:00:00+00:00"}};
           });
         }},
};

}  // namespace

std::span<const Fault> boot_faults() { return table; }

}  // namespace metalmesh::bmcsim
