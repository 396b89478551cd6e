#include "controller/up/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "common/text/letters.h"

namespace metalmesh::up {
namespace {

constexpr int sites_most = 64;  // each is a process; more of them belong on machines of their own
constexpr std::uint32_t highest_port = 65535;

/// A name that ends in a number can only be an IPv4 address, whatever looks it up.
bool ends_in_a_number(std::string_view text) {
  const auto last = text.substr(text.rfind('.') + 1);  // npos + 1 is 0
  return !last.empty() && std::ranges::all_of(last, is_digit);
}

/// Four numbers up to 255.
bool is_ipv4(std::string_view text) {
  int parts = 0;
  for (bool more = true; more; ++parts) {
    const auto dot = text.find('.');
    const auto part = text.substr(0, dot);
    more = dot != std::string_view::npos;
    text.remove_prefix(more ? dot + 1 : text.size());
    unsigned value = 0;
    const auto read = std::from_chars(part.data(), part.data() + part.size(), value);
    const bool whole = read.ec == std::errc() && read.ptr == part.data() + part.size();
    if (!whole || part.size() > 3 || value > 255) return false;
  }
  return parts == 4;
}

/// A host name, an IPv4 or an IPv6 address; nothing that could mean something else in a URL or a file.
bool is_host(std::string_view text) {
  if (text.find(':') == std::string_view::npos && ends_in_a_number(text)) return is_ipv4(text);
  return !text.empty() && text.size() <= 253 &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == ':'; });
}

Status check_address(std::string_view address) {
  const auto colons = std::ranges::count(address, ':');
  if (is_host(address) && colons != 1) return {};
  return fail(ErrorKind::invalid,
              fmt::format("media address \"{}\": give the name or IP address of this machine that BMCs "
                          "dial, without a port",
                          address));
}

config::UpSite* find_site(config::Up& settings, std::string_view name) {
  for (auto& site : *settings.mutable_sites()) {
    if (site.name() == name) return &site;
  }
  return nullptr;
}

void add_sites(config::Up& settings, const Choices& choices) {
  if (!choices.media_address.empty()) {
    for (auto& site : *settings.mutable_sites()) site.set_media_address(choices.media_address);
  }
  for (const SiteChoice& choice : choices.sites) {
    config::UpSite* site = find_site(settings, choice.name);
    if (site == nullptr) {
      site = settings.add_sites();
      site->set_name(choice.name);
      site->set_media_address(choices.media_address.empty() ? default_media_address : choices.media_address);
    }
    if (!choice.media_address.empty()) site->set_media_address(choice.media_address);
  }
}

/// Gives a port to everything that has none (0).
Status give_ports(config::Up& settings, std::uint32_t base, const std::function<std::uint16_t()>& free_port) {
  std::uint32_t next = base;
  for (const auto& site : settings.sites()) next = std::max(next, site.media_port() + 1);
  next = std::max({next, settings.api_port() + 1, settings.broker_port() + 1});
  const auto take = [&] { return settings.free_ports() ? std::uint32_t{free_port()} : next++; };
  if (settings.api_port() == 0) settings.set_api_port(take());
  if (settings.broker_port() == 0) settings.set_broker_port(take());
  for (auto& site : *settings.mutable_sites()) {
    if (site.media_port() == 0) site.set_media_port(take());
  }
  if (next <= highest_port + 1) return {};
  return fail(ErrorKind::invalid,
              fmt::format("--port {}: the broker and the sites' media take the ports after it, up to {}",
                          base, next - 1));
}

void forget_ports(config::Up& settings) {
  settings.set_api_port(0);
  settings.set_broker_port(0);
  for (auto& site : *settings.mutable_sites()) site.set_media_port(0);
}

}  // namespace

Result<SiteChoice> parse_site(std::string_view text) {
  const auto equals = text.find('=');
  SiteChoice choice{std::string(text.substr(0, equals)), {}};
  if (choice.name.empty())
    return fail(ErrorKind::invalid, fmt::format("--site {}: expected NAME or NAME=ADDRESS", text));
  if (equals == std::string_view::npos) return choice;
  choice.media_address = text.substr(equals + 1);
  if (auto fine = check_address(choice.media_address); !fine) return std::unexpected(fine.error());
  return choice;
}

Result<config::Up> settle(const config::Up& remembered, const Choices& choices,
                          const std::function<std::uint16_t()>& free_port) {
  if (!choices.media_address.empty()) {
    if (auto fine = check_address(choices.media_address); !fine) return std::unexpected(fine.error());
  }
  config::Up settings = remembered;
  add_sites(settings, choices);
  if (settings.sites_size() == 0) add_sites(settings, {{{default_site, {}}}, choices.media_address, {}});
  if (settings.sites_size() > sites_most) {
    return fail(ErrorKind::invalid,
                fmt::format("{} sites: at most {} run beside one controller; give the others an agent on a "
                            "machine of their own",
                            settings.sites_size(), sites_most));
  }
  std::uint32_t base = default_port;
  if (choices.port) {
    forget_ports(settings);
    settings.set_free_ports(*choices.port == 0);
    base = *choices.port;
  }
  if (auto given = give_ports(settings, base, free_port); !given) return std::unexpected(given.error());
  return settings;
}

std::vector<std::string> moved_sites(const config::Up& before, const config::Up& after) {
  std::map<std::string, std::string> known;
  for (const auto& site : before.sites()) known[site.name()] = site.media_address();
  std::vector<std::string> out;
  for (const auto& site : after.sites()) {
    const auto found = known.find(site.name());
    if (found != known.end() && found->second != site.media_address()) out.push_back(site.name());
  }
  return out;
}

}  // namespace metalmesh::up
