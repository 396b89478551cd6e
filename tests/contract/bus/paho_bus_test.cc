// What only the real bus promises: TLS identity, bounds, and ending cleanly at any moment.
#include "common/adapters/paho_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/contract/bus/broker.h"
#include "tests/contract/support/collecting_sink.h"

namespace metalmesh::adapters {
namespace {

using contract::Broker;
using contract::CollectingSink;
using contract::shell;
using testing::HasSubstr;
using namespace std::chrono_literals;

PahoBusOptions options_of(const Broker& broker, const std::string& client) {
  PahoBusOptions options;
  options.uri = "mqtts://localhost:" + std::to_string(broker.port());
  options.ca_file = broker.file("ca.crt");
  options.certificate_file = broker.file(client + ".crt");
  options.key_file = broker.file(client + ".key");
  options.subscriptions = {client == "controller" ? "mm/1/+/up" : "mm/1/" + client + "/down"};
  options.backoff = {50ms, 200ms};
  return options;
}

PahoBusOptions plain_options(std::uint16_t port) {
  PahoBusOptions options;
  options.uri = "mqtt://127.0.0.1:" + std::to_string(port);
  options.allow_plain = true;
  options.client_id = "berlin";
  options.backoff = {50ms, 200ms};
  return options;
}

std::unique_ptr<PahoBus> open(PahoBusOptions options, Sink& sink) {
  auto bus = PahoBus::open(std::move(options), sink);
  EXPECT_TRUE(bus) << (bus ? "" : bus.error().message);
  return bus ? std::move(*bus) : nullptr;
}

TEST(PahoBus, refuses_a_configuration_that_cannot_be_right) {
  CollectingSink sink;
  PahoBusOptions options;
  options.uri = "tcp://somewhere:1883";
  EXPECT_EQ(PahoBus::open(options, sink).error().kind, ErrorKind::invalid);
  options.uri = "mqtt://somewhere:1883";
  EXPECT_EQ(PahoBus::open(options, sink).error().kind, ErrorKind::invalid) << "plain MQTT must be asked for";
  options.uri = "mqtts://somewhere:8883";
  EXPECT_EQ(PahoBus::open(options, sink).error().kind, ErrorKind::invalid)
      << "without a CA nothing is verified";
  options.ca_file = "/nonexistent/ca.crt";
  options.certificate_file = "/nonexistent/berlin.crt";
  EXPECT_EQ(PahoBus::open(options, sink).error().kind, ErrorKind::not_found);
}

TEST(PahoBus, takes_its_client_id_from_the_certificate) {
  Broker broker(true);
  ASSERT_TRUE(broker.running());
  CollectingSink sink;
  const auto bus = open(options_of(broker, "berlin"), sink);
  ASSERT_TRUE(sink.next<BusUp>());
  // A foreign client hears what the bus says under the name of the certificate.
  const std::string credentials = " --cafile " + broker.file("ca.crt") + " --cert " +
                                  broker.file("controller.crt") + " --key " + broker.file("controller.key");
  const auto sent = shell("mosquitto_pub -h localhost -p " + std::to_string(broker.port()) + credentials +
                          " -q 1 -t mm/1/berlin/down -m hello");
  EXPECT_EQ(sent.exit_code, 0) << sent.output;
  const auto message = sink.next<MessageArrived>();
  ASSERT_TRUE(message);
  EXPECT_EQ(message->payload, "hello");
}

TEST(PahoBus, does_not_trust_another_authority_or_another_host) {
  Broker broker(true);
  Broker stranger(true);
  ASSERT_TRUE(broker.running() && stranger.running());
  CollectingSink wrong_ca_sink;
  auto wrong_ca = options_of(broker, "berlin");
  wrong_ca.ca_file = stranger.file("ca.crt");
  const auto distrusting = open(wrong_ca, wrong_ca_sink);
  const auto down = wrong_ca_sink.next<BusDown>();
  ASSERT_TRUE(down);
  EXPECT_THAT(down->reason, HasSubstr("TLS"));

  // The certificate names localhost and 127.0.0.1, and nothing else of 127/8. This broker listens there too.
  const auto port = contract::free_port();
  const std::string config = broker.file("elsewhere.conf");
  ASSERT_EQ(shell(std::string(MM_BROKER_CONFIG) + "/render.sh $(dirname " + config + ") " +
                  std::to_string(port) + " " + config + " 0.0.0.0 && echo user $(id -un) >> " + config)
                .exit_code,
            0);
  contract::Child second({"mosquitto", "-c", config});
  ASSERT_TRUE(contract::wait_for_port(port));
  CollectingSink wrong_host_sink;
  auto wrong_host = options_of(broker, "berlin");
  wrong_host.uri = "mqtts://127.0.0.77:" + std::to_string(port);
  const auto misled = open(wrong_host, wrong_host_sink);
  EXPECT_TRUE(wrong_host_sink.next<BusDown>());
  CollectingSink right_host_sink;
  wrong_host.uri = "mqtts://127.0.0.1:" + std::to_string(port);
  const auto right = open(wrong_host, right_host_sink);
  EXPECT_TRUE(right_host_sink.next<BusUp>()) << "the same broker under a name of its certificate";
  EXPECT_EQ(wrong_ca_sink.count<BusUp>() + wrong_host_sink.count<BusUp>(), 0U);
}

TEST(PahoBus, is_told_no_without_a_certificate_of_the_mesh) {
  Broker broker(true);
  Broker stranger(true);
  ASSERT_TRUE(broker.running() && stranger.running());
  CollectingSink sink;
  auto options = options_of(stranger, "berlin");
  options.uri = "mqtts://localhost:" + std::to_string(broker.port());
  options.ca_file = broker.file("ca.crt");
  const auto bus = open(options, sink);
  EXPECT_TRUE(sink.next<BusDown>());
  EXPECT_EQ(sink.count<BusUp>(), 0U);
}

TEST(PahoBus, drops_and_counts_what_it_cannot_send) {
  CollectingSink sink;
  const auto port = contract::free_port();
  const auto bus = open(plain_options(port), sink);
  bus->publish({"t", "no broker yet"});
  EXPECT_EQ(bus->counts().dropped_down, 1U);
  EXPECT_TRUE(sink.next<BusDown>()) << "the first attempt of a life says why it failed";
  bus->publish({"t", std::string(bus_payload_limit + 1, 'x')});
  EXPECT_EQ(bus->counts().dropped_too_long, 1U);
}

TEST(PahoBus, says_the_same_reason_only_once) {
  CollectingSink sink;
  const auto bus = open(plain_options(contract::free_port()), sink);
  ASSERT_TRUE(sink.next<BusDown>());
  std::this_thread::sleep_for(800ms);
  EXPECT_EQ(sink.count<BusDown>(), 0U);
}

TEST(PahoBus, a_full_queue_drops_and_never_blocks) {
  Broker broker(false);
  ASSERT_TRUE(broker.running());
  CollectingSink sink;
  auto options = plain_options(broker.port());
  options.queue = 16;
  options.window = 2;
  const auto bus = open(options, sink);
  ASSERT_TRUE(sink.next<BusUp>());
  broker.child().send(SIGSTOP);  // it accepts bytes, and acknowledges nothing
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 5000; ++i) bus->publish({"t", std::string(1000, 'x')});
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_GE(bus->counts().dropped_full, 4900U);
  EXPECT_LE(bus->counts().sent, 2U);
  broker.child().send(SIGCONT);
}

TEST(PahoBus, leaves_a_broker_that_acknowledges_nothing) {
  Broker broker(false);
  ASSERT_TRUE(broker.running());
  CollectingSink sink;
  auto options = plain_options(broker.port());
  options.stall = 500ms;
  options.connect_timeout = 1s;
  const auto bus = open(options, sink);
  ASSERT_TRUE(sink.next<BusUp>());
  broker.child().send(SIGSTOP);
  bus->publish({"t", "x"});
  const auto down = sink.next<BusDown>();
  broker.child().send(SIGCONT);
  ASSERT_TRUE(down);
  EXPECT_THAT(down->reason, HasSubstr("acknowledges nothing"));
  EXPECT_TRUE(sink.next<BusUp>([](const auto&) { return true; }, 20s))
      << "it comes back when the broker does";
}

TEST(PahoBus, survives_a_peer_that_is_no_broker) {
  const auto port = contract::free_port();
  contract::Child server({"python3", "-m", "http.server", "--bind", "127.0.0.1", std::to_string(port)});
  ASSERT_TRUE(contract::wait_for_port(port));
  CollectingSink sink;
  auto options = plain_options(port);
  options.connect_timeout = 1s;
  const auto bus = open(options, sink);
  EXPECT_TRUE(sink.next<BusDown>([](const auto&) { return true; }, 15s));
  EXPECT_EQ(sink.count<BusUp>(), 0U);
}

TEST(PahoBus, ends_cleanly_at_any_moment) {
  Broker broker(false);
  ASSERT_TRUE(broker.running());
  for (int round = 0; round < 30; ++round) {
    CollectingSink sink;
    auto options = plain_options(broker.port());
    options.subscriptions = {"t"};
    auto bus = open(options, sink);
    if (round % 3 == 2) {
      ASSERT_TRUE(sink.next<BusUp>()) << "round " << round;
      for (int i = 0; i < 100; ++i) bus->publish({"t", "x"});
    } else {
      std::this_thread::sleep_for(round * 1ms);
    }
    const auto began = std::chrono::steady_clock::now();
    bus.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
  }
}

TEST(PahoBus, ends_while_the_broker_hangs) {
  Broker broker(false);
  ASSERT_TRUE(broker.running());
  CollectingSink sink;
  auto bus = open(plain_options(broker.port()), sink);
  ASSERT_TRUE(sink.next<BusUp>());
  broker.child().send(SIGSTOP);
  for (int i = 0; i < 20; ++i) bus->publish({"t", "x"});
  const auto began = std::chrono::steady_clock::now();
  bus.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  broker.child().send(SIGCONT);
}

TEST(PahoBus, comes_back_through_many_broker_deaths) {
  Broker broker(false);
  ASSERT_TRUE(broker.running());
  CollectingSink sink;
  auto options = plain_options(broker.port());
  options.subscriptions = {"t"};
  const auto bus = open(options, sink);
  std::atomic<bool> stop = false;
  std::thread traffic([&] {
    for (int i = 0; !stop; ++i) {
      bus->publish({"t", std::to_string(i)});
      std::this_thread::sleep_for(1ms);
    }
  });
  for (int death = 0; death < 8; ++death) {
    EXPECT_TRUE(sink.next<BusUp>()) << "after " << death << " deaths";
    EXPECT_TRUE(sink.next<MessageArrived>());
    broker.kill();
    EXPECT_TRUE(sink.next<BusDown>());
    broker.start();
  }
  EXPECT_TRUE(sink.next<BusUp>());
  stop = true;
  traffic.join();
}

TEST(PahoBus, is_fast_enough_with_its_small_window) {
  Broker broker(false);
  ASSERT_TRUE(broker.running());
  CollectingSink site_sink;
  CollectingSink controller_sink;
  auto options = plain_options(broker.port());
  options.queue = 4000;
  const auto site = open(options, site_sink);
  options.client_id = "controller";
  options.subscriptions = {"t"};
  const auto controller = open(options, controller_sink);
  ASSERT_TRUE(site_sink.next<BusUp>() && controller_sink.next<BusUp>());
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 2000; ++i) site->publish({"t", std::to_string(i)});
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(controller_sink.next<MessageArrived>()) << i;
  // Paho's own throttle would allow 21 messages per second, which is 95 s.
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
  RecordProperty("milliseconds", static_cast<int>((std::chrono::steady_clock::now() - began) / 1ms));
}

}  // namespace
}  // namespace metalmesh::adapters
