// A work: what one order has done to one machine, as a pure machine. Inputs in, actions out, every durable fact in the
// record::Job that the caller commits before it releases the actions.
//
// The caller (agents/core) owns queueing, limits, materials, mount rows, fences and the stream, and knows no work by
// name: what differs is asked of its kind (kind.h). A work owns the conversation with one BMC: at most one request of
// it is under way, and every session is deleted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/log.h"
#include "common/base/time.h"
#include "common/ports/http_client.h"
#include "common/ports/prober.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/job.pb.h"

namespace metalmesh::work {

// ---- what can happen to a job -------------------------------------------------------------------

/// First input of a job, and the first one after a restart of the agent.
struct Resume {};
/// The `WaitFor` delay passed.
struct PollDue {};
/// From the media server, whenever it changed.
struct MediaRead {
  std::uint64_t bytes_covered = 0;
  std::uint64_t size = 0;
  std::string peer;
  std::uint64_t package_bytes = 0;  // from the package tree beside the medium
  bool wanted_whole = false;        // somebody would not stop at the closed fence
  bool sealed = false;              // it was booted, and starts nothing any more
  std::uint64_t starts_refused =
      0;  // looks for something to start, since; counts anew in each life of the media server
};
/// Likewise, of the second medium.
struct SecondRead {
  std::uint64_t bytes_covered = 0;
  std::uint64_t size = 0;
};
/// LAUNCHED is about to become durable (the caller has set job.launched in this same turn).
struct LaunchGranted {};
/// Somebody called back with the job's token.
struct CalledBack {
  bool from_new_system = false;  // it says that it is what was installed, not its installer
};
/// An operator's cancel that came before the point of no return (the caller has fenced the generation, and a mount
/// is DEAD), of a job in custody, which then lets go of its medium, or of a work that ends by a person's word. Any other
/// is too late, and nothing.
struct CancelAsked {};
/// The value of the job's credential was set anew.
struct CredentialSet {};
/// The media server was away, or its link, until now: nobody's silence meanwhile counts.
struct MediaBack {};
/// The media server could not complete TLS with a reader that looks like this job's BMC.
struct MediaTlsRefused {
  std::string detail;
};

/// The media server cannot compose the job's medium.
struct MediumRefused {
  std::string reason;
  bool temporary = false;  // the image could not be read; trying again may help
};

using JobInput =
    std::variant<Resume, HttpReplied, HttpFailed, PollDue, MediaRead, SecondRead, LaunchGranted, CalledBack,
                 CancelAsked, CredentialSet, MediaBack, MediaTlsRefused, MediumRefused, ProbeAnswered>;

// ---- what a job wants done ----------------------------------------------------------------------

/// Start this request; its id is "job/<deployment>/<n>". The answer comes back as an input of this job.
struct CallBmc {
  HttpRequest request;
};
/// Deliver PollDue after `delay`; replaces an earlier wait.
struct WaitFor {
  Duration delay;
};
struct StopWaiting {};
/// The job's mount must be in this state (job.mount_state is set already): row and MediaCommand are the
/// caller's.
struct SetMount {};
struct Probe {
  ProbeStart probe;
};
/// A fact for the event stream (server, deployment, generation and time are filled by the caller).
struct Tell {
  wire::Event event;
};
/// A login was refused: counts for the credential's breaker.
struct LoginRefused {};
struct LoginAccepted {};
/// The attempt is over and the disk untouched: try again later (the caller queues it; attempt was raised).
struct RetryLater {
  Duration delay;
};
/// What a later dialogue with the same BMC need not find out again.
struct KeepMap {
  record::BmcMap map;
};
/// What the host's screen showed, in Base64: for whoever reads what was said.
struct KeepScreen {
  std::string picture;
};
/// Terminal: job.ended is set, the Ended event (from custody: MediumReleased) is the last Tell before this.
/// Cleanup has run.
struct Finish {};

using JobAction = std::variant<CallBmc, WaitFor, StopWaiting, SetMount, Probe, Tell, LoginRefused,
                               LoginAccepted, RetryLater, KeepMap, KeepScreen, Finish>;

struct JobOutcome {
  std::vector<JobAction> actions;
  std::vector<LogLine> logs;
};

/// What the machine may not decide alone, asked at the moment it matters.
struct Gate {
  bool may_arm = false;  // proven incarnation, credential not held, not quarantined, disk above reserve
  wire::Fault why_not;   // when not
  bool vouched = false;  // this incarnation is the one that the controller knows
  std::optional<wire::Fault> no_login;  // why its credential must not be tried now
  bool clock_ok = false;  // start_by and launch_by can be judged (both bounds known well enough)
};

struct StageTimeouts {
  Duration bmc_request = std::chrono::seconds(30);
  Duration unreachable = std::chrono::seconds(45);    // before the job gives up on a BMC that never answered
  Duration bmc_lost = std::chrono::minutes(10);       // while an installer runs, a BMC may be away this long
  Duration confirm = std::chrono::minutes(2);         // what was inserted may show this late
  Duration first_read = std::chrono::minutes(20);     // power-on until the BMC reads, which may be after POST
  Duration power = std::chrono::minutes(2);           // one power change
  Duration power_conflict = std::chrono::minutes(5);  // while a BMC still does the one before
  Duration boot = std::chrono::minutes(30);           // power-on until the first guarded read
  Duration stall = std::chrono::minutes(35);          // no read, no power change; see ReadWatch::patience
  Duration longest_run = std::chrono::hours(24);      // of an installer whose order does not say
  Duration poll = std::chrono::seconds(5);
};

/// Where a BMC finds the job's media.
struct MediaUrls {
  std::string medium;
  std::string second;  // empty: there is none
  std::string base;    // ends before "/m/...", to tell our own leftovers from foreign media
  std::string ca;      // PEM, that they are checked by; empty: they come without TLS
};

class Work {
 public:
  virtual ~Work() = default;
  /// Told here: StageEntered, Armed, Held, RetryScheduled, Inspected, Ended, MediumReleased. The caller tells Launched
  /// and CancelAnswer.
  virtual JobOutcome handle(const JobInput& input, const Now& now, const Gate& gate) = 0;
  /// As the BMC told it last; empty: it does not tell, or was not asked.
  [[nodiscard]] virtual std::string boot_progress() const { return {}; }
};

}  // namespace metalmesh::work
