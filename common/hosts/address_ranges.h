// The addresses that a person named, as networks, as a first and a last one, or one by one: in order, none twice, and no more
// than are to be asked at one time. A value; pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/hosts/ip_network.h"

namespace metalmesh::hosts {

class AddressRanges {
 public:
  /// Of all ranges together: sixteen networks of 256.
  static constexpr std::size_t most = 4096;

  AddressRanges() = default;
  /// "10.20.0.0/24" (without the addresses that no host may have), "10.20.0.5-10.20.0.40", "10.20.0.7"; IPv6 alike.
  /// Kind invalid: what is wrong, with what was written.
  static Result<AddressRanges> parse(std::span<const std::string> texts);

  [[nodiscard]] std::size_t size() const { return addresses_.size(); }
  [[nodiscard]] const IpAddress& at(std::size_t index) const { return addresses_.at(index); }

 private:
  std::vector<IpAddress> addresses_;
};

}  // namespace metalmesh::hosts
