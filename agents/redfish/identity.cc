#include "agents/redfish/identity.h"

#include <algorithm>

#include "common/base/machine_key.h"

namespace metalmesh::redfish {
namespace {

std::string hex_only(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) out += c;
    if (c >= 'A' && c <= 'F') out += static_cast<char>(c - 'A' + 'a');
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
  std::string missing;  // not told by the BMC

  void weigh(std::string_view field, const std::string& want, std::string_view seen, bool usable, bool told,
             bool same) {
    if (!usable) return add(placeholders, field, want);
    if (same) return add(agreed, field, want);
    if (!told) return add(missing, field, want);
    add(wanted, field, want);
    add(got, field, seen);
  }
};

}  // namespace

Identity from_wire(const wire::Identity& identity) {
  return {identity.uuid(), identity.serial(), "", {identity.macs().begin(), identity.macs().end()}};
}

wire::Identity to_wire(const Identity& identity) {
  wire::Identity out;
  out.set_uuid(identity.uuid);
  out.set_serial(identity.serial);
  for (const std::string& mac : identity.macs) out.add_macs(mac);
  return out;
}

bool same_mac(std::string_view a, std::string_view b) { return hex_only(a) == hex_only(b); }

bool is_real_mac(std::string_view mac) { return usable_mac(with_colons(mac)); }

Comparison compare(const Identity& expected, const Identity& seen) {
  Findings found;
  if (!expected.uuid.empty()) {
    ++found.given;
    found.weigh("UUID", expected.uuid, seen.uuid, usable_uuid(expected.uuid), usable_uuid(seen.uuid),
                same_uuid(expected.uuid, seen.uuid));
  }
  if (!expected.serial.empty()) {
    ++found.given;
    found.weigh("serial", expected.serial, seen.serial, usable_serial(expected.serial),
                usable_serial(seen.serial), same_serial(expected.serial, seen.serial));
  }
  if (!expected.macs.empty()) ++found.given;
  for (const std::string& mac : expected.macs) {
    const auto equal = [&](const std::string& other) { return same_mac(other, mac); };
    const bool present = std::any_of(seen.macs.begin(), seen.macs.end(), equal);
    found.weigh("MAC", mac, joined(seen.macs), is_real_mac(mac), !seen.macs.empty(), present);
  }

  if (!found.placeholders.empty() || found.given < 2) {
    const std::string only = found.agreed + found.wanted;
    return {Match::insufficient, "two of UUID, serial and MAC, none a vendor default",
            !found.placeholders.empty() ? "vendor default: " + found.placeholders
            : only.empty()              ? "none of them"
                                        : "only " + only};
  }
  if (!found.wanted.empty()) return {Match::different, found.wanted, found.got};
  if (!found.missing.empty()) return {Match::unknown, found.missing, "none yet"};
  return {Match::same, found.agreed, found.agreed};
}

bool may_be(const Identity& expected, const Identity& seen) {
  return (expected.uuid.empty() || same_uuid(expected.uuid, seen.uuid)) &&
         (expected.serial.empty() || same_serial(expected.serial, seen.serial));
}

std::string machine_key(const Identity& identity) {
  return metalmesh::machine_key(identity.uuid, identity.serial, identity.macs);
}

}  // namespace metalmesh::redfish
