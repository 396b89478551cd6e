#include "tests/bmcsim/model/host.h"

namespace metalmesh::bmcsim {

std::string_view to_string(HostState state) {
  switch (state) {
    case HostState::off:
      return "off";
    case HostState::powering_on:
      return "powering on";
    case HostState::post:
      return "post";
    case HostState::booting_media:
      return "booting media";
    case HostState::installing:
      return "installing";
    case HostState::stuck:
      return "stuck";
    case HostState::boot_manager:
      return "boot manager";
    case HostState::old_system:
      return "old system";
    case HostState::new_system:
      return "new system";
    case HostState::running:
      return "running";
  }
  return "unknown";
}

}  // namespace metalmesh::bmcsim
