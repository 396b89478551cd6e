// Addresses of IPv4 and IPv6, and the networks they stand in. Values; texts are canonical (RFC 5952 for
// IPv6).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace metalmesh::hosts {

struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // of IPv4 the first four

  [[nodiscard]] std::string text() const;
  /// fe80::/10
  [[nodiscard]] bool is_link_local() const { return v6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }
  bool operator==(const IpAddress&) const = default;
};

/// An address with the length of its network's prefix: "10.21.0.60/24".
struct IpInterface {
  IpAddress address;
  unsigned prefix = 0;

  [[nodiscard]] std::string text() const;
  /// Of the IPv4 network: "255.255.255.0"; empty for IPv6.
  [[nodiscard]] std::string netmask() const;
  [[nodiscard]] bool network_holds(const IpAddress& other) const;
  /// Of its network, whether a host may have them or not.
  [[nodiscard]] IpAddress first() const;
  [[nodiscard]] IpAddress last() const;
  /// The network's own address, or (IPv4) its broadcast address: no host may have it.
  [[nodiscard]] bool is_reserved() const;
  /// /32 or /128: there is nobody else in its network.
  [[nodiscard]] bool is_single() const;
};

std::optional<IpAddress> parse_address(std::string_view text);
std::optional<IpInterface> parse_interface(std::string_view text);

}  // namespace metalmesh::hosts
