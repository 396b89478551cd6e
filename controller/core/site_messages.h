// What sites say: which of it is believed, and what follows from it. A frame is taken from a site that was applied and
// not revoked, if its signature holds and the site keeps within its share; what its link makes of it (site_link.h) is
// folded into the ledger, and answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/ports/input.h"
#include "controller/core/first_hearing.h"
#include "controller/core/site_quota.h"
#include "controller/core/transcripts.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

class SiteMessages {
 public:
  /// References must outlive this.
  SiteMessages(const Verifier& verifier, SiteShare share, FirstHearing& hearing, Transcripts& transcripts)
      : verifier_(verifier), share_(share), hearing_(hearing), transcripts_(transcripts) {}

  /// `bus_up`: answers may leave.
  void take(Work& work, const MessageArrived& message, bool bus_up);

 private:
  void take_news(Work& work, const std::string& site, SiteLink& link, SiteNews news, bool bus_up);
  void answer_blob(Work& work, const std::string& site, const SiteLink& link, const wire::BlobWant& want);
  /// Whether the site may tell so much more now; if not, people are told.
  bool fits_share(Work& work, const std::string& site, std::size_t bytes);
  /// A line at the 1st, 2nd, 4th, 8th ... time: noise must not fill a disk.
  void odd(Work& work, const std::string& site, const std::string& what);

  const Verifier& verifier_;
  const SiteShare share_;
  FirstHearing& hearing_;
  Transcripts& transcripts_;
  std::set<std::string> strangers_;                // that were named in the log
  std::map<std::string, std::uint64_t> oddities_;  // by site
  struct Told {
    SiteQuota quota;
    std::optional<MonoTime> at;  // that it was too much
  };
  std::map<std::string, Told> told_;  // by site
};

}  // namespace metalmesh::controller
