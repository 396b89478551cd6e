// Who talks to which BMC: one conversation per address, so that a job and an inspection never cross, and
// how many conversations are about to log in with a credential (the breaker's budget).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/bmc_address.h"
#include "common/base/time.h"

namespace metalmesh::agent {

class BmcDesk {
 public:
  void begin(const std::string& holder, std::string_view address, const std::string& credential,
             MonoTime now) {
    end(holder);
    const Talk& talk = talks_[holder] = {normal_bmc_address(address), credential, now, false};
    busy_.insert(talk.address);
  }
  /// It talked to this BMC before the agent started anew, and will go on when it can: nobody else may meanwhile.
  void keep(const std::string& holder, std::string_view address) {
    if (!talks_.contains(holder))
      busy_.insert((talks_[holder] = {normal_bmc_address(address), {}, {}, true}).address);
  }
  void logged_in(const std::string& holder) {
    if (const auto talk = talks_.find(holder); talk != talks_.end()) talk->second.logged_in = true;
  }
  void end(const std::string& holder) {
    const auto talk = talks_.find(holder);
    if (talk == talks_.end()) return;
    busy_.erase(busy_.find(talk->second.address));
    talks_.erase(talk);
  }

  [[nodiscard]] bool busy(std::string_view address) const {
    return busy_.contains(normal_bmc_address(address));
  }
  /// A BMC that stays silent for longer than `patience` will hardly log anyone in: it stops counting, so that
  /// dead BMCs do not stand in the way of live ones.
  static constexpr Duration patience = std::chrono::seconds(10);
  [[nodiscard]] std::uint32_t logging_in(std::string_view credential, MonoTime now) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(talks_, [&](const auto& item) {
      const Talk& talk = item.second;
      return talk.credential == credential && !talk.logged_in && now - talk.begun < patience;
    }));
  }

 private:
  struct Talk {
    std::string address;
    std::string credential;
    MonoTime begun;
    bool logged_in = false;
  };
  std::map<std::string, Talk> talks_;  // by holder: "job/<deployment>" or "inspect/<request>"
  std::multiset<std::string> busy_;    // their addresses
};

}  // namespace metalmesh::agent
