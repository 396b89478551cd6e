#include "common/base/machine_key.h"

#include <algorithm>
#include <array>

#include "common/text/hex.h"
#include "common/text/letters.h"

namespace metalmesh {
namespace {

/// What BMCs pad texts with.
std::string_view bare(std::string_view text) { return trimmed(text, std::string_view(" \t\r\n\0", 5)); }

/// One character repeated, separators aside: 000..., fff..., xxx...
bool monotonous(std::string_view text) {
  char first = '\0';
  for (const char c : text) {
    if (c == '-' || c == ':' || c == ' ' || c == '.') continue;
    if (first == '\0') first = c;
    if (c != first) return false;
  }
  return true;
}

constexpr std::array<std::string_view, 5> placeholder_uuids = {
    "03000200-0400-0500-0006-000700080009",  // boards that were never programmed
    "12345678-1234-5678-90ab-cddeefaabbcc", "12345678-1234-1234-1234-123456789abc",
    "00020003-0004-0005-0006-000700080009", "fefefefe-fefe-fefe-fefe-fefefefefefe",
};

constexpr std::array<std::string_view, 17> placeholder_serials = {
    "0123456789",
    "123456789",
    "1234567890",
    "default string",
    "default",
    "to be filled by o.e.m.",
    "none",
    "not specified",
    "not available",
    "unknown",
    "system serial number",
    "serial",
    "n/a",
    "na",
    "null",
    "chassis serial number",
    "oem",
};

constexpr std::size_t mac_length = 17;
constexpr std::size_t uuid_length = 36;

}  // namespace

std::string normal_uuid(std::string_view uuid) {
  std::string out = to_lower(bare(uuid));
  std::erase_if(out, [](char c) { return c == '{' || c == '}' || c == ' '; });
  // Until nothing changes any more: what is normal stays as it is, whoever asks for it once more.
  for (;;) {
    const std::string_view inner = bare(out);
    const std::string_view bare = inner.starts_with("urn:uuid:") ? inner.substr(9) : inner;
    if (bare.size() == out.size()) return out;
    out = std::string(bare);
  }
}

bool uuid_bytes_turned(std::string_view a, std::string_view b) {
  if (!usable_uuid(a) || !usable_uuid(b)) return false;
  const std::string uuid = normal_uuid(a);
  std::string turned;
  for (const std::size_t byte : {6, 4, 2, 0, 8, 11, 9, 13, 16, 14}) {
    turned += byte == 8 || byte == 13 ? uuid.substr(byte, 1) : uuid.substr(byte, 2);
  }
  return turned + uuid.substr(18) == normal_uuid(b);
}

std::string normal_serial(std::string_view serial) { return std::string(bare(serial)); }

std::string normal_mac(std::string_view mac) {
  std::string out = to_lower(bare(mac));
  std::ranges::replace(out, '-', ':');
  return out;
}

bool usable_uuid(std::string_view uuid) {
  const std::string text = normal_uuid(uuid);
  if (text.size() != uuid_length) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_lower_hex(text[i])) return false;
  }
  return !monotonous(text) && std::ranges::find(placeholder_uuids, text) == placeholder_uuids.end();
}

bool usable_serial(std::string_view serial) {
  const std::string text = to_lower(bare(serial));
  if (text.size() < 4 || text.size() > 64) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) return false;
  }
  if (text.find("filled") != std::string::npos || text.find("o.e.m") != std::string::npos) return false;
  return !monotonous(text) && std::ranges::find(placeholder_serials, text) == placeholder_serials.end();
}

bool usable_mac(std::string_view mac) {
  const std::string text = normal_mac(mac);
  if (text.size() != mac_length) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' : !is_lower_hex(text[i])) return false;
  }
  const char second = text[1];  // the lowest bit of the first octet marks a group address
  return hex_value(second) % 2 == 0 && !monotonous(text);
}

std::string machine_key(std::string_view uuid, std::string_view serial,
                        const std::vector<std::string>& macs) {
  const std::string u = usable_uuid(uuid) ? normal_uuid(uuid) : std::string();
  const std::string s = usable_serial(serial) ? normal_serial(serial) : std::string();
  if (!u.empty() || !s.empty()) return u + "/" + s;
  std::string lowest;
  for (const std::string& mac : macs) {
    if (!usable_mac(mac)) continue;
    const std::string text = normal_mac(mac);
    if (lowest.empty() || text < lowest) lowest = text;
  }
  return lowest.empty() ? std::string() : "mac/" + lowest;
}

}  // namespace metalmesh
