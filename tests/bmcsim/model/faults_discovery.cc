// How the tree is found: root, redirects, collections.
#include "tests/bmcsim/model/fault.h"
#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using Reply = std::optional<RedfishReply>;

RedfishReply moved(int status, std::string location) {
  RedfishReply reply;
  reply.status = status;
  reply.headers.emplace_back("Location", std::move(location));
  return reply;
}

bool ends_in_slash(const Scene& scene) { return scene.request.path.ends_with('/'); }

void add_member(RedfishReply& reply, std::string_view path, bool first) {
  edit(reply, [&](json::object& body) {
    auto& members = body["Members"].as_array();
    members.insert(first ? members.begin() : members.end(), link(path));
    body["Members@odata.count"] = members.size();
  });
}

void no_members(RedfishReply& reply) {
  edit(reply, [](json::object& body) {
    body["Members"] = json::array{};
    body["Members@odata.count"] = 0;
  });
}

constexpr std::string_view dpu = "/redfish/v1/Systems/DPU";
constexpr std::string_view enclosure = "/redfish/v1/Managers/Enclosure";
constexpr std::string_view nics = "/redfish/v1/Systems/1/EthernetInterfaces";
constexpr std::string_view broken_nic = "/redfish/v1/Systems/1/EthernetInterfaces/9";
constexpr std::string_view usb_nic = "/redfish/v1/Systems/1/EthernetInterfaces/ToManager";

RedfishReply dpu_system() {
  return json_reply(
      {{"@odata.id", dpu},
       {"@odata.type", "#ComputerSystem.v1_20_0.ComputerSystem"},
       {"Id", "DPU"},
       {"Name", "BlueField"},
       {"SystemType", "DPU"},
       {"UUID", "00b1f1e1-d000-11ee-8000-b83fd2a1b2c3"},
       {"SerialNumber", "MT2333XZ0DPU"},
       {"PowerState", "On"},
       {"Boot", {{"BootSourceOverrideEnabled", "Disabled"}, {"BootSourceOverrideTarget", "None"}}},
       {"Actions",
        {{"#ComputerSystem.Reset", {{"target", "/redfish/v1/Systems/DPU/Actions/ComputerSystem.Reset"}}}}}});
}

constexpr Fault table[] = {
    {.name = "root_without_slash",
     .does = "GET /redfish/v1/ is 401, GET /redfish/v1 is answered",
     .source = "gofish#190",
     .instead = [](Scene& scene) -> Reply {
       if (scene.path != service_root || !ends_in_slash(scene)) return std::nullopt;
       return error_reply(401, "NoValidSession", "a session is needed");
     }},
    {.name = "session_redirect",
     .does = "301 to the same path with a slash, for POST and PATCH",
     .source = "check_redfish#187",
     .instead = [](Scene& scene) -> Reply {
       if ((scene.request.method != "POST" && scene.request.method != "PATCH") || ends_in_slash(scene))
         return std::nullopt;
       return moved(301, scene.path + "/");
     }},
    {.name = "redirect_308",
     .does = "308 to the same path with a slash, for GET",
     .source = "HPE iLO 5 to 7",
     .instead = [](Scene& scene) -> Reply {
       if (scene.request.method != "GET" || ends_in_slash(scene)) return std::nullopt;
       return moved(308, scene.path + "/");
     }},
    {.name = "redirect_other_port",
     .does = "everything is redirected to another port of the BMC",
     .source = "pegaprox#609",
     .instead = [](Scene& scene) -> Reply {
       return moved(302, "https://192.0.2.77:8443" + scene.request.path);
     }},
    {.name = "not_found_at_all",
     .does = "the Redfish service is not there: 404 for root and logins",
     .source = "BMCs that boot",
     .instead = [](Scene&) -> Reply { return no_such_resource(); }},
    {.name = "systems_empty_at_first",
     .does = "for 20 s from the first look on, Systems has no members",
     .source = "redfish-ansible-module#83",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", "/redfish/v1/Systems") && scene.within(seconds(20))) no_members(reply);
         }},
    {.name = "members_is_an_object",
     .does = "Members of Systems is one reference instead of a list",
     .source = "DMTF libredfish#27",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.asks("GET", "/redfish/v1/Systems")) return;
           edit(reply, [](json::object& body) { body["Members"] = link(system_path); });
         }},
    {.name = "next_link",
     .does = "the slots come in two pages, the CD's on the second",
     .source = "Redfish-Mockup-Server#43",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (!scene.asks("GET", scene.slots)) return;
           const bool second = scene.request.query.find("skip=1") != std::string::npos;
           edit(reply, [&](json::object& body) {
             body["Members"] = json::array{link(scene.slots + (second ? "/Cd" : "/Usb"))};
             if (!second) body["Members@odata.nextLink"] = scene.slots + "?$skip=1";
           });
         }},
    {.name = "dpu_is_a_system",
     .does = "lists the DPU's system before the host's",
     .source = "libredfish#124",
     .instead = [](Scene& scene) -> Reply {
       if (!scene.asks("GET", dpu)) return std::nullopt;
       return dpu_system();
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", "/redfish/v1/Systems")) add_member(reply, dpu, true);
         }},
    {.name = "two_managers_no_link",
     .does = "two managers, and the system does not say which one is its own",
     .source = "sushy release note missing-managedby",
     .knob = [](BmcOptions& options, bool on) { options.media_under_systems = !on; },
     .instead = [](Scene& scene) -> Reply {
       if (!scene.asks("GET", enclosure)) return std::nullopt;
       return json_reply(
           {{"@odata.id", enclosure}, {"Id", "Enclosure"}, {"ManagerType", "EnclosureManager"}});
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", "/redfish/v1/Managers")) add_member(reply, enclosure, true);
           if (scene.asks("GET", system_path)) edit(reply, [](json::object& body) { body.erase("Links"); });
         }},
    {.name = "nics_gone_when_off",
     .does = "lists network interfaces only while the host is on",
     .source = "infra-controller#4436",
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", nics) && !scene.host.on()) no_members(reply);
         }},
    {.name = "nic_member_500",
     .does = "one of the listed network interfaces is 500, always",
     .source = "Tacklebox#102",
     .instead = [](Scene& scene) -> Reply {
       if (!scene.asks("GET", broken_nic)) return std::nullopt;
       return error_reply(500, "InternalError", "The request failed due to an internal service error.");
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", nics)) add_member(reply, broken_nic, true);
         }},
    {.name = "bmc_usb_nic",
     .does = "lists the BMC's own USB network interface, with a locally administered MAC",
     .source = "Lenovo XCC 2.83",
     .instead = [](Scene& scene) -> Reply {
       if (!scene.asks("GET", usb_nic)) return std::nullopt;
       return json_reply({{"@odata.id", usb_nic},
                          {"Id", "ToManager"},
                          {"Name", "Host to BMC"},
                          {"MACAddress", "7E:D3:0A:11:22:33"}});
     },
     .alter =
         [](Scene& scene, RedfishReply& reply) {
           if (scene.asks("GET", nics)) add_member(reply, usb_nic, true);
         }},
};

}  // namespace

std::span<const Fault> discovery_faults() { return table; }

}  // namespace metalmesh::bmcsim
