// What one install knows while it talks to its BMC, beside what every work does (agents/work/context.h).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/install/install_fault.h"
#include "agents/install/install_machine.h"
#include "agents/install/read_watch.h"
#include "agents/install/restart_watch.h"
#include "agents/install/terms.h"
#include "agents/redfish/requests.h"
#include "agents/redfish/resources.h"
#include "agents/work/context.h"
#include "agents/work/power_watch.h"

namespace metalmesh::install {

using bmc::Answer;
using bmc::Ask;
using bmc::Verdict;
using work::CallBmc;
using work::CalledBack;
using work::CancelAsked;
using work::CredentialSet;
using work::Finish;
using work::Gate;
using work::JobInput;
using work::JobOutcome;
using work::LaunchGranted;
using work::MediaBack;
using work::MediaRead;
using work::MediaTlsRefused;
using work::MediaUrls;
using work::MediumRefused;
using work::PollDue;
using work::PowerWatch;
using work::Probe;
using work::Resume;
using work::RetryLater;
using work::SecondRead;
using work::SetMount;
using work::StageTimeouts;
using work::Tell;

struct Conversation : work::Talk {
  // Stages.
  std::vector<redfish::Slot> slots;  // that may be used, in the order in which they are tried
  bool slots_found = false;
  std::optional<MonoTime> media_enabled_at;  // where that makes its slots appear
  MonoTime slot_doubt_until;                 // our medium may be in a slot that reads as empty
  bool awaits_earlier = false;  // what an earlier attempt inserted does not show, and may still come
  bool first_inserted = false;  // and confirmed
  bool second_inserted = false;
  std::size_t chosen_slot = 0;
  redfish::InsertExtras extras;
  int insert_tries = 0;
  std::string insert_seen;   // how the last one was answered
  std::string insert_words;  // and the BMC's own words
  std::string unseen_slot;   // that took one of ours and does not show it: it may still come
  std::size_t etag_step = 0;
  bool without_mode = false;
  int boot_tries = 0;
  int boot_sends = 0;
  std::string boot_etag;      // the override was last sent with this one
  bool etag_refused = false;  // and refused for it
  std::string eject_uri;
  int eject_posts = 0;
  redfish::EjectForm eject_form = redfish::EjectForm::object;
  MonoTime eject_at;
  int reset_tries = 0;
  std::optional<MonoTime> refused_since;  // a power change, with what may pass
  bool gentle_refused = false;            // a shutdown, by request or by the button
  int on_sends = 0;
  std::optional<MonoTime> told_off_at;
  bool forced_off = false;
  bool power_read_again = false;  // since the stage was entered
  std::optional<MonoTime> told_on_at;
  PowerWatch power;                             // since the stage was entered
  std::optional<MonoTime> looked_at;            // when the power was last read
  RestartWatch restarts;                        // likewise
  std::optional<std::uint64_t> starts_refused;  // as the media server told it last
  std::optional<std::uint64_t> quiet_at;  // so much was read when a running system was seen to read no more
  std::optional<std::uint64_t> slot_seen_at;  // so much was read when the slot was looked at
  std::optional<MonoTime> slot_asked;         // since it is
  bool slot_empty = false;                    // by one reading
  std::set<std::string> stuck_slots;          // do not empty
  bool unboot_tried = false;
  ReadWatch reads;
  bool finish_told = false;  // that it has finished reading
  std::string tls_refusal;
  std::optional<MonoTime> screen_asked;  // in this life, once
  bool screen_seen = false;              // or it is not to be had
  bool wanted_whole = false;             // the medium, in one response, before it was launched
  bool tells_what_runs = false;          // the BMC, by BootProgress, since the final power-on
  bool port_answered = false;            // once, since then
  bool proves_late = false;  // what the host shows in this life proves nothing of this install any more
  std::string probe_id;
  MonoTime next_probe;
  int port_probes = 0;  // before the final power-on
  int setbacks = 0;     // of cleanup

  // A pause: the talk with the BMC failed while an installer runs, which goes on without it.
  std::optional<wire::Fault> trouble;  // why; told
  unsigned pauses = 0;                 // in a row
  bool login_barred = false;           // refused: not tried again before the credential is set anew
};

struct Context : work::Context {
  Context(record::Job& row, const wire::Install& agreed_to, Conversation& said, const StageTimeouts& limits,
          const MediaUrls& served, Random& chance, const Now& time, const Gate& allowed, JobOutcome& decided,
          bmc::Known hints)
      : work::Context(row, said, limits, chance, time, allowed, decided, hints),
        talk(said),
        urls(served),
        terms(agreed_to) {}

  Conversation& talk;
  const MediaUrls& urls;
  const wire::Install& terms;
  bool paused = false;  // and goes on later

  [[nodiscard]] const wire::Install& install() const { return terms; }
  [[nodiscard]] wire::Fault fault_of(wire::FaultCode code, const FaultFacts& facts) const override {
    return make_fault(job, code, facts);
  }
  /// Ends the attempt: keeps the first fault, shuts the fence, and goes to cleanup. While an installer may
  /// run, its medium stays: a fault of the talk only pauses the talk, any other ends the job in custody.
  /// Always busy.
  Verdict fail(wire::FaultCode code, const FaultFacts& facts) override;
  Verdict fail_with(wire::Fault fault);
  void settle(const Answer& answer) override;
  /// While an installer runs, or has ended, much longer; while the new system's proof is awaited, that wait's own
  /// deadline decides.
  [[nodiscard]] std::optional<Duration> patience() const override;
  /// Whoever still serves reads to the installer is not gone.
  [[nodiscard]] MonoTime alive() const override { return talk.reads.last(); }
  /// Refused elsewhere meanwhile, or here.
  [[nodiscard]] const std::optional<wire::Fault>& why_no_login() const override;
  void barred(const wire::Fault& why) override;
  void take(const bmc::Trouble& trouble) override;
  /// There is a ground to take the medium from a launched installer.
  void release(wire::MediumReleased::Ground ground);
  /// The talk works (again).
  void talk_works();
  void set_mount(wire::MountState state);
};

/// The fault of this job, if it failed now, would lead to another attempt.
bool will_retry(const record::Job& job, const Now& now);

}  // namespace metalmesh::install
