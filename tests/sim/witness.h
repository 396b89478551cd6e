// Watches a run from the outside: what went over the bus, what became durable, what the machines did. It
// gathers the facts and hands everything on to the invariants, which judge. It believes no core about itself.
#pragma once

#include <algorithm>
#include <string>

#include "tests/sim/invariants/invariant.h"

namespace metalmesh::sim {

class Witness {
 public:
  Witness(EventQueue& events, Trace& trace)
      : court_{events, trace, {}, {}, {}}, invariants_(all_invariants(court_)) {}

  /// Before the broker gets it. `rows` is the sender's store.
  void on_published(const std::string& node, const std::string& site, bool by_controller,
                    const Publish& message, const SimStore& rows);
  /// The same for a second controller, which nobody else knows of: its orders are orders.
  void on_published_by_second(const std::string& node, const std::string& site, const Publish& message,
                              const SimStore& rows);
  /// A new life begins, with what its store holds.
  void on_credentials_set() { ++court_.facts.chances; }
  /// The controller's machine starts anew: what it knows of the time may be that old.
  void on_controller_rebooted(Duration gap) { court_.facts.unknown_gap += gap; }
  /// It wakes after so long.
  void on_controller_frozen(Duration length) {
    court_.facts.controller_wakes = std::max(court_.facts.controller_wakes, court_.events.now() + length);
  }
  void on_agent_started(const std::string& node, const std::string& site, const SimStore& rows);
  /// What was done about a row that had rotted.
  void on_agent_cared(const std::string& node, const Batch& batch);
  void on_agent_durable(const std::string& node, const Batch& batch);
  /// The agent's store is empty now, or again what `rows` holds.
  void on_order_altered(const wire::Order& order);
  void on_store_replaced(const std::string& node, const SimStore& rows);
  void on_controller_durable(const Batch& batch);
  void on_controller_restored(const SimStore& rows);
  void on_machine(const Machine& machine);
  void on_guarded_read(const std::string& deployment);
  void on_call(const std::string& node, const HttpRequest& request, const SimStore& rows);
  void on_log_line(const std::string& node, std::string_view line);
  void on_bad_message(const std::string& node, bool ignored);
  void on_quarantine_cleared(const std::string& site);
  void on_asked(const Asked& asked) { all(&Invariant::on_asked, asked); }
  /// From now on what this site tells, and its machines, are not judged.
  void on_stolen(const std::string& site);
  void on_media_reply(const Machine& machine, const SimMedia& media, int status);
  /// Granted by the core; told to the person once the controller's next commit made it durable.
  void on_granted(const controller::OperatorRequest& request) { granted_.push_back(request); }
  void on_controller_ended() { granted_.clear(); }
  void on_controller_started() {
    court_.facts.controller_wakes = std::min(court_.facts.controller_wakes, court_.events.now());
  }
  void at_quiet();
  void at_end();

  /// Every durable event of every store that still lives is in the controller's log.
  [[nodiscard]] bool all_events_arrived() const;
  [[nodiscard]] bool all_deployments_ended() const;
  /// None is still awaited: each is here, or told to be gone.
  [[nodiscard]] bool all_transcripts_settled() const;
  [[nodiscard]] Court& court() { return court_; }
  [[nodiscard]] const Court& court() const { return court_; }
  [[nodiscard]] const Facts& facts() const { return court_.facts; }
  Marks& marks() { return court_.marks; }

 private:
  template <class... Args, class... Given>
  void all(void (Invariant::*hook)(Args...), Given&&... given) {
    for (const auto& invariant : invariants_) (*invariant.*hook)(given...);
  }
  void take_frame(Frame frame, const std::string& kind, const std::string& payload);
  void take_commands(const wire::Data& data);
  void take_link_row(AgentLife& agent, const RowWrite& row);
  void take_journal_head(const std::string& node, AgentLife& agent, const std::string& value);
  void take_event_row(const std::string& node, const AgentLife& agent, const RowWrite& row);
  void tell(const std::string& node, const AgentLife& agent, std::uint64_t seq, const wire::Event& event);
  [[nodiscard]] bool is_stolen(const RowWrite& row) const;
  void take_gap(const rest::LogEvent& line);
  void take_note(const controller::OperatorRequest& request);
  void take_controller_row(const RowWrite& row);
  JournalCopy& copy_for(const std::string& node, AgentLife& agent, const std::string& journal);

  Court court_;
  Invariants invariants_;
  std::map<std::string, std::size_t> installs_seen_;  // by machine
  std::map<std::string, std::size_t> acts_told_;      // by machine
  std::vector<controller::OperatorRequest> granted_;  // not durable yet
};

}  // namespace metalmesh::sim
