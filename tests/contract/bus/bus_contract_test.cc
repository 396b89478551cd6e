// The bus suite on Paho with a real broker, with and without TLS, and on the simulator's bus.
#include "tests/contract/bus/bus_contract.h"

#include <chrono>
#include <map>
#include <thread>

#include "common/adapters/paho_bus.h"
#include "tests/contract/bus/broker.h"
#include "tests/contract/support/collecting_sink.h"
#include "tests/sim/sim_bus.h"

namespace metalmesh::contract {
namespace {

using namespace std::chrono_literals;

std::string subscription_of(const std::string& client) {
  return client == "controller" ? "mm/1/+/up" : "mm/1/" + client + "/down";
}

class PahoWorld final : public BusWorld {
 public:
  explicit PahoWorld(bool tls) : tls_(tls), broker_(tls) {}
  [[nodiscard]] bool ready() const { return broker_.running(); }

  void connect(const std::string& client) override { connect_twin(client, client); }
  void connect_twin(const std::string& client, const std::string& twin) override {
    adapters::PahoBusOptions options;
    options.uri = (tls_ ? "mqtts://localhost:" : "mqtt://127.0.0.1:") + std::to_string(broker_.port());
    options.subscriptions = {subscription_of(client)};
    options.backoff = {50ms, 500ms};
    if (tls_) {
      options.ca_file = broker_.file("ca.crt");
      options.certificate_file = broker_.file(client + ".crt");
      options.key_file = broker_.file(client + ".key");
    } else {
      options.allow_plain = true;
      options.client_id = client;
    }
    auto bus = adapters::PahoBus::open(options, sinks_[twin]);
    ASSERT_TRUE(bus) << bus.error().message;
    buses_[twin] = std::move(*bus);
  }
  void publish(const std::string& client, Publish message) override {
    buses_.at(client)->publish(std::move(message));
  }
  std::vector<Input> inputs_of(const std::string& client) override { return sinks_[client].all(); }
  bool wait(const std::function<bool()>& done) override {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }
  void restart_broker() override {
    broker_.kill();
    broker_.start();
  }

 private:
  bool tls_;
  Broker broker_;
  std::map<std::string, CollectingSink> sinks_;
  std::map<std::string, std::unique_ptr<adapters::PahoBus>> buses_;
};

std::unique_ptr<BusWorld> paho_world(bool tls) {
  auto world = std::make_unique<PahoWorld>(tls);
  if (!world->ready()) return nullptr;
  return world;
}

class SimWorld final : public BusWorld {
 public:
  SimWorld() : bus_(events_, swarm_, Random(1), marks_) {
    bus_.set_healthy();
    for (const std::string client : {"controller", "berlin", "oslo"}) {
      bus_.attach(
          client, subscription_of(client),
          [this, client](Input input) { inputs_[client].push_back(std::move(input)); },
          [](const MessageArrived&) {});
    }
  }
  void connect(const std::string& client) override { bus_.connect(client); }
  void connect_twin(const std::string& client, const std::string& twin) override {
    bus_.attach(
        twin, subscription_of(client),
        [this, twin](Input input) { inputs_[twin].push_back(std::move(input)); },
        [](const MessageArrived&) {});
    bus_.share_id(twin, client);
    bus_.connect(twin);
  }
  void publish(const std::string& client, Publish message) override {
    bus_.publish(client, std::move(message));
  }
  std::vector<Input> inputs_of(const std::string& client) override { return inputs_[client]; }
  bool wait(const std::function<bool()>& done) override {
    const MonoTime deadline = events_.now() + 5min;
    while (!done()) {
      if (!events_.run_one(deadline)) return done();
    }
    return true;
  }
  void restart_broker() override { bus_.restart(10s); }

 private:
  sim::EventQueue events_;
  sim::Swarm swarm_;
  sim::Marks marks_;
  sim::SimBus bus_;
  std::map<std::string, std::vector<Input>> inputs_;
};

std::vector<BusWorldKind> kinds() {
  std::vector<BusWorldKind> out = {{"paho_plain", [] { return paho_world(false); }},
                                   {"paho_tls", [] { return paho_world(true); }}};
  out.push_back({"simulated", [] { return std::make_unique<SimWorld>(); }});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Buses, BusContract, testing::ValuesIn(kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace metalmesh::contract
