#include "controller/cli/hardware_capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "common/base/command_words.h"
#include "common/text/letters.h"
#include "controller/cli/requests.h"

namespace metalmesh::cli {
namespace {

using wire::Inventory;

bool is_any(const std::string& wanted, std::initializer_list<std::string_view> of) {
  return std::ranges::any_of(
      of, [&](std::string_view each) { return !each.empty() && same_letters(each, wanted); });
}

/// The same place on two controllers is two places.
template <class List, class Item>
std::string controller_of(const List& list, const Item& item) {
  const auto alike =
      std::ranges::count_if(list, [&](const auto& each) { return each.name() == item.name(); });
  return alike > 1 ? item.controller() : std::string();
}

std::string has(const Inventory& inventory) {
  std::string out;
  for (const auto& drive : inventory.drives())
    out += fmt::format("\n  drive {} ({}, {})", drive.name(), drive.serial(), drive.wwn());
  for (const auto& volume : inventory.volumes())
    out += fmt::format("\n  volume {} ({})", volume.name(), volume.wwn());
  for (const auto& nic : inventory.nics())
    out += fmt::format("\n  card {} ({})", nic.name(), fmt::join(nic.macs(), ", "));
  return out;
}

Status add_role(const std::string& role, const std::string& wanted, const Inventory& inventory,
                rest::HardwareTypeSpec& to) {
  const auto nowhere = [&](std::string_view what) {
    return fail(
        ErrorKind::invalid,
        fmt::format(
            "role {}: the BMC does not tell where that {} is, so no rule finds it on others; write one "
            "by size, media or model\n  next: {}",
            role, what, commands::apply()));
  };
  for (const auto& drive : inventory.drives()) {
    if (!is_any(wanted, {drive.name(), drive.serial(), drive.wwn()})) continue;
    if (drive.name().empty()) return nowhere("drive");
    rest::DiskRule& rule = (*to.mutable_disks())[role];
    rule.set_name(drive.name());
    rule.set_controller(controller_of(inventory.drives(), drive));
    return {};
  }
  for (const auto& volume : inventory.volumes()) {
    if (!is_any(wanted, {volume.name(), volume.wwn()})) continue;
    if (volume.name().empty()) return nowhere("volume");
    rest::DiskRule& rule = (*to.mutable_disks())[role];
    rule.set_volume(true);
    rule.set_name(volume.name());
    rule.set_controller(controller_of(inventory.volumes(), volume));
    return {};
  }
  for (const auto& nic : inventory.nics()) {
    const auto mac =
        std::ranges::find_if(nic.macs(), [&](const std::string& each) { return same_letters(each, wanted); });
    if (mac == nic.macs().end() && !is_any(wanted, {nic.name()})) continue;
    if (nic.name().empty()) return nowhere("card");
    rest::NicRule& rule = (*to.mutable_nics())[role];
    rule.set_name(nic.name());
    if (mac != nic.macs().end() && mac != nic.macs().begin())
      rule.set_position(static_cast<std::uint32_t>(mac - nic.macs().begin()) + 1);
    return {};
  }
  return fail(ErrorKind::invalid,
              fmt::format("role {}: the server has no drive, volume or card \"{}\"; it has:{}", role, wanted,
                          has(inventory)));
}

void add_facts(const Inventory& inventory, bool must, rest::HardwareFacts& to) {
  if (inventory.memory_bytes() != 0) {
    to.mutable_memory()->set_size(inventory.memory_bytes());
    to.mutable_memory()->set_must(must);
  }
  if (inventory.has_processors()) {
    auto& processors = *to.mutable_processors();
    processors.set_model(inventory.processors().model());
    processors.set_sockets(inventory.processors().count());
    processors.set_cores(inventory.processors().cores());
    processors.set_must(must);
  }
  std::map<std::tuple<std::uint64_t, std::string, std::string>, std::uint32_t> alike;
  for (const auto& drive : inventory.drives()) {
    // What a fact can say of it, and no more.
    const bool medium = drive.media() == "SSD" || drive.media() == "HDD";
    const bool protocol = is_any(drive.protocol(), {"NVMe", "SATA", "SAS"});
    ++alike[{drive.bytes(), medium ? drive.media() : "", protocol ? drive.protocol() : ""}];
  }
  for (const auto& [kind, count] : alike) {
    auto& drives = *to.add_drives();
    drives.set_count(count);
    drives.set_size(std::get<0>(kind));
    drives.set_media(std::get<1>(kind));
    drives.set_protocol(std::get<2>(kind));
    drives.set_must(must);
  }
  if (!inventory.nics().empty()) {
    to.mutable_nics()->set_count(static_cast<std::uint32_t>(inventory.nics_size()));
    to.mutable_nics()->set_must(must);
  }
}

}  // namespace

Result<rest::HardwareType> captured_type(const HardwareCapture& wanted, const rest::Server& server,
                                         const rest::ServerInventory& inventory) {
  const auto roles = parse_pairs(wanted.roles);
  if (!roles) return std::unexpected(roles.error());
  rest::HardwareType out;
  out.set_api_version("metalmesh/v1");
  out.set_kind("HardwareType");
  out.mutable_metadata()->set_name(wanted.type);
  auto& spec = *out.mutable_spec();
  spec.set_manufacturer(server.status().manufacturer());
  spec.set_model(server.status().model());
  spec.set_note("as " + wanted.server + " was");
  add_facts(inventory.inventory(), wanted.must, *spec.mutable_expect());
  for (const auto& [role, what] : *roles) {
    if (auto added = add_role(role, what, inventory.inventory(), spec); !added)
      return std::unexpected(added.error());
  }
  return out;
}

}  // namespace metalmesh::cli
