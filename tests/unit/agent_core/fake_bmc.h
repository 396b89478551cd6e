// Just enough of a Redfish service for the agent's core: it answers reads from a table, opens sessions or
// refuses them, lets go of a medium and a boot override, and switches its host; otherwise it never changes. The install machine
// has its own tests with a full one.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/ports/http_client.h"

namespace metalmesh::test {

struct FakeBmc {
  bool refuses_login = false;
  std::string key = std::string(64, 'b');
  std::string uuid = "4c4c4544-0042-3510-8051-b4c04f4a4d32";
  std::string serial = "CZ2D4F0A1B";
  int sessions_open = 0;
  int logins = 0;
  std::string image;                   // in its slot
  std::string override_ = "Disabled";  // of the boot source
  bool keeps_medium = false;
  int ejects = 0;
  std::string power = "Off";
  std::vector<std::string> resets;                             // as they came
  std::map<std::string, std::pair<int, std::string>> actions;  // by path: how it answers them
  std::string system_more;                                     // of its system: `, "BiosVersion": "1"`

  HttpReplied answer(const HttpRequest& request) {
    HttpReplied reply;
    reply.id = request.id;
    reply.status = 200;
    reply.peer_key_sha256 = key;
    std::string path = request.url.substr(request.url.find('/', 8));
    if (path.size() > 1 && path.back() == '/') path.pop_back();
    if (request.method == "POST" && path == sessions) {
      ++logins;
      if (refuses_login) {
        reply.status = 401;
        return reply;
      }
      ++sessions_open;
      reply.status = 201;
      reply.headers = {{"x-auth-token", "token"}, {"location", sessions + "/1"}};
      reply.body = R"({"@odata.id": ")" + sessions + R"(/1", "Id": "1"})";
      return reply;
    }
    if (request.method == "DELETE") {
      --sessions_open;
      reply.status = 204;
      return reply;
    }
    if (request.method == "POST" && path.ends_with("VirtualMedia.EjectMedia")) {
      ++ejects;
      if (!keeps_medium) image.clear();
      reply.status = 204;
      return reply;
    }
    if (request.method == "POST" && path.ends_with("ComputerSystem.Reset")) {
      resets.push_back(request.body);
      power = request.body.find("ForceOff") == std::string::npos ? "On" : "Off";
      reply.status = 204;
      return reply;
    }
    if (const auto own = actions.find(path); request.method == "POST" && own != actions.end()) {
      std::tie(reply.status, reply.body) = own->second;
      return reply;
    }
    if (request.method == "PATCH" && path == "/redfish/v1/Systems/1") {
      override_ = "Disabled";
      reply.status = 200;
      return reply;
    }
    const auto resources = tree();
    const auto found = resources.find(path);
    if (request.method != "GET" || found == resources.end()) {
      reply.status = 404;
      return reply;
    }
    reply.body = found->second;
    return reply;
  }

 private:
  std::string sessions = "/redfish/v1/SessionService/Sessions";

  [[nodiscard]] std::map<std::string, std::string> tree() const {
    return {
        {"/redfish/v1", R"({"@odata.id": "/redfish/v1", "RedfishVersion": "1.15.0", "Vendor": "Acme",
           "Systems": {"@odata.id": "/redfish/v1/Systems"}, "Managers": {"@odata.id": "/redfish/v1/Managers"},
           "Links": {"Sessions": {"@odata.id": ")" +
                            sessions + R"("}}})"},
        {"/redfish/v1/Systems", R"({"Members": [{"@odata.id": "/redfish/v1/Systems/1"}]})"},
        {"/redfish/v1/Systems/1",
         R"({"@odata.id": "/redfish/v1/Systems/1", "UUID": ")" + uuid + R"(", "SerialNumber": ")" + serial +
             R"(", "Manufacturer": "Acme", "Model": "R1", "PowerState": ")" + power + R"(",
           "Boot": {"BootSourceOverrideEnabled": ")" +
             override_ + R"(", "BootSourceOverrideTarget": ")" + (override_ == "Disabled" ? "None" : "Cd") +
             R"("},
           "Actions": {"#ComputerSystem.Reset": {"target": "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
             "ResetType@Redfish.AllowableValues": ["On", "ForceOff"]}},
           "EthernetInterfaces": {"@odata.id": "/redfish/v1/Systems/1/EthernetInterfaces"},
           "Links": {"ManagedBy": [{"@odata.id": "/redfish/v1/Managers/1"}]})" +
             system_more + "}"},
        {"/redfish/v1/Systems/1/EthernetInterfaces",
         R"({"Members": [{"@odata.id": "/redfish/v1/Systems/1/EthernetInterfaces/1"}]})"},
        {"/redfish/v1/Systems/1/EthernetInterfaces/1", R"({"MACAddress": "B4:7A:F1:00:00:01"})"},
        {"/redfish/v1/Managers", R"({"Members": [{"@odata.id": "/redfish/v1/Managers/1"}]})"},
        {"/redfish/v1/Managers/1",
         R"({"@odata.id": "/redfish/v1/Managers/1", "Model": "BMC", "FirmwareVersion": "1.2",
           "VirtualMedia": {"@odata.id": "/redfish/v1/Managers/1/VirtualMedia"}})"},
        {"/redfish/v1/Managers/1/VirtualMedia",
         R"({"Members": [{"@odata.id": "/redfish/v1/Managers/1/VirtualMedia/Cd"}]})"},
        {"/redfish/v1/Managers/1/VirtualMedia/Cd",
         R"({"@odata.id": "/redfish/v1/Managers/1/VirtualMedia/Cd",
           "Id": "Cd", "Name": "CD", "MediaTypes": ["CD"], "Image": )" +
             (image.empty() ? std::string("null") : "\"" + image + "\"") + R"(, "Inserted": )" +
             (image.empty() ? "false" : "true") + R"(,
           "Actions": {"#VirtualMedia.InsertMedia": {"target": "/redfish/v1/Managers/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia"},
                       "#VirtualMedia.EjectMedia": {"target": "/redfish/v1/Managers/1/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia"}}})"},
    };
  }
};

}  // namespace metalmesh::test
