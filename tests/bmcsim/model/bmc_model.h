// One simulated BMC: a standards-shaped Redfish service in front of a Host. Pure; the program
// (metalmesh-bmcsim) and the whole-mesh simulation put it on their own transport and clock.
//
// It shows only what real BMCs show, and remembers what they would not: sessions left open, calls that
// disturbed an install, a medium that installed twice.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/ports/http_client.h"
#include "tests/bmcsim/model/host.h"

namespace boost::json {
class value;
}

namespace metalmesh::bmcsim {

struct RedfishRequest {
  std::string method;
  std::string path;  // without query
  Headers headers;   // names in lower case
  std::string body;
};

struct RedfishReply {
  int status = 200;
  Headers headers;
  std::string body;
  bool drop = false;  // end the connection without an answer
  bool kill = false;  // a FaultRule asked for a kill
};

class BmcModel {
 public:
  /// Makes the machine behind the BMC; the options it is given live as long as the model.
  using MakeHost = std::function<std::unique_ptr<Host>(const BmcOptions&)>;

  /// In front of a TimerHost.
  explicit BmcModel(BmcOptions options);
  BmcModel(BmcOptions options, const MakeHost& make_host);
  BmcModel(const BmcModel&) = delete;
  BmcModel& operator=(const BmcModel&) = delete;

  RedfishReply handle(const RedfishRequest& request, MonoTime now);
  std::vector<HostWish> advance(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> next_due() const;
  void answered(std::uint64_t ticket, int status, std::string_view bytes, std::uint64_t size, MonoTime now);

  /// Live settings; take effect with the next request or boot.
  BmcOptions& options() { return options_; }
  Host& host() { return *host_; }
  [[nodiscard]] const Host& host() const { return *host_; }
  /// The BMC restarts: its sessions and tasks are gone, and what was inserted too when `drops_media`. The
  /// host does not notice.
  void restart(MonoTime now, bool drops_media);
  /// Somebody else logs in `count` times and stays; `release_sessions` makes them leave.
  void occupy_sessions(std::size_t count);
  void release_sessions();
  void add_fault(FaultRule rule) { faults_.push_back(std::move(rule)); }
  /// Puts somebody else's medium into the CD slot.
  void insert_foreign(std::string url, MonoTime now) { host_->insert(now, std::move(url)); }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  /// The first requests, in order, as "GET /redfish/v1/...".
  struct Asked {
    MonoTime at;
    std::string what;
  };
  [[nodiscard]] const std::vector<Asked>& asked() const { return asked_; }

 private:
  struct Session {
    std::string token;
    std::string user;
  };
  struct Task {
    std::optional<MonoTime> done;  // nothing: when the host has inserted, or could not
    std::string failure;
  };
  RedfishReply dispatch(const RedfishRequest& request, MonoTime now);
  RedfishReply login(const RedfishRequest& request, MonoTime now);
  RedfishReply logout(const std::string& id, MonoTime now);
  RedfishReply system(const RedfishRequest& request, MonoTime now);
  RedfishReply patch_boot(const RedfishRequest& request, MonoTime now);
  RedfishReply reset(const RedfishRequest& request, MonoTime now);
  RedfishReply media(const RedfishRequest& request, const std::string& rest, MonoTime now);
  [[nodiscard]] RedfishReply slot(const std::string& rest, const std::vector<std::string>& types,
                                  const std::string& url, bool takes_urls) const;
  RedfishReply second_media(const RedfishRequest& request, const std::string& rest, MonoTime now);
  RedfishReply insert(const RedfishRequest& request, MonoTime now);
  RedfishReply inserting(MonoTime now);
  RedfishReply eject(MonoTime now);
  RedfishReply task(const std::string& path, MonoTime now);
  void settle_tasks(MonoTime now);
  [[nodiscard]] bool authorized(const RedfishRequest& request) const;
  [[nodiscard]] std::string system_etag() const;
  [[nodiscard]] std::string media_root() const;
  /// What the CD slot shows: after a change the old content, for a while.
  [[nodiscard]] const std::string& shown(MonoTime now) const;
  void slot_changes(MonoTime now);
  FaultRule* match(Op op, const RedfishRequest& request, FaultRule::When when);

  BmcOptions options_;
  std::unique_ptr<Host> host_;
  std::map<std::string, Session> sessions_;
  std::map<std::string, Task> tasks_;
  std::vector<FaultRule> faults_;
  std::uint64_t next_id_ = 1;
  std::uint64_t boot_version_ = 1;
  std::string shown_url_;  // what the slot shows, `slot_lag` behind the truth
  MonoTime shown_until_;
  std::uint64_t requests_ = 0;
  std::vector<Asked> asked_;
};

}  // namespace metalmesh::bmcsim
