#include "agents/redfish/identity.h"

#include <algorithm>

#include "common/base/machine_key.h"
#include "common/text/letters.h"

namespace metalmesh::redfish {
namespace {

std::string hex_only(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char letter = to_lower(c);
    if (is_lower_hex(letter)) out += letter;
  }
  return out;
}

std::string with_colons(std::string_view mac) {
  const std::string digits = hex_only(mac);
  if (digits.size() != 12) return std::string(mac);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 2) out += (i == 0 ? "" : ":") + digits.substr(i, 2);
  return out;
}

bool same_uuid(std::string_view a, std::string_view b) {
  return hex_only(normal_uuid(a)) == hex_only(normal_uuid(b));
}

bool same_serial(std::string_view a, std::string_view b) { return normal_serial(a) == normal_serial(b); }

bool has_serial(const Identity& seen, std::string_view wanted) {
  return same_serial(wanted, seen.serial) || (!seen.label.empty() && same_serial(wanted, seen.label));
}

void add(std::string& list, std::string_view field, std::string_view value) {
  if (!list.empty()) list += "; ";
  list += std::string(field) + " " + std::string(value.empty() ? "none" : value);
}

std::string joined(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += (out.empty() ? "" : ", ") + value;
  return out;
}

/// What the fields of an order came to, each list for people.
struct Findings {
  int given = 0;
  std::string agreed;
  std::string placeholders;
  std::string wanted;  // of the fields that differ
  std::string got;
  std::string missed;  // fields that were not told

  struct Field {
    std::string_view name;
    std::string wanted;
    std::string seen;
    bool usable = false;  // what is wanted
    bool told = false;
    bool same = false;
  };
  void weigh(const Field& field) {
    if (!field.usable) return add(placeholders, field.name, field.wanted);
    if (field.same) return add(agreed, field.name, field.wanted);
    if (!field.told) return add(missed, field.name, field.wanted);
    add(wanted, field.name, field.wanted);
    add(got, field.name, field.seen);
  }
  void weigh_uuid(const Identity& expected, const Identity& seen) {
    if (expected.uuid.empty()) return;
    ++given;
    const bool same = same_uuid(expected.uuid, seen.uuid);
    const bool turned = !same && uuid_bytes_turned(expected.uuid, seen.uuid);
    weigh({"UUID", expected.uuid, seen.uuid + (turned ? " (the same with its bytes turned)" : ""),
           usable_uuid(expected.uuid), usable_uuid(seen.uuid), same});
  }
  void weigh_serial(const Identity& expected, const Identity& seen) {
    if (expected.serial.empty()) return;
    ++given;
    const std::string shown = seen.label.empty() ? seen.serial : seen.label + " (" + seen.serial + ")";
    weigh({"serial", expected.serial, shown, usable_serial(expected.serial),
           usable_serial(seen.serial) || usable_serial(seen.label), has_serial(seen, expected.serial)});
  }
  void weigh_macs(const Identity& expected, const Identity& seen) {
    if (!expected.macs.empty()) ++given;
    for (const std::string& mac : expected.macs) {
      const auto equal = [&](const std::string& other) { return same_mac(other, mac); };
      weigh({"MAC", mac, joined(seen.macs), is_real_mac(mac), !seen.macs.empty(),
             std::ranges::any_of(seen.macs, equal)});
    }
  }
};

}  // namespace

Identity from_wire(const wire::Identity& identity) {
  return {identity.uuid(), identity.serial(), "", {identity.macs().begin(), identity.macs().end()}, ""};
}

wire::Identity to_wire(const Identity& identity) {
  wire::Identity out;
  out.set_uuid(identity.uuid);
  out.set_serial(identity.label.empty() ? identity.serial : identity.label);
  for (const std::string& mac : identity.macs) out.add_macs(mac);
  return out;
}

bool same_mac(std::string_view a, std::string_view b) { return hex_only(a) == hex_only(b); }

bool is_real_mac(std::string_view mac) { return usable_mac(with_colons(mac)); }

Comparison compare(const Identity& expected, const Identity& seen) {
  Findings found;
  found.weigh_uuid(expected, seen);
  found.weigh_serial(expected, seen);
  const bool both = !expected.uuid.empty() && !expected.serial.empty() && found.wanted.empty() &&
                    found.missed.empty() && found.placeholders.empty();
  found.weigh_macs(expected, seen);

  if (!found.placeholders.empty() || found.given < 2) {
    const std::string only = found.agreed + found.wanted + found.missed;
    return {Match::insufficient, "two of UUID, serial and MAC, none a vendor default",
            !found.placeholders.empty() ? "vendor default: " + found.placeholders
            : only.empty()              ? "none of them"
                                        : "only " + only};
  }
  if (!found.wanted.empty()) return {Match::different, found.wanted, found.got};
  const bool only_macs_missed = both && seen.macs.empty();
  if (!found.missed.empty() && !only_macs_missed) return {Match::unread, found.missed, "none"};
  return {Match::same, found.agreed, found.agreed};
}

bool is_universal_mac(std::string_view mac) {
  // The second lowest bit of the first byte says that it is of somebody's own making.
  const char digit = mac.size() > 1 ? to_lower(mac[1]) : '0';
  return std::string_view("014589cd").contains(digit);
}

std::optional<Comparison> contradiction(const Identity& expected, const Identity& seen) {
  Findings found;
  found.weigh_uuid(expected, seen);
  found.weigh_serial(expected, seen);
  if (found.wanted.empty()) return std::nullopt;
  return Comparison{Match::different, found.wanted, found.got};
}

bool may_be(const Identity& expected, const Identity& seen) {
  return (expected.uuid.empty() || same_uuid(expected.uuid, seen.uuid)) &&
         (expected.serial.empty() || has_serial(seen, expected.serial));
}

}  // namespace metalmesh::redfish
