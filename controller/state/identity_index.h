// Who already uses a UUID, a serial or a BMC address: what was registered, accepted or seen by an
// inspection. Two servers with one identity would share a fence, so the second is refused by name. An address says
// which BMC it is within its site alone: edge sites have the same subnet each. Host names and addresses that two servers
// are to have are told, and no more: who has one by mistake may have the other one corrected.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

struct IdentitiesToBe;

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
  /// Of a BMC.
  struct Place {
    std::string site;
    std::string address;  // empty: it does not matter
  };
  /// The first thing that `identity` or the BMC at `place` shares with a server other than `self`.
  [[nodiscard]] std::optional<Clash> clash(const std::string& self, const rest::ServerIdentity& identity,
                                           const Place& place, const IdentitiesToBe* to_be = nullptr) const;
  /// Host names ("hostname") and addresses ("host address") that `server` shares with others, one of them each.
  [[nodiscard]] std::vector<Clash> shared_host(const rest::Server& server,
                                               const IdentitiesToBe* to_be = nullptr) const;

 private:
  struct Mark;
  static std::vector<Mark> marks_of(const rest::Server& server);
  static std::vector<Mark> host_marks(const rest::Server& server);
  static void add_marks(const rest::ServerIdentity& identity, std::vector<Mark>& marks);
  static Mark place_mark(const Place& place);
  [[nodiscard]] std::optional<Clash> user_of(const std::string& self, const Mark& mark,
                                             const IdentitiesToBe* to_be) const;

  std::map<std::string, std::map<std::string, std::string>> users_;  // "uuid=..." -> servers, and their sites
};

/// Of servers that are about to be stored: what they have by then, instead of what an index knows of them.
struct IdentitiesToBe {
  std::set<std::string> servers;
  IdentityIndex index;
};

/// What tells one host name from another: one with a domain everywhere, a bare one within its site.
std::string host_name_key(const rest::Server& server);

}  // namespace metalmesh::controller
