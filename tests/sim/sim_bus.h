// The broker with its sins: it loses, repeats, delays and reorders, brings old messages again, cuts sites
// off, and forgets everything when it restarts. A publish is never known to have arrived.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "common/base/random.h"
#include "common/ports/bus.h"
#include "common/ports/input.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/swarm.h"

namespace metalmesh::sim {

class SimBus {
 public:
  SimBus(EventQueue& events, const Swarm& swarm, Random random);

  /// `deliver` hands an input to whatever life the client leads then (or drops it).
  void attach(const std::string& client, std::string subscription, std::function<void(Input)> deliver);
  /// A new life of the client: connects soon, unless it is cut off.
  void connect(const std::string& client);
  void disconnect(const std::string& client);
  void publish(const std::string& client, Publish message);

  void set_healthy();
  void partition(const std::string& client, Duration length);
  void restart(Duration down);
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }

 private:
  struct Client {
    std::string subscription;  // a topic, or a filter with one '+'
    std::function<void(Input)> deliver;
    bool wants = false;      // the process runs
    bool connected = false;  // the broker sees it
    bool told_up = false;    // BusUp was its last word
    unsigned cuts = 0;       // partitions it is in
    unsigned session = 0;    // rises with every connection: messages for an old one are lost
  };
  void send(const Publish& message);
  void try_connect(Client& client);
  void cut(Client& client, const std::string& reason);
  [[nodiscard]] bool reachable(const Client& client) const { return up_ && client.cuts == 0; }

  EventQueue& events_;
  const Swarm& swarm_;
  Random random_;
  bool healthy_ = false;
  bool up_ = true;
  unsigned epoch_ = 0;  // rises with every restart
  std::map<std::string, Client> clients_;
  std::deque<Publish> history_;
  std::uint64_t delivered_ = 0;
};

}  // namespace metalmesh::sim
