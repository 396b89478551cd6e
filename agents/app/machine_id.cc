#include "agents/app/machine_id.h"

#include <string_view>

#include "common/adapters/files.h"
#include "common/base/machine_key.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t id_file_limit = 4096;

std::string first_line(const std::string& text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::string line = text.substr(0, text.find('\n'));
  const auto begin = line.find_first_not_of(blank);
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(blank) - begin + 1);
}

}  // namespace

Result<std::string> read_machine_id(const MachineIdFiles& files) {
  if (const auto dmi = adapters::read_file(files.dmi, id_file_limit)) {
    const std::string uuid = first_line(*dmi);
    if (usable_uuid(uuid)) return "dmi:" + normal_uuid(uuid);
  }
  if (const auto system = adapters::read_file(files.fallback, id_file_limit)) {
    if (const std::string id = first_line(*system); !id.empty()) return "machine-id:" + id;
  }
  return fail(ErrorKind::not_found, "nothing identifies this machine: neither " + files.dmi.string() +
                                        " (run as root, or give read access) nor " + files.fallback.string() +
                                        " (systemd-machine-id-setup makes it) can be used");
}

}  // namespace metalmesh::agent
