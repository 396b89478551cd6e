// What answers at one address, found out without a login: does anything take a connection there, does it do TLS, and is it a
// Redfish service root? Pure: answers are handed in, what is to be asked comes out.
//
// The connection that carries nothing comes first: most addresses of a range are empty, and those cost one SYN.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agents/bmc/discovery.h"
#include "common/ports/prober.h"
#include "schemas/wire/discovery.pb.h"

namespace metalmesh::agent {

class RootLook {
 public:
  /// `name`: its probe is called so, its HTTP requests "<name>/<n>". `host`: an address of IPv4 or IPv6.
  RootLook(std::string name, std::string host, std::uint16_t port, std::uint64_t seed);

  /// What to do next: send, or `go_on` at `wake` at the latest; or it is over: `found`, or nothing is there.
  struct Step {
    std::optional<HttpRequest> request;
    std::optional<MonoTime> wake;
    std::optional<wire::FoundBmc> found;
    bool silent = false;
  };
  [[nodiscard]] ProbeStart probe() const;
  Step on_answer(const ProbeAnswered& answer, const Now& now);
  Step on_reply(const HttpReplied& reply, const Now& now);
  Step on_failure(const HttpFailed& failed, const Now& now);
  Step go_on(const Now& now);

 private:
  template <class Input>
  Step take(const Input& input, const Now& now);
  Step conclude(bmc::Turn& turn);
  [[nodiscard]] wire::FoundBmc found(const redfish::ServiceRoot& root) const;
  [[nodiscard]] wire::FoundBmc odd(const bmc::Trouble& trouble) const;

  std::string name_;
  std::string host_;
  std::uint16_t port_;
  std::string address_;
  Random random_;
  bmc::Line line_;
  bmc::Discovery there_;
};

/// As the mesh writes it.
std::string bmc_address(const std::string& host, std::uint16_t port);
/// What a BMC says of itself, as much of it as is told on, on one line.
std::string told_text(std::string text);

}  // namespace metalmesh::agent
