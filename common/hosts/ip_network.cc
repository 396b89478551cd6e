#include "common/hosts/ip_network.h"

#include <algorithm>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <charconv>

namespace metalmesh::hosts {
namespace {

namespace urls = boost::urls;

unsigned bits_of(const IpAddress& address) { return address.v6 ? 128 : 32; }

std::uint8_t mask_byte(unsigned prefix, unsigned index) {
  const unsigned bits = std::min(8U, prefix > index * 8 ? prefix - index * 8 : 0);
  return static_cast<std::uint8_t>(0xFF00U >> bits);
}

urls::ipv4_address v4_of(const std::array<std::uint8_t, 16>& bytes) {
  return urls::ipv4_address(urls::ipv4_address::bytes_type{bytes[0], bytes[1], bytes[2], bytes[3]});
}

}  // namespace

std::string IpAddress::text() const {
  if (!v6) return v4_of(bytes).to_string();
  return urls::ipv6_address(bytes).to_string();
}

std::string IpInterface::text() const { return address.text() + "/" + std::to_string(prefix); }

std::string IpInterface::netmask() const {
  if (address.v6) return {};
  std::array<std::uint8_t, 16> mask{};
  for (unsigned i = 0; i < 4; ++i) mask[i] = mask_byte(prefix, i);
  return v4_of(mask).to_string();
}

bool IpInterface::network_holds(const IpAddress& other) const {
  if (other.v6 != address.v6) return false;
  for (unsigned i = 0; i < bits_of(address) / 8; ++i) {
    if (((address.bytes[i] ^ other.bytes[i]) & mask_byte(prefix, i)) != 0) return false;
  }
  return true;
}

IpAddress IpInterface::first() const {
  IpAddress out = address;
  for (unsigned i = 0; i < bits_of(address) / 8; ++i) out.bytes[i] &= mask_byte(prefix, i);
  return out;
}

IpAddress IpInterface::last() const {
  IpAddress out = address;
  for (unsigned i = 0; i < bits_of(address) / 8; ++i)
    out.bytes[i] |= static_cast<std::uint8_t>(~mask_byte(prefix, i));
  return out;
}

bool IpInterface::is_reserved() const {
  const unsigned bits = bits_of(address);
  if (prefix + 1 >= bits) return false;  // point-to-point links and single hosts have no such addresses
  bool all_zero = true;
  bool all_one = true;
  for (unsigned i = 0; i < bits / 8; ++i) {
    const auto host_mask = static_cast<std::uint8_t>(~mask_byte(prefix, i));
    all_zero = all_zero && (address.bytes[i] & host_mask) == 0;
    all_one = all_one && (address.bytes[i] & host_mask) == host_mask;
  }
  return all_zero || (all_one && !address.v6);
}

bool IpInterface::is_single() const { return prefix == bits_of(address); }

std::optional<IpAddress> parse_address(std::string_view text) {
  IpAddress address;
  if (const auto v4 = urls::parse_ipv4_address(text)) {
    std::ranges::copy(v4->to_bytes(), address.bytes.begin());
    return address;
  }
  if (const auto v6 = urls::parse_ipv6_address(text)) {
    address.v6 = true;
    address.bytes = v6->to_bytes();
    return address;
  }
  return std::nullopt;
}

std::optional<IpInterface> parse_interface(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned prefix = 0;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (prefix == 0 || prefix > bits_of(*address)) return std::nullopt;
  return IpInterface{*address, prefix};
}

}  // namespace metalmesh::hosts
