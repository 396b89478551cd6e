// Who already uses a UUID, a serial or a BMC address: what was registered, accepted or seen by an
// inspection. Two servers with one identity would share a fence, so the second is refused by name.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

class IdentityIndex {
 public:
  void add(const rest::Server& server);
  /// With the values it was added with.
  void remove(const rest::Server& server);

  struct Clash {
    std::string field;  // "uuid", "serial", "bmc.address"
    std::string value;
    std::string other;  // the server that has it
    std::string site;   // where that one stands
    /// For people of `own`: who is bound to it is not told which servers others have.
    [[nodiscard]] std::string owner(const std::string& own) const {
      return site == own ? "server " + other : "a server of another site";
    }
    [[nodiscard]] std::string next(const std::string& own, std::string step) const {
      return site == own ? std::move(step) : "ask someone who is bound to no site which one has " + value;
    }
  };
  /// The first thing that `identity` or `bmc_address` shares with a server other than `self`.
  [[nodiscard]] std::optional<Clash> clash(const std::string& self, const rest::ServerIdentity& identity,
                                           const std::string& bmc_address) const;

 private:
  std::map<std::string, std::map<std::string, std::string>> users_;  // "uuid=..." -> servers, and their sites
};

}  // namespace metalmesh::controller
