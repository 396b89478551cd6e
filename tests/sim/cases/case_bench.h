// One site with one server, on a virtual clock: the production agent core behind the production turn, one BMC
// with the faults of a case, a media server, and a controller that inspects once and orders once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agents/core/transcript.h"
#include "common/quirks/quirk_table.h"
#include "tests/sim/cases/bmc_case.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/sim_bmcs.h"
#include "tests/sim/sim_images.h"
#include "tests/sim/sim_media.h"
#include "tests/sim/sim_node.h"
#include "tests/sim/trace.h"
#include "tests/unit/agent_core/fake_controller.h"

namespace metalmesh::sim {

/// What was told and what is true, once nothing happens any more.
struct CaseResult {
  std::optional<wire::Inspected> inspected;
  std::optional<wire::Ended> ended;
  std::vector<wire::Event> told;
  bool new_system_ran = false;  // when the end was told
  Duration took{};              // from the order to the end
};

class CaseBench {
 public:
  /// `worn`: what its BMC shows itself as; null: the model. `rows`: what its agent knows of kinds of BMCs.
  CaseBench(const Case& the_case, bool print, std::shared_ptr<const bmcsim::Personality> worn = nullptr,
            const QuirkTable* rows = nullptr);

  /// Until the job ended and things have settled, or for a simulated day.
  CaseResult run();
  [[nodiscard]] const Machine& machine() const { return *machine_; }
  /// All that its agent and its BMC said, as a capture has it.
  [[nodiscard]] std::string talk() const;

 private:
  Surroundings around_agent();
  void take(Publish message);
  void command(wire::Command command);
  void inspect();
  void order();
  void identify(wire::Agreed& agreed);
  void watch(Machine& machine);
  void begin_faults();
  void end_faults();
  void meddle();
  void tell_credentials();
  [[nodiscard]] Listener listener() const;
  void run_until(MonoTime until, const std::function<bool()>& done);
  [[nodiscard]] Now now() const;

  const Case& case_;
  EventQueue events_;
  Trace trace_;
  Marks marks_;
  Swarm swarm_;
  SimBmcs bmcs_;
  SimMedia media_;
  SimImages images_;
  SimProber prober_;
  Machine* machine_ = nullptr;
  test::FakeController controller_;
  test::NamedSigner signer_;
  test::NamedVerifier verifier_;
  std::unique_ptr<SimNode> agent_;
  std::string password_ = "secret-password";
  bool faults_begun_ = false;
  bool meddled_ = false;
  MonoTime ordered_at_{};
  agent::Transcript talk_;
  wire::Identity identity_;  // of the order
  CaseResult result_;
};

}  // namespace metalmesh::sim
