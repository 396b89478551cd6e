// Who a machine is, as its BMC tells and as an order expects. Promise 1 of the mesh (never wipe the wrong
// server) rests on this file: values are compared only after normalisation (common/base/machine_key.h has the
// rules), a vendor default counts as no value, and a comparison names both sides so that a person can see the
// swapped cable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/wire/command.pb.h"

namespace metalmesh::redfish {

/// What a BMC reported (or an order expects). Fields may be empty. `sku` is kept for people only: on most
/// vendors it names a model, not a machine.
struct Identity {
  std::string uuid;
  std::string serial;
  std::string sku;
  std::vector<std::string> macs;
  /// The number on the machine's label, where that is known to be another property than SerialNumber.
  std::string label;
  bool operator==(const Identity&) const = default;
};

Identity from_wire(const wire::Identity& identity);
wire::Identity to_wire(const Identity& identity);

/// Equal whatever the case and separators, "AABBCCDDEEFF" included.
bool same_mac(std::string_view a, std::string_view b);
/// A unicast address that is no vendor default, in any spelling.
bool is_real_mac(std::string_view mac);
/// Given out by its maker; a BMC's own USB interface invents one.
bool is_universal_mac(std::string_view mac);

enum class Match { same, different, insufficient, unread };

struct Comparison {
  Match match = Match::insufficient;
  /// Both for people: the fields that decided, e.g. "serial CZ2D4F0A1B" and "serial CZ2D4F0B77".
  std::string expected;
  std::string seen;
};

/// `same` only when every field of the order matches (each ordered MAC must be among those seen), at least
/// two of UUID, serial and MACs are given and none of them is a vendor default. `insufficient` when the order
/// itself cannot identify a machine. `unread` when nothing contradicts, but a field is empty or a vendor
/// default: that is no reading. Interfaces that show no address at all (some do so while the host is off) are
/// not missed where UUID and serial agree.
Comparison compare(const Identity& expected, const Identity& seen);

/// Both tell a UUID, or a serial, and not the same one. Nothing: no contradiction so far.
std::optional<Comparison> contradiction(const Identity& expected, const Identity& seen);

/// True when UUID and serial do not contradict the order: enough to pick one of several systems, never to
/// act.
bool may_be(const Identity& expected, const Identity& seen);

}  // namespace metalmesh::redfish
