#include "agents/core/tree_walk.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agents/redfish/resources.h"

namespace metalmesh::agent {
namespace {

constexpr unsigned most_read = 300;
constexpr std::size_t deepest = 7;  // parts of a path: /redfish/v1/Systems/1/Storage/2/Drives

constexpr std::array<std::string_view, 8> wanted = {"Systems",        "Managers",    "Chassis",
                                                    "UpdateService",  "TaskService", "SessionService",
                                                    "LicenseService", "EventService"};
constexpr std::array<std::string_view, 13> unwanted = {
    "/LogServices", "/Sensors", "/Thermal", "/Power",    "/Assembly",  "/PCIe",        "/Memory",
    "/Processors",  "/Ports",   "/Fans",    "/Accounts", "/Sessions/", "/Certificates"};

bool is_wanted(std::string_view path) {
  constexpr std::string_view root = "/redfish/v1/";
  if (!path.starts_with(root) || std::ranges::count(path, '/') > static_cast<std::ptrdiff_t>(deepest))
    return false;
  const std::string_view rest = path.substr(root.size());
  return std::ranges::any_of(wanted, [&](auto part) { return rest.starts_with(part); }) &&
         std::ranges::none_of(unwanted, [&](auto part) { return path.contains(part); });
}

}  // namespace

void TreeWalk::saw(const HttpReplied& reply) {
  if (reply.status != 200) return;
  for (std::string& path : redfish::links_of(reply)) {
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    path.resize(std::min(path.find('#'), path.size()));
    if (is_wanted(path) && known_.insert(path).second) left_.push_back(std::move(path));
  }
}

bmc::Verdict TreeWalk::go_on(bmc::Dialogue& dialogue, bmc::Turn& turn) {
  for (; !left_.empty() && read_ < most_read; ++read_) {
    if (dialogue.read(turn, left_.front()) == nullptr) return bmc::Verdict::busy;
    left_.pop_front();
  }
  return bmc::Verdict::done;
}

}  // namespace metalmesh::agent
