// From which networks something may be asked, and who asked from elsewhere. A value; pure.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/hosts/ip_network.h"

namespace metalmesh::media {

class FromWhere {
 public:
  /// None: from anywhere. One that cannot be read lets nobody in.
  void only(const google::protobuf::RepeatedPtrField<std::string>& networks) {
    bound_ = !networks.empty();
    networks_.clear();
    for (const std::string& network : networks)
      if (const auto range = hosts::parse_interface(network)) networks_.push_back(*range);
  }

  [[nodiscard]] bool lets(const std::string& peer) const {
    if (!bound_) return true;
    const auto address = hosts::parse_address(peer);
    return address &&
           std::ranges::any_of(networks_, [&](const auto& n) { return n.network_holds(*address); });
  }

  /// Whether a stranger is worth telling: each address once, and no more than a few.
  bool is_news(const std::string& stranger) {
    constexpr std::size_t most = 4;
    return told_.size() < most && told_.insert(stranger).second;
  }

 private:
  bool bound_ = false;
  std::vector<hosts::IpInterface> networks_;
  std::set<std::string> told_;
};

}  // namespace metalmesh::media
