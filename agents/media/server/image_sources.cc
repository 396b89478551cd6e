#include "agents/media/server/image_sources.h"

#include <algorithm>
#include <array>

#include "common/hosts/ip_network.h"

namespace metalmesh::media {
namespace {

constexpr std::array own = {"127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128"};
constexpr std::array link_local = {"169.254.0.0/16", "fe80::/10"};
constexpr char next[] =
    ": the agent's configuration names what may be fetched from all the same (imageSources.networks)";

std::optional<hosts::IpInterface> network_of(const std::string& text) {
  if (auto network = hosts::parse_interface(text)) return network;
  const auto address = hosts::parse_address(text);
  if (!address) return std::nullopt;
  return hosts::IpInterface{*address, address->v6 ? 128U : 32U};
}

template <class Networks>
bool holds(const Networks& networks, const hosts::IpAddress& address) {
  return std::ranges::any_of(networks, [&](const std::string& text) {
    const auto network = network_of(text);
    return network && network->network_holds(address);
  });
}

/// ::ffff:127.0.0.1 is 127.0.0.1.
hosts::IpAddress plain(hosts::IpAddress address) {
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (!address.v6 || !std::equal(mapped.begin(), mapped.end(), address.bytes.begin())) return address;
  hosts::IpAddress v4;
  std::copy(address.bytes.begin() + mapped.size(), address.bytes.end(), v4.bytes.begin());
  return v4;
}

}  // namespace

bool is_network(const std::string& text) { return network_of(text).has_value(); }

std::optional<std::string> ImageSources::why_not(const std::string& address) const {
  const auto parsed = hosts::parse_address(address);
  if (!parsed) return "its address is none that is understood";
  const hosts::IpAddress at = plain(*parsed);
  if (holds(open, at)) return std::nullopt;
  if (holds(own, at)) return std::string("it is on this site's own machine") + next;
  if (holds(link_local, at)) return std::string("its address is link-local") + next;
  return std::nullopt;
}

bool ImageSources::have(const std::filesystem::path& path) const {
  if (!path.is_absolute() || path != path.lexically_normal()) return false;
  return std::ranges::any_of(folders, [&](const std::filesystem::path& folder) {
    // A folder may be written with a slash at its end: that is an empty last part.
    const auto end = folder.has_filename() ? folder.end() : std::prev(folder.end());
    const auto [below, rest] = std::mismatch(folder.begin(), end, path.begin(), path.end());
    return below == end && rest != path.end();
  });
}

}  // namespace metalmesh::media
