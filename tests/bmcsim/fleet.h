// Many simulated BMCs, each at its own loopback address (127.a.b.c), all on one port: as in a rack, an
// address is a machine. Identities are derived from the site name and the index, so every run agrees.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/bmcsim/model/bmc_model.h"

namespace metalmesh::bmcsim {

struct FleetOptions {
  std::string site = "par1";
  std::string first_address = "127.20.0.1";
  std::uint16_t port = 8000;
  std::uint32_t count = 10;
  std::string labels = "role=web";
  BmcOptions each;
};

struct Member {
  std::string address;
  std::unique_ptr<BmcModel> model;
};

class Fleet {
 public:
  /// Kinds: invalid (address, count).
  static Result<Fleet> build(const FleetOptions& options);

  std::vector<Member>& members() { return members_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  /// Null when there is none.
  BmcModel* by_name(const std::string& name);
  /// Server objects for `metalmesh apply`. Hosts get an address variable, nothing is left to DHCP.
  [[nodiscard]] std::string inventory(const FleetOptions& options) const;

 private:
  std::vector<Member> members_;
};

}  // namespace metalmesh::bmcsim
