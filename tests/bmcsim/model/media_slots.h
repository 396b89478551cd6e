// The virtual media slots: one for a CD, one for a stick that takes no URL, and perhaps a second that does.
// What a slot shows may lag behind the truth, and what it accepted may take its time.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tests/bmcsim/model/host.h"
#include "tests/bmcsim/model/redfish_message.h"
#include "tests/bmcsim/model/tasks.h"

namespace metalmesh::bmcsim {

class MediaSlots {
 public:
  /// References must outlive it.
  MediaSlots(const BmcOptions& options, Host& host, Tasks& tasks)
      : options_(options), host_(host), tasks_(tasks) {}

  /// Path of the collection.
  [[nodiscard]] std::string root() const;
  /// `path` begins with root().
  RedfishReply answer(const RedfishRequest& request, const std::string& path, MonoTime now);
  /// Inserts what was accepted and is due.
  void advance(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> next_due() const;
  /// The BMC restarts: what it shows is true, what it had accepted is forgotten.
  void restart(MonoTime now);

 private:
  struct Accepted {
    MonoTime due;
    std::string url;
  };
  [[nodiscard]] RedfishReply slot(const std::string& rest, const std::vector<std::string>& types,
                                  const std::string& url, bool takes_urls) const;
  RedfishReply second(const RedfishRequest& request, const std::string& rest, MonoTime now);
  /// `rest`: below the collection of the CD slot's certificates.
  RedfishReply certificates(const RedfishRequest& request, const std::string& rest);
  RedfishReply insert(const RedfishRequest& request, MonoTime now);
  RedfishReply inserting(MonoTime now);
  RedfishReply eject(MonoTime now);
  /// What the CD slot shows: after a change the old content, for a while.
  [[nodiscard]] const std::string& shown(MonoTime now) const;
  void changes(MonoTime now);

  const BmcOptions& options_;
  Host& host_;
  Tasks& tasks_;
  std::string shown_url_;
  MonoTime shown_until_;
  std::deque<Accepted> accepted_;
  std::vector<std::string> certificates_;  // PEM
};

}  // namespace metalmesh::bmcsim
