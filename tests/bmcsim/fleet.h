// Many simulated BMCs, each at its own loopback address (127.a.b.c), all on one port: as in a rack, an
// address is a machine. Identities are derived from the site name and the index, so every run agrees. Some of
// them may have a real machine behind them (QemuOptions), the others pretend.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/bmcsim/model/bmc_model.h"
#include "tests/bmcsim/qemu/qemu_options.h"

namespace metalmesh::bmcsim {

struct FleetOptions {
  std::string site = "par1";
  std::string first_address = "127.20.0.1";
  std::uint16_t port = 8000;
  std::uint32_t count = 10;
  std::string labels = "role=web";
  BmcOptions each;
  std::vector<QemuOptions> qemu;  // by the names of their servers
  /// What they show themselves as, by the names of their servers; "": all that are not named.
  std::map<std::string, std::shared_ptr<const Personality>> worn;
};

struct Member {
  std::string address;
  std::unique_ptr<BmcModel> model;
};

class Fleet {
 public:
  /// Makes the machine behind a BMC that has a real one.
  using MakeQemu =
      std::function<std::unique_ptr<Host>(const QemuOptions& machine, const BmcOptions& identity)>;

  /// Without `make_qemu` every machine pretends (enough for an inventory). Kinds: invalid (address, count, a
  /// real machine for a server that does not exist).
  static Result<Fleet> build(const FleetOptions& options, const MakeQemu& make_qemu = {});

  std::vector<Member>& members() { return members_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  /// Null when there is none.
  BmcModel* by_name(const std::string& name);
  /// Server objects for `metalmesh apply`, by what each tells of itself. Hosts get an address variable, nothing is left to DHCP; real
  /// machines are labelled machine=qemu and get one in QEMU's own network, and its gateway.
  [[nodiscard]] std::string inventory(const FleetOptions& options) const;

 private:
  std::vector<Member> members_;
};

}  // namespace metalmesh::bmcsim
