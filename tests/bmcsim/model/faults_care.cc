// What a BMC tells of itself beside its system: clock, licences, accounts, jobs, its own network, locks. The model says
// nothing of these; each row adds the resources that show what is wrong, and what follows from it.
#include <algorithm>
#include <string>
#include <vector>

#include "common/base/digest.h"
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

constexpr std::string_view manager_path = "/redfish/v1/Managers/1";
constexpr std::string_view job_path = "/redfish/v1/JobService/Jobs/JID_0042";

/// A resource that only this fault has.
std::optional<RedfishReply> at(Scene& scene, std::string_view path, json::object body) {
  if (!scene.asks("GET", path)) return std::nullopt;
  body["@odata.id"] = path;
  return json_reply(std::move(body));
}
std::optional<RedfishReply> list_at(Scene& scene, std::string_view path,
                                    const std::vector<std::string>& members) {
  if (!scene.asks("GET", path)) return std::nullopt;
  return json_reply(collection(path, "Collection", "Collection", members));
}
std::optional<RedfishReply> first(std::initializer_list<std::optional<RedfishReply>> replies) {
  for (const auto& reply : replies)
    if (reply) return reply;
  return std::nullopt;
}

template <class Change>
void edit_manager(Scene& scene, RedfishReply& reply, const Change& change) {
  if (scene.asks("GET", manager_path)) edit(reply, change);
}
void in_root(Scene& scene, RedfishReply& reply, std::string_view name, std::string_view path) {
  if (scene.asks("GET", service_root)) edit(reply, [&](json::object& body) { body[name] = link(path); });
}
template <class Change>
void edit_slot(Scene& scene, RedfishReply& reply, const Change& change) {
  if (scene.request.method == "GET" && scene.path.starts_with(scene.slots + "/")) edit(reply, change);
}
void offer_protocols(Scene& scene, RedfishReply& reply, json::array protocols) {
  edit_slot(scene, reply, [&](json::object& body) {
    if (json::value* actions = body.if_contains("Actions"); actions != nullptr && actions->is_object())
      if (json::value* insert = actions->as_object().if_contains("#VirtualMedia.InsertMedia"))
        insert->as_object()["TransferProtocolType@Redfish.AllowableValues"] = protocols;
  });
}
void own_network(Scene& scene, RedfishReply& reply) {
  edit_manager(scene, reply, [](json::object& body) {
    body["EthernetInterfaces"] = link(std::string(manager_path) + "/EthernetInterfaces");
  });
}
std::optional<RedfishReply> network(Scene& scene, std::string_view gateway, json::array name_servers) {
  const std::string all = std::string(manager_path) + "/EthernetInterfaces";
  return first({list_at(scene, all, {all + "/1"}),
                at(scene, all + "/1",
                   {{"IPv4Addresses",
                     json::array{json::object{
                         {"Address", "192.0.2.7"}, {"SubnetMask", "255.255.255.0"}, {"Gateway", gateway}}}},
                    {"NameServers", std::move(name_servers)}})});
}

constexpr Fault table[] = {
    {.name = "clock_2019",
     .does = "its clock reads 2019, until it is set",
     .source = "BMCs whose battery is empty",
     .instead = [](Scene& scene) -> std::optional<RedfishReply> {
       if (!scene.asks("PATCH", manager_path)) return std::nullopt;
       scene.own.text = string_at(parse_body(scene.request.body), "DateTime");
       return no_content();
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_manager(scene, reply, [&](json::object& body) {
             body["DateTime"] = scene.own.text.empty() ? "2019-01-01T00:00:00Z" : scene.own.text;
           });
         }},
    {.name = "licence_standard",
     .does = "it has the licence that came with it",
     .source = "HPE iLO Standard",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_manager(scene, reply, [](json::object& body) {
             body["Oem"] = {{"Hpe", {{"License", {{"LicenseString", "iLO Standard"}}}}}};
           });
         }},
    {.name = "licence_ended",
     .does = "its licence ended in 2020",
     .source = "evaluation licences",
     .instead =
         [](Scene& scene) {
           const std::string all = "/redfish/v1/LicenseService/Licenses";
           return first(
               {at(scene, "/redfish/v1/LicenseService", {{"Licenses", link(all)}}),
                list_at(scene, all, {all + "/1"}),
                at(scene, all + "/1", {{"Name", "Enterprise"}, {"ExpirationDate", "2020-01-01T00:00:00Z"}})});
         },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           in_root(scene, reply, "LicenseService", "/redfish/v1/LicenseService");
         }},
    {.name = "account_read_only",
     .does = "the account may only look",
     .source = "accounts made for monitoring",
     .instead =
         [](Scene& scene) {
           const std::string all = "/redfish/v1/AccountService/Accounts";
           return first({at(scene, "/redfish/v1/AccountService", {{"Accounts", link(all)}}),
                         list_at(scene, all, {all + "/1", all + "/2"}),
                         at(scene, all + "/1", {{"UserName", "root"}, {"RoleId", "Administrator"}}),
                         at(scene, all + "/2", {{"UserName", scene.options.user}, {"RoleId", "ReadOnly"}})});
         },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           in_root(scene, reply, "AccountService", "/redfish/v1/AccountService");
         }},
    {.name = "media_switched_off",
     .does = "virtual media are switched off in its network settings",
     .source = "hardened BMCs",
     .instead =
         [](Scene& scene) {
           return at(scene, std::string(manager_path) + "/NetworkProtocol",
                     {{"VirtualMedia", {{"ProtocolEnabled", false}, {"Port", 17988}}}});
         },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_manager(scene, reply, [](json::object& body) {
             body["NetworkProtocol"] = link(std::string(manager_path) + "/NetworkProtocol");
           });
         }},
    {.name = "media_by_http_only",
     .does = "says that it takes media by HTTP",
     .source = "python-redfish-lenovo#124",
     .alter = [](Scene& scene, RedfishReply& reply) { offer_protocols(scene, reply, {"HTTP"}); }},
    {.name = "media_by_shares_only",
     .does = "says that it takes media by NFS and CIFS",
     .source = "AMI MegaRAC",
     .alter = [](Scene& scene, RedfishReply& reply) { offer_protocols(scene, reply, {"NFS", "CIFS"}); }},
    {.name = "media_verified_by_nothing",
     .does = "verifies where media come from, and has no certificate to do so",
     .source = "community.general#2269",
     .knob = [](BmcOptions& options, bool on) { options.slot_has_certificates = on; }},
    {.name = "shows_screen",
     .does = "shows its host's screen, as iDRAC9 does",
     .source = "dell/iDRAC-Redfish-Scripting ExportServerScreenShotOemREDFISH",
     .instead = [](Scene& scene) -> std::optional<RedfishReply> {
       constexpr std::string_view action = "/Actions/DellLCService.ExportServerScreenShot";
       if (scene.request.method != "POST" || !scene.path.ends_with(action)) return std::nullopt;
       if (string_at(parse_body(scene.request.body), "FileType") != "ServerScreenShot")
         return error_reply(400, "ActionParameterValueNotInList", "FileType: ServerScreenShot, and others");
       if (!scene.host.on())
         return error_reply(400, "IDRAC.2.8.SYS515", "Unable to run the method because the server is off.");
       constexpr std::size_t like_a_text_screen = 20'000;
       const std::string picture = "\x89PNG\r\n\x1a\n" + std::string(like_a_text_screen, 'm');
       return json_reply({{"ServerScreenShotFile", to_base64(picture)}});
     }},
    {.name = "bmc_without_gateway",
     .does = "tells its own network, 192.0.2.0/24, and no gateway",
     .source = "BMCs set up by hand",
     .instead = [](Scene& scene) { return network(scene, "0.0.0.0", {"192.0.2.53"}); },
     .alter = own_network},
    {.name = "bmc_without_name_server",
     .does = "tells its own network and a gateway, and no name server",
     .source = "BMCs set up by hand",
     .instead = [](Scene& scene) { return network(scene, "192.0.2.1", {"0.0.0.0", "::"}); },
     .alter = own_network},
    {.name = "sessions_left_open",
     .does = "lists six sessions of our account that nobody uses",
     .source = "tools that do not log out",
     .instead = [](Scene& scene) -> std::optional<RedfishReply> {
       const std::string begin = std::string(sessions_path) + "/left";
       if (!scene.path.starts_with(begin)) return std::nullopt;
       if (scene.request.method == "DELETE") {
         scene.own.text += scene.path + ";";
         return no_content();
       }
       return at(scene, scene.path,
                 {{"Id", scene.path.substr(begin.size())}, {"UserName", scene.options.user}});
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.asks("GET", sessions_path)) return;
           edit(reply, [&](json::object& body) {
             for (int i = 1; i <= 6; ++i) {
               const std::string path = std::string(sessions_path) + "/left" + std::to_string(i);
               if (scene.own.text.find(path + ";") == std::string::npos)
                 body["Members"].as_array().push_back(link(path));
             }
           });
         }},
    {.name = "job_scheduled",
     .does = "a job that somebody ordered waits for the host's next start",
     .source = "iDRAC's configuration jobs",
     .instead = [](Scene& scene) -> std::optional<RedfishReply> {
       if (scene.asks("DELETE", job_path)) {
         ++scene.own.count;
         return no_content();
       }
       const std::string all = "/redfish/v1/JobService/Jobs";
       const std::vector<std::string> open = {std::string(job_path)};
       return first(
           {at(scene, "/redfish/v1/JobService", {{"Jobs", link(all)}}),
            list_at(scene, all, scene.own.count > 0 ? std::vector<std::string>() : open),
            at(scene, job_path,
               {{"Id", "JID_0042"}, {"Name", "Configure: BIOS.Setup.1-1"}, {"JobState", "Scheduled"}})});
     },
     .alter = [](Scene& scene,
                 RedfishReply& reply) { in_root(scene, reply, "JobService", "/redfish/v1/JobService"); }},
    {.name = "settings_locked",
     .does = "a lock refuses what changes its settings, the boot override among them",
     .source = "Supermicro's SysLockdown, Dell's system lockdown mode",
     .instead = [](Scene& scene) -> std::optional<RedfishReply> {
       if (scene.asks("PATCH", system_path))
         return error_reply(403, "Oem.1.0.SystemLockdown", "The system is in lockdown mode.");
       return at(scene, std::string(manager_path) + "/Oem/Supermicro/SysLockdown",
                 {{"SysLockdownEnabled", true}});
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           edit_manager(scene, reply, [](json::object& body) {
             body["Oem"] = {
                 {"Supermicro",
                  {{"SysLockdown", link(std::string(manager_path) + "/Oem/Supermicro/SysLockdown")}}}};
           });
         }},
    {.name = "starts_from_no_cd",
     .does = "lists no CD among what the host can start from",
     .source = "boards without an emulated drive",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.asks("GET", system_path)) return;
           edit(reply, [](json::object& body) {
             if (body.contains("Boot"))
               body["Boot"].as_object()["BootSourceOverrideTarget@Redfish.AllowableValues"] =
                   json::array{"None", "Pxe", "Hdd"};
           });
         }},
};

}  // namespace

std::span<const Fault> care_faults() { return table; }

}  // namespace metalmesh::bmcsim
