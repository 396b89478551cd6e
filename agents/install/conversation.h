// What one install knows while it talks to its BMC, and how stages work with it.
//
// A stage is written as if it ran from its first line each time something happens: it takes what is known,
// asks for the first thing that is missing, and returns. `busy` means an answer or a timer will call it
// again, `done` that the table in install_machine.cc may go on. fail() ends the attempt from anywhere.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agents/bmc/dialogue.h"
#include "agents/install/install_fault.h"
#include "agents/install/install_machine.h"
#include "agents/install/power_watch.h"
#include "agents/install/read_watch.h"
#include "agents/redfish/requests.h"
#include "agents/redfish/resources.h"

namespace metalmesh::install {

using bmc::Answer;
using bmc::Ask;
using bmc::Verdict;

struct Conversation {
  bmc::Dialogue bmc;
  std::optional<MonoTime> armed_wake;

  // Stages.
  std::vector<redfish::Slot> slots;  // that may be used, in the order in which they are tried
  bool slots_found = false;
  MonoTime slot_doubt_until;    // our medium may be in a slot that reads as empty
  bool awaits_earlier = false;  // what an earlier attempt inserted does not show, and may still come
  MonoTime entered;
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
  std::string last_refusal;  // the BMC's words
  bool arm_reading = false;
  std::optional<wire::FaultCode> held;
  int reset_tries = 0;
  std::optional<MonoTime> refused_since;  // a power change, with what may pass
  bool gentle_refused = false;            // a shutdown, by request or by the button
  int on_sends = 0;
  std::optional<MonoTime> told_off_at;
  bool forced_off = false;
  std::optional<MonoTime> told_on_at;
  PowerWatch power;                   // since the stage was entered
  std::optional<MonoTime> looked_at;  // when the power was last read
  bool os_ran = false;
  int firmware_seen = 0;  // readings in a row of firmware that starts, after an operating system ran
  std::set<std::string> stuck_slots;  // do not empty
  bool unboot_tried = false;
  ReadWatch reads;
  bool finish_told = false;  // that it has finished reading
  std::string tls_refusal;
  bool wanted_whole = false;  // the medium, in one response, before it was launched
  std::optional<MonoTime> on_since;
  bool proves_late = false;  // what the host shows in this life proves nothing of this install any more
  std::string probe_id;
  MonoTime next_probe;
  int port_probes = 0;  // before the final power-on
  int setbacks = 0;     // of cleanup

  // Time.
  std::optional<MonoTime> handled_at;  // the last input

  // A pause: the talk with the BMC failed while an installer runs, which goes on without it.
  std::optional<wire::Fault> trouble;  // why; told
  unsigned pauses = 0;                 // in a row
  bool login_barred = false;           // refused: not tried again before the credential is set anew
};

struct Context {
  record::Job& job;
  Conversation& talk;
  const StageTimeouts& timeouts;
  const MediaUrls& urls;
  Random& random;
  const Now& now;
  const Gate& gate;
  JobOutcome& out;
  bmc::Known known;
  bmc::Turn turn;
  std::optional<MonoTime> wake;
  bool failed = false;  // the stage is over
  bool paused = false;  // and goes on later

  [[nodiscard]] const wire::Agreed& agreed() const { return job.agreed(); }
  [[nodiscard]] const wire::Install& install() const { return job.agreed().install(); }
  [[nodiscard]] const wire::Issue& issue() const { return job.issue(); }
  void tell(wire::Event event) { out.actions.emplace_back(Tell{std::move(event)}); }
  void log(LogLevel level, std::string message);
  /// Be called again in `delay` at the latest.
  Verdict wait(Duration delay);
  /// Ends the attempt: keeps the first fault, shuts the fence, and goes to cleanup. While an installer may
  /// run, its medium stays: a fault of the talk only pauses the talk, any other ends the job in custody.
  /// Always busy.
  Verdict fail(wire::FaultCode code, const FaultFacts& facts);
  Verdict fail_with(wire::Fault fault);
  /// There is a ground to take the medium from a launched installer.
  void release(wire::MediumReleased::Ground ground);
  /// The talk works (again).
  void talk_works();
  void set_mount(wire::MountState state);
  void note_evidence(std::string line);
};

/// The fault of this job, if it failed now, would lead to another attempt.
bool will_retry(const record::Job& job, const Now& now);

}  // namespace metalmesh::install
