// The prober suite on TCP over loopback, and on a node of the simulation.
#include "tests/contract/prober/prober_contract.h"

#include <map>
#include <thread>

#include "common/adapters/tcp_prober.h"
#include "common/os/clocks.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/contract/support/greeter.h"
#include "tests/contract/support/processes.h"
#include "tests/contract/support/puppet_node.h"
#include "tests/sim/sim_prober.h"

namespace metalmesh::contract {
namespace {

using Peer = ProberWorld::Peer;

/// A listener whose queue is full: what else knocks is not even refused.
class FullQueue {
 public:
  FullQueue() {
    ::listen(listener_.fd(), 0);
    for (RawSocket& one : waiting_) one.connect_later(listener_.port());
  }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  BoundSocket listener_;
  std::array<RawSocket, 4> waiting_;
};

class LoopbackWorld final : public ProberWorld {
 public:
  [[nodiscard]] MonoTime now() const override { return os::boot_time(); }
  ProbeStart probe_of(Peer peer) override {
    const std::map<Peer, std::uint16_t> ports = {{Peer::greets, greets_.port()},
                                                 {Peer::waits, waits_.port()},
                                                 {Peer::refuses, refuses_},
                                                 {Peer::silent, silent_.port()}};
    return {"", "127.0.0.1", ports.at(peer)};
  }
  void probe(ProbeStart probe) override { prober_->probe(std::move(probe)); }
  std::vector<Answered> answers() override {
    const auto all = sink_.all();
    for (; taken_ < all.size(); ++taken_) answers_.push_back({std::get<ProbeAnswered>(all[taken_]), now()});
    return answers_;
  }
  bool wait(const std::function<bool()>& done) override {
    const MonoTime last = now() + 30s;
    while (!done()) {
      if (now() > last) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
  void pass(Duration time) override {
    std::this_thread::sleep_for(time);
    answers();
  }
  void restart() override {
    prober_.reset();
    prober_ = std::make_unique<adapters::TcpProber>(runtime_, sink_);
  }

 private:
  Greeter greets_{"SSH-2.0-Test\r\n"};
  Greeter waits_{""};
  FullQueue silent_;
  std::uint16_t refuses_ = free_port();
  adapters::AsioRuntime runtime_;
  CollectingSink sink_;
  std::unique_ptr<adapters::TcpProber> prober_ = std::make_unique<adapters::TcpProber>(runtime_, sink_);
  std::size_t taken_ = 0;
  std::vector<Answered> answers_;
};

class SimulatedWorld final : public ProberWorld {
 public:
  [[nodiscard]] MonoTime now() const override { return node_.now(); }
  ProbeStart probe_of(Peer peer) override {
    return {"", "10.0.0." + std::to_string(static_cast<int>(peer)), 22};
  }
  void probe(ProbeStart probe) override { node_.tell(std::move(probe)); }
  std::vector<Answered> answers() override {
    std::vector<Answered> answers;
    for (const auto& one : node_.seen()) {
      if (const auto* answer = std::get_if<ProbeAnswered>(&one.input)) answers.push_back({*answer, one.at});
    }
    return answers;
  }
  bool wait(const std::function<bool()>& done) override { return node_.wait(done); }
  void pass(Duration time) override { node_.pass(time); }
  void restart() override { node_.restart(); }

 private:
  static sim::Listener listener(const std::string& host) {
    using Port = sim::Listener::Port;
    switch (static_cast<Peer>(host.back() - '0')) {
      case Peer::greets:
        return {Port::open, "SSH-2.0-Test"};
      case Peer::waits:
        return {Port::open, {}};
      case Peer::refuses:
        return {Port::refused, {}};
      case Peer::silent:
        break;
    }
    return {Port::silent, {}};
  }
  sim::Surroundings around() {
    sim::Surroundings around;
    around.probe = [this](const ProbeStart& probe, sim::Surroundings::Deliver deliver) {
      prober_.probe(probe, std::move(deliver));
    };
    return around;
  }

  sim::EventQueue events_;
  sim::SimProber prober_{events_, [](const std::string& host, std::uint16_t) { return listener(host); }};
  PuppetNode node_{events_, around()};
};

INSTANTIATE_TEST_SUITE_P(
    Probers, ProberContract,
    testing::Values(ProberWorldKind{"loopback", [] { return std::make_unique<LoopbackWorld>(); }},
                    ProberWorldKind{"simulated", [] { return std::make_unique<SimulatedWorld>(); }}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace metalmesh::contract
