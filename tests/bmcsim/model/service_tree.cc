#include "tests/bmcsim/model/service_tree.h"

#include <utility>
#include <vector>

#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace json = boost::json;
namespace {

constexpr std::string_view interfaces = "/redfish/v1/Systems/1/EthernetInterfaces";

RedfishReply root(const BmcOptions& options) {
  return json_reply({{"@odata.id", "/redfish/v1/"},
                     {"@odata.type", "#ServiceRoot.v1_15_0.ServiceRoot"},
                     {"Id", "RootService"},
                     {"Name", "Root Service"},
                     {"RedfishVersion", "1.17.0"},
                     {"UUID", options.uuid},
                     {"Vendor", "Metalmesh"},
                     {"Product", "bmcsim"},
                     {"Systems", link("/redfish/v1/Systems")},
                     {"Chassis", link("/redfish/v1/Chassis")},
                     {"Managers", link("/redfish/v1/Managers")},
                     {"SessionService", link("/redfish/v1/SessionService")},
                     {"Tasks", link("/redfish/v1/TaskService")},
                     {"Links", {{"Sessions", link("/redfish/v1/SessionService/Sessions")}}}});
}

RedfishReply manager(const BmcOptions& options, const std::string& path, const std::string& media) {
  json::object value{
      {"@odata.id", path},
      {"@odata.type", "#Manager.v1_17_0.Manager"},
      {"Id", "1"},
      {"Name", "BMC"},
      {"ManagerType", "BMC"},
      {"Model", "bmcsim"},
      {"FirmwareVersion", "1.0.0"},
      {"UUID", options.uuid},
      {"Status", {{"State", "Enabled"}, {"Health", "OK"}}},
      {"Actions",
       {{"#Manager.Reset",
         {{"target", path + "/Actions/Manager.Reset"},
          {"ResetType@Redfish.AllowableValues", json::array{"GracefulRestart", "ForceRestart"}}}}}},
      {"Links", {{"ManagerForServers", json::array{link("/redfish/v1/Systems/1")}}}}};
  if (!media.empty()) value["VirtualMedia"] = link(media);
  return json_reply(std::move(value));
}

RedfishReply chassis(const BmcOptions& options, const std::string& path) {
  return json_reply({{"@odata.id", path},
                     {"@odata.type", "#Chassis.v1_21_0.Chassis"},
                     {"Id", "1"},
                     {"Name", "Chassis"},
                     {"ChassisType", "RackMount"},
                     {"SerialNumber", options.serial},
                     {"Status", {{"State", "Enabled"}, {"Health", "OK"}}},
                     {"Links", {{"ComputerSystems", json::array{link("/redfish/v1/Systems/1")}}}}});
}

RedfishReply interface_list(const BmcOptions& options, const std::string& path) {
  std::vector<std::string> members;
  for (std::size_t i = 0; i < options.macs.size(); ++i) members.push_back(path + "/" + std::to_string(i + 1));
  return json_reply(collection(path, "EthernetInterfaceCollection", "NICs", members));
}

std::optional<RedfishReply> interface(const BmcOptions& options, const std::string& path) {
  const auto index = static_cast<std::size_t>(std::atoi(path.substr(interfaces.size() + 1).c_str()));
  if (index < 1 || index > options.macs.size()) return std::nullopt;
  return json_reply({{"@odata.id", path},
                     {"@odata.type", "#EthernetInterface.v1_9_0.EthernetInterface"},
                     {"Id", std::to_string(index)},
                     {"Name", "NIC"},
                     {"MACAddress", options.macs[index - 1]},
                     {"PermanentMACAddress", options.macs[index - 1]}});
}

}  // namespace

std::optional<RedfishReply> public_resource(const BmcOptions& options, const std::string& path) {
  if (path == "/redfish") return json_reply({{"v1", "/redfish/v1/"}});
  if (path == service_root) return root(options);
  if (path == "/redfish/v1/odata")
    return json_reply({{"@odata.context", "/redfish/v1/$metadata"}, {"value", json::array{}}});
  return std::nullopt;
}

std::optional<RedfishReply> listed_resource(const BmcOptions& options, const std::string& path,
                                            const std::string& media) {
  if (path == "/redfish/v1/Systems")
    return json_reply(collection(path, "ComputerSystemCollection", "Systems", {path + "/1"}));
  if (path == "/redfish/v1/Managers")
    return json_reply(collection(path, "ManagerCollection", "Managers", {path + "/1"}));
  if (path == "/redfish/v1/Chassis")
    return json_reply(collection(path, "ChassisCollection", "Chassis", {path + "/1"}));
  if (path == "/redfish/v1/Managers/1") return manager(options, path, media);
  if (path == "/redfish/v1/Chassis/1") return chassis(options, path);
  if (path == interfaces) return interface_list(options, path);
  if (path.starts_with(std::string(interfaces) + "/")) return interface(options, path);
  return std::nullopt;
}

}  // namespace metalmesh::bmcsim
