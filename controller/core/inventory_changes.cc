#include "controller/core/inventory_changes.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "controller/state/stamp_words.h"

namespace metalmesh::controller {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using wire::Inventory;

/// "bmcFirmware" as "BMC firmware": a field's name as people say it.
std::string words_of(const FieldDescriptor& field) {
  std::string text(field.name());
  std::ranges::replace(text, '_', ' ');
  if (text.starts_with("bmc")) text.replace(0, 3, "BMC");
  if (text == "bios") return "BIOS";
  if (text == "ipmi") return "IPMI over LAN";
  if (text == "memory bytes") return "memory";
  return text == "bytes" ? "size" : text;
}

/// Empty: it is not told.
std::string value_of(const Message& of, const FieldDescriptor& field) {
  const auto& look = *of.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return look.GetString(of, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return look.GetEnumValue(of, &field) == 0 ? std::string()
                                                : to_lower(std::string(look.GetEnum(of, &field)->name()));
    case FieldDescriptor::CPPTYPE_UINT32:
      return look.GetUInt32(of, &field) == 0 ? std::string() : std::to_string(look.GetUInt32(of, &field));
    case FieldDescriptor::CPPTYPE_UINT64: {
      const std::uint64_t value = look.GetUInt64(of, &field);
      if (value == 0) return {};
      if (field.name() == "memory_bytes") return memory_for_people(value);
      return field.name() == "bytes" ? disk_for_people(value) : std::to_string(value);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:  // times are all there is beside what is descended into
      if (!look.HasField(of, &field)) return {};
      return for_people(static_cast<const google::protobuf::Timestamp&>(look.GetMessage(of, &field)));
    default:
      return {};  // follows from others (self_signed), or is judged by a bound (clock_ahead)
  }
}

/// Tells what differs of what both tell.
void compare(const Message& was, const Message& is, const std::string& what,
             std::vector<std::string>& changes) {
  for (int i = 0; i < was.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *was.GetDescriptor()->field(i);
    if (field.is_repeated()) continue;
    if (field.name() == "processors") {
      const auto& look = *was.GetReflection();
      compare(look.GetMessage(was, &field), look.GetMessage(is, &field), "processors: ", changes);
      continue;
    }
    const std::string before = value_of(was, field);
    const std::string now = value_of(is, field);
    if (before.empty() || now.empty() || before == now) continue;
    changes.push_back(what + words_of(field) + " " + before + " -> " + now);
  }
}

using controller::listed_name;
std::string listed_name(const Inventory::StorageController& one) {
  return "storage controller " + (one.name().empty() ? one.model() : one.name());
}
std::string listed_name(const Inventory::Licence& licence) { return "licence " + licence.name(); }
std::string listed_name(const Inventory::Certificate& one) { return "certificate of " + one.subject(); }

class Lists {
 public:
  Lists(const rest::ServerInventory& before, bool complete, InventoryChange& to)
      : missed_(before.missing().begin(), before.missing().end()), complete_(complete), to_(to) {}

  /// `kept` holds what is there now, and gets what was there and is not gone.
  template <class List>
  void items(const List& was, List& kept) {
    const auto find = [](const List& in, const std::string& name) {
      return std::ranges::find_if(in, [&](const auto& each) { return listed_name(each) == name; });
    };
    for (auto& item : kept) {
      const std::string name = listed_name(item);
      const auto before = find(was, name);
      if (before != was.end()) {
        compare(*before, item, name + ": ", to_.changes);
        auto merged = *before;
        for (const char* list : {"macs", "drives"})
          if (const auto* field = merged.GetDescriptor()->FindFieldByName(list))
            merged.GetReflection()->ClearField(&merged, field);
        merged.MergeFrom(item);
        item = std::move(merged);
      } else if (!was.empty()) {
        to_.changes.push_back(name + " is new");
      }
    }
    for (const auto& item : was) {
      const std::string name = listed_name(item);
      if (find(kept, name) != kept.end()) continue;
      const bool missed = missed_.contains(name);
      if (complete_ && missed) {
        to_.changes.push_back(name + " is gone");
        continue;
      }
      if (complete_ || missed) to_.row.add_missing(name);
      *kept.Add() = item;
    }
  }

 private:
  std::set<std::string> missed_;
  bool complete_;
  InventoryChange& to_;
};

bool is_off(const Inventory& inventory) {
  return inventory.has_clock_ahead() && std::abs(inventory.clock_ahead()) > clock_bound;
}

}  // namespace

std::string listed_name(const Inventory::Drive& drive) {
  return "drive " + (drive.serial().empty() ? drive.controller() + "/" + drive.name() : drive.serial());
}
std::string listed_name(const Inventory::Volume& volume) {
  return "volume " + volume.controller() + "/" + volume.name();
}
std::string listed_name(const Inventory::Nic& nic) {
  return "network card " + (nic.macs().empty() ? nic.name() : nic.macs(0));
}

InventoryChange compare_inventory(const rest::ServerInventory& before, const Inventory& seen, bool complete) {
  InventoryChange out;
  out.row.set_server(before.server());
  const Inventory& was = before.inventory();
  Inventory& now = *out.row.mutable_inventory();
  compare(was, seen, "", out.changes);
  if (seen.has_clock_ahead() && is_off(seen) != is_off(was) && was.has_clock_ahead()) {
    out.changes.push_back(is_off(seen)
                              ? fmt::format("the BMC's clock is {} s {}", std::abs(seen.clock_ahead()),
                                            seen.clock_ahead() > 0 ? "ahead" : "behind")
                              : "the BMC's clock is right again");
  }
  now = was;
  now.clear_drives();
  now.clear_volumes();
  now.clear_controllers();
  now.clear_nics();
  now.clear_licences();
  now.clear_certificates();
  now.clear_unread();
  now.MergeFrom(seen);
  Lists lists(before, complete, out);
  lists.items(was.drives(), *now.mutable_drives());
  lists.items(was.volumes(), *now.mutable_volumes());
  lists.items(was.controllers(), *now.mutable_controllers());
  lists.items(was.nics(), *now.mutable_nics());
  lists.items(was.licences(), *now.mutable_licences());
  lists.items(was.certificates(), *now.mutable_certificates());
  return out;
}

rest::ServerFacts facts_of(const Inventory& inventory) {
  rest::ServerFacts out;
  out.set_bios(inventory.bios());
  out.set_processor(inventory.processors().model());
  out.set_sockets(inventory.processors().count());
  out.set_cores(inventory.processors().cores());
  out.set_memory(inventory.memory_bytes());
  out.set_drives(static_cast<std::uint32_t>(inventory.drives_size()));
  for (const auto& drive : inventory.drives()) out.set_disk_bytes(out.disk_bytes() + drive.bytes());
  out.set_nics(static_cast<std::uint32_t>(inventory.nics_size()));
  out.set_boot_mode(inventory.boot_mode());
  out.set_secure_boot(inventory.secure_boot());
  out.set_ipmi(inventory.ipmi());
  out.set_health(inventory.health());
  for (const auto& certificate : inventory.certificates()) {
    if (out.self_signed() != Inventory::ON && !certificate.subject().empty())
      out.set_self_signed(certificate.self_signed() ? Inventory::ON : Inventory::OFF);
    const bool first = certificate.has_expires() &&
                       (!out.has_certificate_expires() ||
                        from_wire(certificate.expires()) < from_wire(out.certificate_expires()));
    if (first) *out.mutable_certificate_expires() = certificate.expires();
  }
  if (inventory.has_clock_ahead()) out.set_clock_ahead(inventory.clock_ahead());
  return out;
}

namespace {

std::string size_for_people(std::uint64_t bytes, std::uint64_t step) {
  static constexpr std::string_view units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // Memory of 1536 GB is called that, disks of 1920 GB are 1.92 TB.
  const double most = step == 1024 ? 9999 : 1000;
  while (value >= (unit < 3 ? static_cast<double>(step) : most) && unit + 1 < std::size(units)) {
    value /= static_cast<double>(step);
    ++unit;
  }
  return fmt::format("{:.4g} {}", value, units[unit]);
}

}  // namespace

std::string memory_for_people(std::uint64_t bytes) { return size_for_people(bytes, 1024); }
std::string disk_for_people(std::uint64_t bytes) { return size_for_people(bytes, 1000); }

}  // namespace metalmesh::controller
