// Who talks to which BMC: who changes anything is alone there with one who reads at most, and how many
// conversations are about to log in with a credential (the breaker's budget).
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
  enum class Use { reads, changes };

  void begin(const std::string& holder, Use use, std::string_view address, const std::string& credential,
             MonoTime now) {
    end(holder);
    const Talk& talk = talks_[holder] = {normal_bmc_address(address), credential, now, false, use};
    busy_.insert({talk.address, use});
  }
  /// It talked to this BMC before the agent started anew, and will go on when it can: it keeps its place there.
  void keep(const std::string& holder, Use use, std::string_view address) {
    if (talks_.contains(holder)) return;
    const Talk& talk = talks_[holder] = {normal_bmc_address(address), {}, {}, true, use};
    busy_.insert({talk.address, use});
  }
  void logged_in(const std::string& holder) {
    if (const auto talk = talks_.find(holder); talk != talks_.end()) talk->second.logged_in = true;
  }
  void end(const std::string& holder) {
    const auto talk = talks_.find(holder);
    if (talk == talks_.end()) return;
    busy_.erase(busy_.find({talk->second.address, talk->second.use}));
    talks_.erase(talk);
  }

  /// There is no room for another one of this use: an installer runs for an hour, and people ask meanwhile why it
  /// stands still; a reader is gone after seconds.
  [[nodiscard]] bool busy(std::string_view address, Use use) const {
    return busy_.contains({normal_bmc_address(address), Use::reads}) ||
           (use == Use::changes && changed(address));
  }
  /// Who changes something talks to it.
  [[nodiscard]] bool changed(std::string_view address) const {
    return busy_.contains({normal_bmc_address(address), Use::changes});
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
    Use use = Use::changes;
  };
  std::map<std::string, Talk> talks_;                // by holder: "job/<deployment>" or "inspect/<request>"
  std::multiset<std::pair<std::string, Use>> busy_;  // their addresses
};

}  // namespace metalmesh::agent
