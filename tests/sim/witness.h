// Judges a run from the outside: what went over the bus, what became durable, what the machines did. It
// believes no core about itself, and every rule it checks is one that the mesh promises to people.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/ports/bus.h"
#include "common/ports/store.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"
#include "schemas/wire/frames.pb.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/sim_bmcs.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

/// What happened at all: a rule that was never put to the test proves nothing.
struct Sightings {
  std::uint64_t orders = 0;
  std::uint64_t armed = 0;
  std::uint64_t launched = 0;
  std::uint64_t disks_written = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t indeterminate = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t cancelled_too_late = 0;
  std::uint64_t crashes = 0;
  std::uint64_t self_resets_with_medium = 0;
  std::uint64_t repeated_generations = 0;     // a machine got a second order
  std::uint64_t restarted_by_themselves = 0;  // an installer, half-way
  std::uint64_t events = 0;
  void add(const Sightings& other);
};

class Witness {
 public:
  Witness(EventQueue& events, Trace& trace) : events_(events), trace_(trace) {}

  /// Before the broker gets it. `rows` is the sender's store.
  void on_published(const std::string& site, bool by_controller, const Publish& message,
                    const SimStore& rows);
  void on_agent_durable(const std::string& site, const Batch& batch);
  void on_controller_durable(const Batch& batch);
  void on_machine(Machine& machine);
  void on_guarded_read(const std::string& deployment);

  /// Every durable event of every agent is in the controller's log.
  [[nodiscard]] bool all_events_arrived() const;
  /// After healing: says what is missing.
  void report_missing_events();
  [[nodiscard]] const Sightings& sightings() const { return seen_; }
  Sightings& sightings() { return seen_; }

 private:
  struct Journal {
    std::string site;
    std::vector<std::string> entries;  // durable at the agent, for ever
    std::uint64_t logged = 0;          // of them, durable in the controller's log
  };
  void on_orders(const wire::Data& data);
  void on_agent_event(const wire::Event& event);
  void on_logged(const std::string& journal, std::uint64_t seq, const wire::Event& event);
  void on_wipe(const Machine& machine, std::uint64_t generation, std::size_t index);
  void violation(std::string what);

  EventQueue& events_;
  Trace& trace_;
  Sightings seen_;
  std::map<std::string, Journal> journals_;  // by journal id
  std::map<std::string, std::string> journal_of_site_;
  std::map<std::string, wire::StartInstall> orders_;       // by deployment, as they went over the bus
  std::set<std::string> launched_;                         // durable at the agent
  std::set<std::string> no_more_;                          // cancelled or ended, durable at the agent
  std::set<std::string> recorded_cancelled_;               // durable at the controller
  std::map<std::string, std::uint64_t> generation_wiped_;  // by machine UUID
  std::map<std::string, std::size_t> violations_seen_;     // by machine
};

}  // namespace metalmesh::sim
