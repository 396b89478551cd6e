// What a folder's mesh looks like: sites, ports, addresses. A first start decides, later ones remember, and
// what is given on the command line changes it. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "schemas/config/up.pb.h"

namespace metalmesh::up {

constexpr std::uint16_t default_port = 8443;
constexpr char default_site[] = "local";
/// Only this machine reaches it: enough for simulated BMCs, and closed to everybody else.
constexpr char default_media_address[] = "127.0.0.1";

struct SiteChoice {
  std::string name;
  std::string media_address;  // empty: as it was, or the default
};
/// `par1` or `par1=10.20.0.5`.
Result<SiteChoice> parse_site(std::string_view text);

struct Choices {
  std::vector<SiteChoice> sites;      // added to those that are there
  std::string media_address;          // for every site that `sites` gives none
  std::optional<std::uint16_t> port;  // of the API; the broker and the sites' media follow it. 0: free ones
};

/// `remembered` is empty at the first start. `free_port` gives a port nobody listens on.
Result<config::Up> settle(const config::Up& remembered, const Choices& choices,
                          const std::function<std::uint16_t()>& free_port);

/// Sites whose address differs from before: their certificates name the old one.
std::vector<std::string> moved_sites(const config::Up& before, const config::Up& after);

}  // namespace metalmesh::up
