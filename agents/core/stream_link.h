// The agent's end of the link to the controller: Hello and Welcome, the command stream, acks, controller
// epochs, and the reasons for which this incarnation may not act (quarantine, twin, unproven).
//
// A Welcome or command of a lower controller epoch than the highest seen is refused: it comes from a
// controller that was replaced. The highest epoch is durable before anything of it is acted on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/core/agent_settings.h"
#include "agents/core/event_journal.h"
#include "agents/core/followed_controller.h"
#include "agents/core/up_channel.h"
#include "common/delivery/presence.h"
#include "common/delivery/stream_receiver.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/clock.pb.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::agent {

class StreamLink {
 public:
  /// References must outlive the link.
  StreamLink(const RowReader& rows, const AgentSettings& settings, const Verifier& verifier,
             UpChannel& channel, EventJournal& journal, Entropy& entropy);

  /// Before any other input: goes on with the time that the last life had learned.
  void on_started(const Now& now);
  /// At each input: who woke late asks whether it is still the only one.
  void look_whether_woken(const Now& now, Outcome& out);
  /// At each input, with the machine's own clock. True when what may start may have changed.
  bool look_at_clock(const Now& now, Outcome& out);
  /// Writes down what time it is: at once when it was set, else where rows are written anyway and the last
  /// time is old.
  void keep_clock(const Now& now, Outcome& out);
  /// Writes down how far the controller's ledger was, where rows are written anyway.
  void keep_ledger(Outcome& out);

  void on_bus_up(const Now& now, Outcome& out);
  void on_bus_down(Outcome& out);
  /// Timer "hello".
  void on_hello_due(const Now& now, Outcome& out);

  struct Received {
    std::vector<delivery::Entry> commands;  // new ones, in order; their cursor is in the same outcome
    std::optional<wire::BlobChunk> chunk;
    std::optional<wire::BlobWant> want;  // of what this journal's agent keeps
    bool acked = false;                  // the controller holds more of our events
    bool standing = false;               // what this incarnation may do may have changed
    Duration clock_stepped{};    // the time was set back by this: bounds that were given before move along
    bool clock_learned = false;  // a time is known that the last life did not know
  };
  /// The choke point: only verified bytes get past it.
  Received on_message(const MessageArrived& message, const Now& now, Outcome& out);

  /// The time to decide by: the controller's, as far as our own monotone clock agrees; at a site without WAN
  /// the machine's. While nobody vouches for one, any time may be the true one.
  [[nodiscard]] Now trusted(const Now& now) const;
  /// The bounds of `order` by that time: the controller's clock may have been set since it made them.
  void fit_to_clock(wire::Issue& issue) const;
  /// Nothing when irreversible acts are allowed, otherwise why not.
  [[nodiscard]] std::optional<wire::Fault> why_not_act() const;
  /// The same for what begins something: it needs a time that is not doubted, too.
  [[nodiscard]] std::optional<wire::Fault> why_not_start() const;
  /// The highest controller epoch seen.
  [[nodiscard]] std::uint64_t epoch() const { return state_.controller_epoch(); }
  void saw_epoch(std::uint64_t epoch, Outcome& out);
  /// Stops every irreversible act until a person enrols this site anew. Durable.
  void quarantine(const std::string& reason, Outcome& out);

 private:
  void say_hello(const Now& now, Outcome& out);
  void on_welcome(const wire::Welcome& welcome, const Now& now, Received& received, Outcome& out);
  [[nodiscard]] const TimeKeeper& clock() const {
    return settings_.wan_free ? own_clock_ : presence_.clock();
  }
  void tell_clock(TimeKeeper::Heard heard, const Now& now, Outcome& out);
  /// Whether this one is obeyed; a Welcome that answers nobody says nothing about that.
  [[nodiscard]] bool obey(const wire::Welcome& welcome, const Now& now, Outcome& out);
  /// A frame of a controller that is not followed is dropped, and asked about.
  [[nodiscard]] bool is_followed(const std::string& instance, const Now& now, Outcome& out);
  void saw_ledger(const std::string& event);
  void check_history(const wire::Welcome& welcome, Outcome& out);
  void follow(const wire::Welcome& welcome, Outcome& out);
  void on_data(const wire::Data& data, const Now& now, Received& received, Outcome& out);
  [[nodiscard]] std::string quarantine_reason() const;

  const AgentSettings& settings_;
  const Verifier& verifier_;
  UpChannel& channel_;
  EventJournal& journal_;
  Entropy& entropy_;
  std::string topic_;
  record::LinkState state_;
  delivery::StreamReceiver commands_;
  delivery::AgentPresence presence_;
  FollowedController controller_;
  std::string refusal_told_;                     // the controller whose refusal was logged last
  std::optional<std::uint64_t> old_epoch_told_;  // of the one that was replaced, likewise
  TimeKeeper own_clock_;                         // this machine's, for a site without WAN
  bool clock_doubt_told_ = false;
  std::optional<record::Clock> kept_clock_;  // as an earlier life left it
  std::optional<MonoTime> clock_kept_at_;
  bool clock_moved_ = false;   // not written down yet
  bool ledger_moved_ = false;  // the same
  std::string told_;           // the controller's reason for a quarantine; empty: none
  std::string divergence_;     // the command stream is not the one we followed
  bool twin_ = false;
  std::uint64_t rejected_ = 0;  // envelopes that did not verify
};

}  // namespace metalmesh::agent
