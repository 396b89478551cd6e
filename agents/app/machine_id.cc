#include "agents/app/machine_id.h"

#include <string_view>

#include "common/base/machine_key.h"
#include "common/os/files.h"
#include "common/text/letters.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t id_file_limit = 4096;

std::string first_line(std::string_view text) {
  return std::string(trimmed(text.substr(0, text.find('\n'))));
}

}  // namespace

Result<std::string> read_machine_id(const MachineIdFiles& files) {
  if (const auto dmi = os::read_file(files.dmi, id_file_limit)) {
    const std::string uuid = first_line(*dmi);
    if (usable_uuid(uuid)) return "dmi:" + normal_uuid(uuid);
  }
  if (const auto system = os::read_file(files.fallback, id_file_limit)) {
    if (const std::string id = first_line(*system); !id.empty()) return "machine-id:" + id;
  }
  return fail(ErrorKind::not_found, "nothing identifies this machine: neither " + files.dmi.string() +
                                        " (run as root, or give read access) nor " + files.fallback.string() +
                                        " (systemd-machine-id-setup makes it) can be used");
}

}  // namespace metalmesh::agent
