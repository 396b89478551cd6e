// One agent core with its store, a controller at the other end of the bus, BMCs, and virtual time. `run`
// delivers what is due until nothing happens any more.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/core/agent_core.h"
#include "common/orders/order_parts.h"
#include "common/ports/memory_rows.h"
#include "tests/unit/agent_core/fake_bmc.h"
#include "tests/unit/agent_core/fake_controller.h"
#include "tests/unit/agent_core/stand_ins.h"

namespace metalmesh::test {

class TestSite {
 public:
  TestSite();

  agent::AgentSettings settings;
  MemoryRows store;
  FakeController controller{"par1"};
  std::map<std::string, FakeBmc> bmcs;         // by address; requests to others stay unanswered
  std::map<std::string, HttpFailure> failing;  // by address: what becomes of requests to it
  bool probes_answered = false;                // open where there is a BMC or one of those that fail
  bool images_ready = true;                    // fetches are answered at once
  bool bus = true;                             // what is published reaches the controller
  std::vector<std::string> image_acts;         // "fetch <digest>", "drop <digest>"
  wire::ImageLimits image_limits;              // as the store was told last

  /// A new life on the same store: Started, the media server up, the bus up.
  void start();
  /// The same without media server and bus.
  void start_alone();
  void connect() { deliver(BusUp{}); }
  void deliver(Input input);
  void media(wire::MediaEvent event);
  void ask_launch(const std::string& token);
  void advance(Duration time);
  /// The agent's machine's wall clock is set.
  void step_own_clock(Duration by);
  /// The node does not run for so long, and wakes. Its timers are overdue.
  void sleep(Duration time);
  /// The machine is started anew: the next life's monotone clock is another one.
  void reboot() { ++now_.boot; }

  void command(wire::Command command);
  void order(const orders::Parts& order);
  void cancel(const orders::Parts& order);
  /// Puts a job into the store as if an earlier life had left it there.
  void plant(const record::Job& job);

  [[nodiscard]] std::vector<wire::Event> told(const std::function<bool(const wire::Event&)>& wanted) const;
  [[nodiscard]] std::vector<wire::CommandReceipt> receipts() const;
  [[nodiscard]] std::optional<record::Job> job(const std::string& deployment) const;
  [[nodiscard]] std::vector<wire::MediaCommand> sent_to_media() const { return media_; }
  /// The last verdict on `token`, if any.
  [[nodiscard]] std::optional<bool> verdict(const std::string& token) const;
  /// The state the media server knows of `token`.
  [[nodiscard]] std::optional<wire::MountState> mount(const std::string& token) const;
  [[nodiscard]] const std::vector<HttpRequest>& requests() const { return requests_; }
  /// What was tried with a connection, and when.
  [[nodiscard]] const std::vector<std::pair<MonoTime, ProbeStart>>& probes() const { return probes_; }
  [[nodiscard]] std::size_t published() const { return published_; }
  [[nodiscard]] const std::vector<std::string>& logged() const { return logged_; }
  [[nodiscard]] const std::string& halted() const { return halted_; }
  [[nodiscard]] WallTime wall() const { return now_.wall(); }
  /// Everything that left, in order: "media", "bus", "http", "image".
  [[nodiscard]] const std::vector<std::string>& left() const { return left_; }

 private:
  void run();
  void release(Effect effect);

  NamedSigner signer_{"par1"};
  NamedVerifier verifier_;
  std::uint64_t lives_ = 0;
  std::unique_ptr<SeededEntropy> entropy_;
  std::unique_ptr<agent::AgentCore> core_;
  Now now_;
  std::deque<Input> inbox_;
  std::map<std::string, MonoTime> timers_;
  std::vector<wire::MediaCommand> media_;
  std::vector<HttpRequest> requests_;
  std::vector<std::pair<MonoTime, ProbeStart>> probes_;
  std::vector<std::string> left_;
  std::size_t published_ = 0;
  std::vector<std::string> logged_;
  std::string halted_;
};

/// A complete order for one machine: deployment "d<n>", server "s<n>", BMC "10.0.0.<n>".
orders::Parts make_order(const TestSite& site, int n, std::uint64_t generation = 1);
/// A job for that order that was armed and not launched yet, its medium OPEN under token "token<n>".
record::Job armed_job(const orders::Parts& order, int n);

}  // namespace metalmesh::test
