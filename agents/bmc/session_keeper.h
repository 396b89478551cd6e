// How we are logged in: by a session where the BMC has them, with HTTP Basic where it has none. It knows
// every session of ours that may still exist, and deletes it: BMCs have room for four to sixteen.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/bmc/line.h"

namespace metalmesh::bmc {

class SessionKeeper {
 public:
  SessionKeeper() = default;
  /// `left_over`: sessions of an earlier life. `basic`: this BMC is known to have no sessions.
  SessionKeeper(std::vector<std::string> left_over, bool basic)
      : ours_(std::move(left_over)), basic_(basic) {}

  /// Logged in, and no session but the one in use is left.
  Verdict open(Turn& turn, Line& line, const redfish::ServiceRoot& root);
  /// Deletes all; `leaves`: nothing is asked of this BMC afterwards.
  Verdict close(Turn& turn, Line& line, bool leaves);

  /// Sessions of ours that may exist, the one in use among them.
  [[nodiscard]] const std::vector<std::string>& ours() const { return ours_; }
  [[nodiscard]] bool basic() const { return basic_; }
  void use_basic() { basic_ = true; }
  /// Logins name it from now on; empty: none.
  void use_domain(std::string domain) { domain_ = std::move(domain); }
  /// An earlier life may have logged in and not lived to hear what its session is called: once we are in, those that only we
  /// can have opened are ended, too.
  void seek_lost() { seeks_lost_ = true; }
  /// Whether there are sessions is open again; those that were opened are not forgotten.
  void forget_way() { basic_ = false; }

 private:
  Verdict log_in(Turn& turn, Line& line, const redfish::ServiceRoot& root);
  Verdict refused(Turn& turn, Line& line, const redfish::ServiceRoot& root, const HttpReplied& reply);
  Verdict fall_back(Turn& turn, Line& line, const redfish::ServiceRoot& root, const HttpReplied& reply);
  Verdict wait_for_room(Turn& turn, Line& line, Trouble otherwise);
  Verdict find_own(Turn& turn, Line& line, const redfish::ServiceRoot& root);
  Verdict find_lost(Turn& turn, Line& line, const redfish::ServiceRoot& root);
  Verdict read_list(Turn& turn, Line& line, const redfish::ServiceRoot& root);
  Verdict read_entries(Turn& turn, Line& line);
  Verdict delete_old(Turn& turn, Line& line);
  void own(std::string uri);

  std::vector<std::string> ours_;
  std::string current_;
  bool named_ = false;  // the session in use has been looked for
  bool seeks_lost_ = false;
  redfish::SessionList list_;
  std::vector<std::string> unread_;
  std::vector<redfish::SessionEntry> entries_;
  bool listed_ = false;
  bool basic_ = false;
  std::string domain_;
  std::optional<MonoTime> waits_since_;  // for room
  std::optional<HttpReplied> refusal_;  // of a login, while it is found out whether there are sessions at all
};

}  // namespace metalmesh::bmc
