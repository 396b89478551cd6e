#include "controller/core/actions/install_roles.h"

#include <algorithm>
#include <utility>

#include "common/base/command_words.h"
#include "common/families/family_catalogue.h"
#include "common/hosts/host_rules.h"
#include "controller/core/hardware_roles.h"

namespace metalmesh::controller {
namespace {

/// Who names a disk beside the profile's role: "server r1".
std::optional<std::string> who_names_a_disk(const MeshState& mesh, const rest::Profile& profile,
                                            const rest::RolloutSpec& rollout, const rest::Server& server) {
  const auto names = [](const wire::Host& host) { return host.disk().ByteSizeLong() != 0; };
  if (names(server.spec().host())) return "server " + server.metadata().name();
  if (names(rollout.host())) return "the rollout";
  const auto site = mesh.sites.find(server.spec().site());
  if (site != mesh.sites.end() && names(site->second.spec().host())) return "site " + site->first;
  if (names(profile.spec().host())) return "the profile itself";  // applied before that was refused
  return std::nullopt;
}

template <class Names>
bool holds_word(const Names& names, const char* word) {
  return std::ranges::find(names, word) != names.end();
}

bool is_fine(const std::string& serial, const std::string& wwn) {
  wire::Host host;
  host.mutable_disk()->set_serial(serial);
  host.mutable_disk()->set_wwn(wwn);
  return !hosts::check_host(host);
}

/// By what an order names the drive: all that the role's rule allows and the family's installer can look for, or all where it can look for
/// neither, which is then told as the family's.
wire::DiskChoice marks_of(const rest::RoleChoice& drive, const rest::DiskRule& rule,
                          const config::OsFamily* family) {
  bool serial = rule.mark() != "wwn" && !drive.serial().empty() && is_fine(drive.serial(), {});
  bool wwn = rule.mark() != "serial" && !drive.wwn().empty() && is_fine({}, drive.wwn());
  if (family != nullptr) {
    const bool can_serial = serial && holds_word(family->can().disk(), "serial");
    const bool can_wwn = wwn && holds_word(family->can().disk(), "wwn");
    if (can_serial || can_wwn) {
      serial = can_serial && !(can_wwn && family->can().one_disk_key());
      wwn = can_wwn;
    }
  }
  wire::DiskChoice out;
  if (serial) out.set_serial(drive.serial());
  if (wwn) out.set_wwn(drive.wwn());
  return out;
}

/// Why the server has no roles at all.
std::string without_a_type(const rest::ServerHardware& hardware, const rest::Server& server) {
  if (hardware.types_size() > 1)
    return "hardware types " + hardware.types(0) + " and " + hardware.types(1) +
           " both match it, and one has to: " + commands::describe("hardware-type", hardware.types(0));
  const auto& status = server.status();
  return "no hardware type matches " +
         (status.model().empty()
              ? "a server whose model nobody knows"
              : "manufacturer \"" + status.manufacturer() + "\", model \"" + status.model() + "\"") +
         "; of a server that is as it should be one is made by: " +
         commands::capture_hardware("NAME", "SERVER");
}

class Roles {
 public:
  Roles(const rest::ServerHardware& hardware, const rest::Server& server)
      : hardware_(hardware), server_(server) {}

  /// What the role is on the server: nullptr, and why.
  const rest::RoleChoice* find(const std::string& role, const char* kind) {
    if (hardware_.type().empty()) return refuse(without_a_type(hardware_, server_));
    const rest::RoleChoice* found = nullptr;
    std::string known;
    for (const rest::RoleChoice& each : hardware_.roles()) {
      if (each.kind() != kind) continue;
      if (each.role() != role) {
        known += (known.empty() ? "" : ", ") + each.role();
      } else if (found != nullptr) {
        return refuse(whose(role) + "is several drives, and a system goes onto one");
      } else {
        found = &each;
      }
    }
    if (found == nullptr)
      return refuse("hardware type " + hardware_.type() + " has no " + kind + " role \"" + role + "\"" +
                    (known.empty() ? "" : "; it has: " + known));
    if (!found->missing().empty()) return refuse(whose(role) + found->missing());
    return found;
  }

  [[nodiscard]] std::string whose(const std::string& role) const {
    return "role " + role + " of hardware type " + hardware_.type() + ": ";
  }
  std::nullptr_t refuse(std::string reason) {
    if (!why) why = std::move(reason);
    return nullptr;
  }

  std::optional<std::string> why;

 private:
  const rest::ServerHardware& hardware_;
  const rest::Server& server_;
};

void set_disk(const MeshState& mesh, const rest::ServerHardware& hardware, const rest::Profile& profile,
              Roles& roles, OrderedHost& to) {
  const std::string& role = profile.spec().disk().role();
  if (role.empty()) return;
  const rest::RoleChoice* found = roles.find(role, disk_role);
  if (found == nullptr) return;
  const rest::DiskRule& rule = mesh.hardware_types.at(hardware.type()).spec().disks().at(role);
  const config::OsFamily* family =
      mesh.catalogue == nullptr ? nullptr : mesh.catalogue->find(profile.spec().family());
  wire::DiskChoice disk = found->looked_for().empty() ? marks_of(*found, rule, family) : looked_for(rule);
  if (disk.ByteSizeLong() == 0) {
    roles.refuse(roles.whose(role) + found->name() +
                 " has no serial number or WWN by which an installer could find it");
    return;
  }
  *to.host.mutable_disk() = std::move(disk);
  to.roles.push_back(*found);
}

}  // namespace

OrderedHost ordered_host(const MeshState& mesh, const rest::ServerHardware& hardware,
                         const rest::Profile& profile, const rest::RolloutSpec& rollout,
                         const rest::Server& server) {
  OrderedHost out{order_host(mesh, profile, rollout, server), {}, {}, {}};
  Roles roles(hardware, server);
  if (const std::string& role = profile.spec().disk().role(); !role.empty()) {
    if (const auto who = who_names_a_disk(mesh, profile, rollout, server))
      out.twice = "disk: profile " + profile.metadata().name() + " takes the disk by role " + role +
                  ", and " + *who + " names one by host.disk: leave out one of them";
  }
  set_disk(mesh, hardware, profile, roles, out);
  for (int i = 0; i < out.host.network().links_size(); ++i) {
    if (out.host.network().links(i).role().empty()) continue;
    wire::Link& link = *out.host.mutable_network()->mutable_links(i);
    const rest::RoleChoice* found = roles.find(link.role(), nic_role);
    if (found == nullptr) continue;
    link.set_mac(found->mac());
    link.clear_role();
    out.roles.push_back(*found);
  }
  out.unresolved = std::move(roles.why);
  if (!out.roles.empty()) hosts::check_host(out.host);  // normalises; what is wrong is excluded by the plan
  return out;
}

}  // namespace metalmesh::controller
