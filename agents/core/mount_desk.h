// The media fence as the agent holds it: what each job's medium is, in which state, and the one rule that
// lets an installer start. Rows come first: the caller stores the job in the same outcome.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/core/agent_settings.h"
#include "agents/core/fence_table.h"
#include "agents/core/job_table.h"
#include "agents/core/site_standing.h"
#include "common/ports/entropy.h"

namespace metalmesh::agent {

/// What the medium of a job is made from.
struct MediumMaterials {
  const std::string* profile_blob;             // nullptr: it is served as it is
  const wire::ImageFacts* image;               // nullptr: a medium that only shows that it can be read
  const wire::ImageFacts* packages = nullptr;  // of the order's package image, if it names one
};

class MountDesk {
 public:
  static constexpr std::size_t token_bytes = 16;  // in a medium's name, as hex digits

  /// References must outlive the desk.
  MountDesk(Entropy& entropy, const AgentSettings& settings)
      : entropy_(entropy), settings_(settings), own_(settings.bmc_networks) {}

  /// Makes the medium of a job that is about to run: tokens, what it differs in from the image, state CLOSED.
  /// A medium of an earlier attempt that is DEAD is replaced by one with another token. Returns what makes it
  /// impossible (TEMPLATE_FAILED, IMAGE_UNSUITABLE, PROFILE_UNAVAILABLE), or nothing.
  std::optional<wire::Fault> prepare(record::Job& job, const MediumMaterials& with, const SiteStanding& site,
                                     Outcome& out);

  /// Where the machine's BMC finds the job's media. Nowhere, while the site's address is not known.
  [[nodiscard]] work::MediaUrls urls(const record::Job& job, const SiteStanding& site) const;

  /// Tells the media server what the job's media are now. The second medium stays closed until the installer
  /// on the first one is launched: an installer from elsewhere that looks for such a label must find nothing.
  void publish(const record::Job& job, Outcome& out) const;
  /// Of all the job's media.
  static std::vector<std::string> tokens(const record::Job& job);
  static void forget(const std::string& token, Outcome& out);

  /// Why the medium must not start an installer, whatever the time; nothing when it may. Asked at the first
  /// guarded read.
  static std::optional<std::string> why_not_launch(const record::Job& job, const FenceTable& fences);
  /// The fence closes for good: `launch_by` may have passed on some clock that we cannot rule out.
  static bool expired(const record::Job& job, const Now& now);
  /// It has passed on every clock that may be right.
  static bool surely_expired(const record::Job& job, const Now& now);

  static void verdict(const std::string& token, bool granted, Outcome& out);

 private:
  void renew_tokens(record::Job& job, Outcome& out);
  void serve(record::Job& job, const wire::ImageFacts* facts, Outcome& out) const;
  std::string token();
  void serve_packages(record::Job& job, const wire::ImageFacts* image);
  Entropy& entropy_;
  const AgentSettings& settings_;
  const BmcReach own_;  // as the site's own file says
};

}  // namespace metalmesh::agent
