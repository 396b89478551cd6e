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

#include "agents/install/install_fault.h"
#include "agents/install/install_machine.h"
#include "agents/install/power_watch.h"
#include "agents/install/read_watch.h"
#include "agents/redfish/error_info.h"
#include "agents/redfish/requests.h"
#include "agents/redfish/resources.h"

namespace metalmesh::install {

enum class Verdict { busy, done };

enum class Ask {
  root,
  login,
  logout,
  systems,
  system,
  ethernet,
  macs,
  managers,
  manager,
  action_info,
  slots,
  slot,
  task,
  // Calls that change something; each has an intent (see intent_of).
  insert,
  eject,
  boot,
  unboot,
  reset,
};

/// How a changing call ended.
struct Answer {
  enum class Kind {
    accepted,
    refused,  // answered, and not done
    unsent,   // never reached the BMC
    unknown,  // no answer, or none that tells: look before repeating
  };
  Ask ask{};
  Kind kind = Kind::unknown;
  int status = 0;
  redfish::Refusal refusal = redfish::Refusal::other;
  redfish::ErrorInfo error;
};

struct Conversation {
  struct Flight {
    std::string id;
    Ask ask{};
    redfish::Request request;
    std::string asked_path;  // before redirects
    MonoTime sent_at;
    int redirects = 0;
  };

  // Transport.
  std::optional<Flight> flight;
  std::uint64_t next_number = 0;
  std::string peer_key;  // the key this conversation is bound to
  std::string token;
  std::string session_uri;
  int refused_tokens = 0;
  std::optional<MonoTime> silent_since;
  unsigned failures = 0;                  // in a row
  std::optional<MonoTime> useless_since;  // it answers with what cannot be read
  MonoTime retry_at;
  std::optional<MonoTime> armed_wake;
  std::optional<HttpReplied> reply;  // to `reply_to`, not taken yet
  Ask reply_to{};
  std::string reply_path;
  std::optional<Answer> answer;  // of the last changing call, not taken yet
  struct Follow {
    Answer answer;
    std::string path;
    MonoTime since;
    bool reported = false;
  };
  std::optional<Follow> task;

  // Discovery.
  std::optional<redfish::ServiceRoot> root;
  std::optional<std::vector<std::string>> system_uris;
  std::vector<redfish::System> candidates;
  std::optional<redfish::System> system;
  bool fresh = false;  // `system` was read since look_again()
  std::optional<std::vector<std::string>> mac_uris;
  std::size_t next_mac = 0;
  std::vector<std::string> mac_sources;  // interfaces that showed an ordered MAC
  std::vector<std::string> macs;
  bool macs_read = false;
  bool identified = false;
  std::optional<MonoTime> unknown_since;  // the BMC does not tell who it is
  bool managers_known = false;
  std::vector<std::string> managers;
  std::size_t next_manager = 0;
  std::optional<std::string> manager_list;  // VirtualMedia of that manager
  bool system_list_used = false;
  std::vector<std::string> slot_uris;
  std::size_t next_slot = 0;
  std::vector<redfish::Slot> slots;
  bool slots_found = false;
  std::optional<redfish::Slot> slot;  // the last one looked at
  bool slot_gone = false;
  bool slot_fresh = false;
  MonoTime slot_doubt_until;  // our medium may be in a slot that reads as empty
  MonoTime next_look;

  // Stages.
  MonoTime entered;
  bool first_inserted = false;  // and confirmed
  bool second_inserted = false;
  std::size_t chosen_slot = 0;
  redfish::InsertExtras extras;
  int insert_tries = 0;
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

  /// Everything that was learned from the BMC is to be asked for again, on a new connection.
  void start_over();
  /// The machine is to be identified again before anything else is believed or done.
  void forget_identity() {
    identified = macs_read = fresh = false;
    macs.clear();
    mac_uris.reset();
    next_mac = 0;
  }
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
  std::optional<MonoTime> wake;
  bool failed = false;  // the stage is over
  bool paused = false;  // and goes on later

  [[nodiscard]] const wire::StartInstall& order() const { return job.order(); }
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
