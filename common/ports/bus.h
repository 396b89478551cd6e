// The message bus (MQTT). It is trusted with nothing but probable, prompt delivery: messages may be
// lost, repeated, delayed and reordered, and a publish that "succeeded" proves nothing. What must
// arrive goes through delivery/stream.
#pragma once

#include <string>

namespace metalmesh {

struct Publish {
  std::string topic;
  std::string payload;  // at most 64 KiB
  bool operator==(const Publish&) const = default;
};

/// Inputs the bus delivers.
struct MessageArrived {
  std::string topic;
  std::string payload;
  bool operator==(const MessageArrived&) const = default;
};
/// Connected, and every subscription of the configuration was answered.
struct BusUp {
  bool operator==(const BusUp&) const = default;
};
struct BusDown {
  std::string reason;  // for people
  bool operator==(const BusDown&) const = default;
};

class Bus {
 public:
  virtual ~Bus() = default;
  /// Never blocks and never fails: while the bus is down, or its bounded queue is full, the message is
  /// dropped.
  virtual void publish(Publish message) = 0;
};

}  // namespace metalmesh
