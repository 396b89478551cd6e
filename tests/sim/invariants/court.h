// What the checkers know, all of it seen from outside the cores: frames on the bus, rows that became durable,
// calls that reached machines, and what the machines did. A checker reads these facts and objects; it never
// asks a core.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/orders/order_parts.h"
#include "common/ports/bus.h"
#include "common/ports/http_client.h"
#include "controller/state/pace_limits.h"
#include "schemas/rest/api.pb.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"
#include "schemas/wire/frames.pb.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/marks.h"
#include "tests/sim/sim_bmcs.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

/// One store's history of one event journal. Twins and restored folders make several of one journal.
struct JournalCopy {
  std::string node;
  std::string site;
  std::string journal_id;
  std::vector<std::string> entries;  // event n is at n - 1
  std::uint64_t deleted = 0;         // rows up to here are trimmed
  std::uint64_t rotted = 0;          // rows up to here are gone because one of them rotted
  bool lost = false;                 // its store is gone, or was put back to an older state
  bool in_log = true;                // the controller's log does not contradict it
};

/// Events of one journal that the controller's log says it will not have. `to` 0: all behind `from`.
struct ToldGap {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

/// What is known of one running agent.
struct AgentLife {
  std::string site;
  std::size_t copy = 0;                   // of its journal
  std::string incarnation;                // from its Hellos
  bool vouched = false;                   // the controller called this incarnation proven
  bool behind_log = false;                // its store was put back to before what the controller has logged
  std::optional<MonoTime> quarantined{};  // since when its rows say that its history is contradicted
  std::uint64_t epoch = 0;                // highest controller epoch in its rows
  std::string command_journal;
};

/// What the controller's rows ever said of a deployment. Deletes and restores take nothing from it.
struct Said {
  std::string rollout;
  std::string server;
  std::string site;
  std::string action;
  bool by_person = false;  // somebody resolved it
};

/// A deployment's row changed its state in the batch that is looked at.
struct DeploymentMove {
  std::string from;  // empty: it is new
  std::string to;
  const rest::Deployment* now;
};

/// When something became part of the controller's ledger.
struct Stamp {
  std::uint64_t restores = 0;  // of its store, before that
  MonoTime at;
};

/// After its store was put back, what the ledger had is known only as far as a site that was told of it says so.
class Remembrance {
 public:
  /// The controller told a site that this is its newest event.
  void told(const std::string& event, MonoTime now) { told_.try_emplace(event, stamp(now)); }
  /// A site says that this is the newest one that it was told of.
  void said(const std::string& event) {
    const auto told = told_.find(event);
    if (told == told_.end() || told->second.restores == restores_) return;
    MonoTime& last = said_.try_emplace(told->second.restores, told->second.at).first->second;
    last = std::max(last, told->second.at);
  }
  void restored() { ++restores_; }
  [[nodiscard]] Stamp stamp(MonoTime now) const { return {restores_, now}; }
  /// Not put back since, or said by a site that is heard since.
  [[nodiscard]] bool has(const Stamp& stamp) const {
    const auto said = said_.find(stamp.restores);
    return stamp.restores == restores_ || (said != said_.end() && said->second >= stamp.at);
  }

 private:
  std::uint64_t restores_ = 0;
  std::map<std::string, Stamp> told_;       // by event: for the first time
  std::map<std::uint64_t, MonoTime> said_;  // by restores before it: how far
};

struct Facts {
  /// By deployment, then generation: as the controller published them.
  std::map<std::string, std::map<std::uint64_t, orders::Parts>> handed_out;
  std::map<std::string, std::uint64_t> launched;  // by deployment: generation of the last durable LAUNCHED
  std::map<std::pair<std::string, std::uint64_t>, wire::Command> commands;  // by command journal and number
  std::set<std::string> altered;  // orders that somebody changed on their way, serialized
  std::set<std::string> cancels;  // deployments for which a cancel became durable
  std::vector<JournalCopy> copies;
  std::map<std::string, AgentLife> agents;              // by node
  std::map<std::string, std::uint64_t> logged;          // by journal: events in the controller's log
  std::map<std::string, std::vector<ToldGap>> gaps;     // by journal: what the log says is missing
  std::map<std::string, std::uint64_t> keep_from;       // by journal: the highest the controller told
  std::map<std::string, rest::Deployment> deployments;  // the controller's rows
  std::vector<DeploymentMove> moves;                    // of the newest batch
  std::map<std::string, rest::Rollout> rollouts;
  Remembrance remembrance;
  std::map<std::string, Said> said;                    // by deployment, for ever
  std::map<std::string, rest::RolloutSpec> specs;      // by rollout, for ever
  std::map<std::string, MonoTime> launched_at;         // by deployment: LAUNCHED became durable
  std::map<std::string, std::size_t> launched_in;      // by deployment: the copy of the journal that has it
  std::map<std::string, std::uint32_t> site_parallel;  // installs side by side, by site
  std::uint64_t chances = 0;                           // starts of agents, and passwords set, so far
  MonoTime controller_wakes{};                         // when it was last frozen: the end of that
  Duration unknown_gap{};  // of the controller: what it cannot know to have passed
  std::map<std::string, std::set<std::string>>
      spared;                                // by rollout: servers that a person meant to leave out
  std::map<std::string, std::string> notes;  // by server: what a person was granted to write at it
  controller::PaceLimits ceilings;           // that the controller was given
  std::set<std::string> precious;            // machines that must not be touched, by name
  std::string stolen_site;                   // whose key a thief has: its word is held against nothing
  bool thief_claims_losses =
      false;  // he says what only a restored controller explains: all wait for a person

  [[nodiscard]] const orders::Parts* order(const std::string& deployment, std::uint64_t generation) const;
  /// It puts a system on a disk; unknown ones count.
  [[nodiscard]] bool installs(const std::string& deployment) const;
  /// The journal that has the launch of this deployment still tells what it knows.
  /// Deployments that one of two agents called untouched while the other one's launch had reached no log.
  std::set<std::string> believed_untouched;
  [[nodiscard]] bool launch_is_kept(const std::string& deployment) const;
  /// This agent has an old copy of its store, which believes that what has ended runs: README.md.
  [[nodiscard]] bool serves_old_copy(const std::string& node) const {
    const auto agent = agents.find(node);
    return agent != agents.end() && agent->second.behind_log;
  }
  /// The order under which the deployment was launched last.
  [[nodiscard]] const orders::Parts* launched_order(const std::string& deployment) const;
  /// As long as its order lets an installer run, by its site's quartz: that may be 100 ppm fast.
  [[nodiscard]] bool ran_its_longest(const std::string& deployment, MonoTime now) const;
};

struct Court {
  EventQueue& events;
  Trace& trace;
  Marks marks;
  Facts facts;
  std::vector<const Machine*> machines;
};

}  // namespace metalmesh::sim
