// The session service: who is logged in, and who may ask.
#pragma once

#include <map>
#include <string>

#include "tests/bmcsim/model/bmc_options.h"
#include "tests/bmcsim/model/redfish_message.h"

namespace metalmesh::bmcsim {

class Sessions {
 public:
  /// `options` must outlive it.
  explicit Sessions(const BmcOptions& options) : options_(options) {}

  /// By a session's token, or by Basic credentials.
  [[nodiscard]] bool authorized(const RedfishRequest& request) const;
  /// 401 when user or password are wrong, 503 when the table is full.
  RedfishReply log_in(const RedfishRequest& request);
  RedfishReply log_out(const std::string& id);
  /// Below /redfish/v1/SessionService; the caller is authorized.
  [[nodiscard]] RedfishReply read(const std::string& path) const;

  /// Somebody else logs in `count` times and stays.
  void occupy(std::size_t count);
  void release();
  /// As after a restart of the BMC.
  void end_all() { sessions_.clear(); }
  [[nodiscard]] std::size_t size() const { return sessions_.size(); }
  /// How many of them are somebody else's.
  [[nodiscard]] std::size_t strangers() const;

 private:
  struct Session {
    std::string token;
    std::string user;
    std::string origin;
  };
  const BmcOptions& options_;
  std::map<std::string, Session> sessions_;
  std::uint64_t next_id_ = 1;
};

}  // namespace metalmesh::bmcsim
