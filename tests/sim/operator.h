// The person at the command line, as a routine: registers what there is, inspects, rolls out to whatever is
// ready (or to far too much), changes her mind at bad moments, and reinstalls. It only ever asks what the API
// offers, and tells the world when it vouched for a site.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "controller/core/controller_core.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/marks.h"
#include "tests/sim/swarm.h"
#include "tests/sim/trace.h"

namespace metalmesh::sim {

inline constexpr char image_sha256[] = "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbdfea0f1";

struct ServerToRegister {
  std::string name;
  std::string site;
  std::string address;
  std::string uuid;
  std::string serial;
  bool precious = false;      // protected or in use: whoever wipes it has lost
  bool holds_system = false;  // nobody says that it is new
};

class Operator {
 public:
  /// `vouch` puts the site's agents right before its quarantine is cleared.
  using Vouch = std::function<void(const std::string& site)>;
  /// Hears what she asked and was granted.
  using Listen = std::function<void(const controller::OperatorRequest&)>;

  /// She has a watch of her own.
  Operator(const Swarm& swarm, const EventQueue& events, Random random, Trace& trace, Marks& marks,
           std::vector<std::string> sites, std::vector<ServerToRegister> servers, Vouch vouch, Listen granted)
      : swarm_(swarm),
        events_(events),
        random_(random),
        trace_(trace),
        marks_(marks),
        sites_(std::move(sites)),
        servers_(std::move(servers)),
        vouch_(std::move(vouch)),
        granted_(std::move(granted)) {}

  /// One look at the mesh, and what follows from it.
  void look(controller::ControllerCore& core, const Now& now, Outcome& out);
  /// Answers to what she asked that took its time.
  void hear(controller::ControllerCore& core);
  /// Another life of the controller answers nothing that was asked of this one.
  void forget_waiting() { waiting_.clear(); }
  /// What she is to ask when she looks next.
  void wish(decltype(controller::OperatorRequest::body) body) { wishes_.push_back(std::move(body)); }
  /// No new rollouts, no aborts for fun: what runs may end.
  void rest() { resting_ = true; }
  /// Whom she meant to spare, by rollout, however she wrote it.
  [[nodiscard]] const std::map<std::string, std::set<std::string>>& spared() const { return spared_; }
  /// She heard that the machine stands elsewhere now.
  void moved(const std::string& server, const std::string& site, const std::string& address);

 private:
  bool ask(controller::ControllerCore& core, const Now& now, Outcome& out,
           decltype(controller::OperatorRequest::body) body);
  void grant(const controller::OperatorRequest& request);
  /// Granted at once, or put down to be heard later.
  void take(const controller::OperatorRequest& request, const controller::OperatorResult& result);
  void ask_as_wished(controller::ControllerCore& core, const Now& now, Outcome& out);
  void care_for_restore(controller::ControllerCore& core, const Now& now, Outcome& out);
  /// What rotted in the controller's store: as its lines say.
  void care_for_damage(controller::ControllerCore& core, const Now& now, Outcome& out);
  void care_for_sites(controller::ControllerCore& core, const Now& now, Outcome& out);
  void tidy_up(controller::ControllerCore& core, const Now& now, Outcome& out);
  /// A tool that repeats itself by the same key, and a colleague who asks the same when it is late for it.
  void ask_again(controller::ControllerCore& core, const Now& now, Outcome& out,
                 const controller::OperatorRequest& request, bool granted);
  void colleague(controller::ControllerCore& core, const Now& now, Outcome& out);
  void edit(controller::ControllerCore& core, const Now& now, Outcome& out);
  void select_oddly(rest::Rollout& rollout);
  void meddle(controller::ControllerCore& core, const Now& now, Outcome& out);
  /// `as_new`: she says so, whatever it is.
  void register_server(controller::ControllerCore& core, const Now& now, Outcome& out,
                       const ServerToRegister& wanted, bool as_new);
  void import_again(controller::ControllerCore& core, const Now& now, Outcome& out);
  void care_for_machine(controller::ControllerCore& core, const Now& now, Outcome& out,
                        ServerToRegister& wanted);
  void register_all(controller::ControllerCore& core, const Now& now, Outcome& out);
  void care_for_servers(controller::ControllerCore& core, const Now& now, Outcome& out);
  // What becomes of rollouts that were started (operator_exits.cc).
  void draw_waves(rest::RolloutSpec& spec);
  /// As a story is about (Habit).
  void draw_as_told(rest::RolloutSpec& spec);
  void draw_windows(rest::RolloutSpec& spec);
  void care_for_waves(controller::ControllerCore& core, const Now& now, Outcome& out);
  void go_on_with(controller::ControllerCore& core, const Now& now, Outcome& out, const std::string& name);
  void skip_one(controller::ControllerCore& core, const Now& now, Outcome& out, const std::string& rollout);
  void set_limits(controller::ControllerCore& core, const Now& now, Outcome& out, const std::string& rollout);
  void care_for_rollouts(controller::ControllerCore& core, const Now& now, Outcome& out);
  void begin_rollout(controller::ControllerCore& core, const Now& now, Outcome& out);
  /// Whoever has a tool's token: a rollout for each server that can be had, as fast as they are answered.
  void steal(controller::ControllerCore& core, const Now& now, Outcome& out);
  /// Of power, of inspections or of an image, at once over whatever is selected.
  [[nodiscard]] std::string one_that_installs(const controller::ControllerCore& core) const;
  void begin_work(controller::ControllerCore& core, const Now& now, Outcome& out);
  void as_start_from_image(rest::RolloutSpec& spec);
  /// She looks around, and registers nothing of it.
  void find_bmcs(controller::ControllerCore& core, const Now& now, Outcome& out);
  void end_a_session(controller::ControllerCore& core, const Now& now, Outcome& out);

  const Swarm& swarm_;
  const EventQueue& events_;
  Random random_;
  Trace& trace_;
  Marks& marks_;
  std::vector<std::string> sites_;
  std::vector<ServerToRegister> servers_;
  Vouch vouch_;
  Listen granted_;
  std::vector<decltype(controller::OperatorRequest::body)> wishes_;
  std::map<std::uint64_t, controller::OperatorRequest> waiting_;
  std::map<std::string, MonoTime> inspected_;
  std::map<std::string, MonoTime> quarantined_;     // since when she knows
  std::optional<MonoTime> held_since_;              // that a restored controller holds
  std::map<std::string, MonoTime> damaged_;         // rows that nobody settled, since she knows of them
  std::set<std::string> aborted_;                   // rollouts, by her
  std::set<std::string> protected_;                 // servers, the same
  Random habits_ = Random(random_).fork();          // apart: who has none asks what she asked before
  std::vector<controller::OperatorRequest> asked_;  // that a colleague will ask as well
  std::map<std::string, std::set<std::string>> spared_;
  std::map<std::string, std::string> notes_;  // by server
  unsigned edits_ = 0;
  unsigned keys_ = 0;
  unsigned rollouts_ = 0;
  Random fingers_ = Random(habits_).fork();  // apart, too: on the power button
  Random eyes_ = Random(fingers_).fork();    // and when she looks around
  Random gates_ = Random(eyes_).fork();      // and between waves
  unsigned works_ = 0;
  std::set<std::string> shortened_;  // rollouts that she gave less time
  std::set<std::string> stolen_;     // servers that the thief has tried
  bool resting_ = false;
};

}  // namespace metalmesh::sim
