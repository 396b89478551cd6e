// ports/bus over Paho MQTT C++: MQTT 3.1.1, clean session, QoS 1, so that any broker will do. One thread of
// its own connects, subscribes, sends and reconnects (half-jittered backoff); Paho's callbacks only hand
// events to it.
//
// BusUp comes once every subscription was answered; messages of a connection come after its BusUp and before
// its BusDown. BusDown comes when an established connection is lost, when the first attempt of a life fails,
// and again when later attempts fail for another reason. publish() is safe from any thread and never blocks;
// what cannot be sent is dropped and counted. The client id is the certificate's common name: brokers enforce
// that (broker-config/).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/ports/bus.h"
#include "common/ports/sink.h"

namespace metalmesh::adapters {

inline constexpr std::size_t bus_payload_limit = 64U << 10;

struct PahoBusOptions {
  std::string uri;  // mqtts://host:port
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::vector<std::string> subscriptions;
  /// Before the topic of a message that the broker had kept, so that whoever may not act by those knows them; no topic of a
  /// client begins with $. Empty: they come as any other.
  std::string kept_prefix;
  /// mqtt:// is refused without this; it needs a client_id, because there is no certificate to take it from.
  bool allow_plain = false;
  std::string client_id;
  Backoff backoff;
  Duration keep_alive = std::chrono::seconds(20);
  Duration connect_timeout = std::chrono::seconds(10);
  /// A broker that acknowledges nothing for so long while messages are in flight is treated as gone.
  Duration stall = std::chrono::seconds(30);
  std::size_t queue = 256;  // messages waiting to be sent
  /// Unacknowledged messages. Paho slows to 21 messages per second when it reaches the broker's Receive
  /// Maximum, and the smallest one seen in the field is 10 (HiveMQ Edge): min(8, 10 - 2).
  std::size_t window = 8;
};

struct BusCounts {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t dropped_down = 0;      // published, or still queued, while there was no connection
  std::uint64_t dropped_full = 0;      // the queue was full
  std::uint64_t dropped_too_long = 0;  // payload above bus_payload_limit, either direction
  std::uint64_t dropped_inbound = 0;   // arrived faster than the sink took them
};

class PahoBus final : public Bus {
 public:
  /// Starts connecting. Kinds: invalid (URI, missing client id), and those of reading the certificate.
  static Result<std::unique_ptr<PahoBus>> open(PahoBusOptions options, Sink& sink);
  /// Says goodbye to the broker if that is quick. Nothing is delivered after it has returned.
  ~PahoBus() override;
  void publish(Publish message) override;
  [[nodiscard]] BusCounts counts() const;

 private:
  class Worker;
  explicit PahoBus(std::unique_ptr<Worker> worker);
  std::unique_ptr<Worker> worker_;
};

}  // namespace metalmesh::adapters
