// One Paho client, reduced to requests that return at once and events that arrive on Paho's thread. It exists
// to keep Paho's sharp edges in one file:
//   - callbacks run under Paho's global lock, so they only hand an event over, and no request may be made
//   while
//     holding a lock that the event sink takes;
//   - an exception must not cross the C library: callbacks swallow, requests return an error text;
//   - listeners outlive every operation, and a CONNECT listener fires twice;
//   - options are built in place (copies keep pointers into their source) and verification is switched on by
//   hand;
//   - no automatic reconnect, no offline buffer, no persistence: they lose or block, and the stream above
//   needs none.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/adapters/paho_bus.h"

namespace metalmesh::adapters {

struct LinkEvent {
  enum class Kind { connected, subscribed, published, disconnected, failed, lost, message };
  Kind kind = Kind::failed;
  /// The connection attempt that it belongs to.
  std::uintptr_t generation = 0;
  std::string reason;       // of failed and lost
  bool of_publish = false;  // failed: one message, not the connection
  MessageArrived message;
};

class PahoLink {
 public:
  using Events = std::function<void(LinkEvent)>;

  /// `uri` in Paho's own spelling (ssl:// or tcp://). Throws nothing; a client that cannot be made fails on
  /// connect.
  PahoLink(const PahoBusOptions& options, const std::string& uri, Events events);
  /// Waits for a callback that is running. Not to be called from one.
  ~PahoLink();
  PahoLink(const PahoLink&) = delete;
  PahoLink& operator=(const PahoLink&) = delete;

  // Each returns why it could not be started; otherwise an event of `generation` follows.
  std::optional<std::string> connect(std::uintptr_t generation);
  std::optional<std::string> subscribe(const std::string& filter);
  std::optional<std::string> publish(const Publish& message);
  std::optional<std::string> disconnect();

 private:
  struct Client;
  const PahoBusOptions& options_;
  std::unique_ptr<Client> client_;
};

}  // namespace metalmesh::adapters
