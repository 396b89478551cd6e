// What a BMC answers: first a line that chooses the status, then the body. Every parser of agents/redfish
// sees it.
#include <cstdint>
#include <string>

#include "agents/redfish/requests.h"
#include "agents/redfish/resources.h"
#include "tests/fuzz/invariant.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace metalmesh;
  if (size < 2) return 0;
  HttpReplied reply;
  constexpr int statuses[] = {200, 201, 202, 204, 400, 403, 409, 412, 503, 0};
  reply.status = statuses[data[0] % std::size(statuses)];
  reply.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  reply.headers = {{"etag", reply.body.substr(0, 16)},
                   {"location", reply.body.substr(0, 64)},
                   {"x-auth-token", reply.body.substr(0, 32)}};
  const auto root = redfish::parse_service_root(reply);
  MM_CLAIM(!root || !root->systems.empty());
  const auto session = redfish::parse_session(reply);
  MM_CLAIM(session.uri.empty() || session.uri.front() == '/');
  if (const auto list = redfish::parse_list(reply)) {
    for (const std::string& uri : list->members) MM_CLAIM(redfish::path_of(uri) == uri);
  }
  if (const auto system = redfish::parse_system(reply)) {
    MM_CLAIM(!(system->off() && system->on()));
    if (system->usable()) {
      const auto request =
          redfish::reset(system->reset, redfish::pick_reset(system->reset, {"On", "ForceOn"}));
      MM_CLAIM(!request.method.empty());
    }
  }
  static_cast<void>(redfish::parse_manager(reply));
  static_cast<void>(redfish::parse_macs(reply));
  wire::Inventory inventory;
  for (const auto add : {redfish::add_controller, redfish::add_processor, redfish::add_boot_mode,
                         redfish::add_secure_boot, redfish::add_certificate, redfish::add_licence})
    add(reply, inventory);
  static_cast<void>(redfish::add_storage(reply, inventory));
  redfish::add_drive(reply, "", inventory);
  redfish::add_volume(reply, "", inventory);
  static_cast<void>(redfish::add_protocols(reply, inventory));
  static_cast<void>(redfish::parse_nic(reply));
  for (const redfish::Member& member : redfish::parse_members(reply))
    static_cast<void>(redfish::parse_nic({"", 200, {}, member.body, ""}));
  static_cast<void>(redfish::parse_slot(reply));
  static_cast<void>(redfish::parse_action_info(reply, "ResetType"));
  static_cast<void>(redfish::task_of(reply));
  static_cast<void>(redfish::parse_task(reply));
  static_cast<void>(redfish::path_of(reply.body));
  return 0;
}
