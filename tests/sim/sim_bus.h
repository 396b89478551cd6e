// The broker with its sins: it loses, repeats, delays and reorders, brings old messages again and bad ones
// that nobody sent, cuts sites off (also in one direction only), and forgets everything when it restarts. A
// publish is never known to have arrived.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "common/base/random.h"
#include "common/ports/bus.h"
#include "common/ports/input.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/marks.h"
#include "tests/sim/swarm.h"

namespace metalmesh::sim {

class SimBus {
 public:
  /// Tries a message on a client that it must ignore.
  using Probe = std::function<void(const MessageArrived&)>;

  SimBus(EventQueue& events, const Swarm& swarm, Random random, Marks& marks);

  /// `deliver` hands an input to whatever life the client leads then (or drops it).
  void attach(const std::string& client, std::string subscription, std::function<void(Input)> deliver,
              Probe probe);
  void detach(const std::string& client);
  /// A new life of the client: connects soon, unless it is cut off.
  void connect(const std::string& client);
  void disconnect(const std::string& client);
  void publish(const std::string& client, Publish message);

  [[nodiscard]] bool hears(const std::string& client) const {
    const Client& entry = clients_.at(client);
    return entry.connected && entry.mute == 0 && entry.deaf == 0;
  }

  /// Somebody else's hands on the broker: they see what is published, and say whether it goes its usual way.
  using Hands = std::function<bool(const std::string& client, const Publish&)>;
  void fall_into(Hands hands) { hands_ = std::move(hands); }
  /// Brings it to whoever hears its topic, whoever wrote it.
  void bring(Publish message, Duration after);
  /// The same of what nobody may take for a message.
  void bring_bad(const std::string& topic, const std::string& bytes);

  void set_healthy();
  /// The broker is up and everybody who wants to hears it and is heard.
  [[nodiscard]] bool whole() const;
  void partition(const std::string& client, Duration length);
  /// What the client publishes, or what it should hear, gets lost, and nobody is told.
  void mute(const std::string& client, Duration length);
  void deafen(const std::string& client, Duration length);
  void restart(Duration down);
  /// What it holds arrives when it wakes.
  void freeze(Duration length) { frozen_until_ = std::max(frozen_until_, events_.now() + length); }
  /// `client` connects by the client id of `other`: the broker lets only one of them be, the newest.
  void share_id(const std::string& client, const std::string& other) { clients_.at(client).shares = other; }
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }

 private:
  struct Client {
    std::string subscription;  // a topic, or a filter with one '+'
    std::function<void(Input)> deliver;
    Probe probe;
    std::string shares;  // the client whose id it has, too
    unsigned mute = 0;   // publishes get lost: this many reasons
    unsigned deaf = 0;
    bool wants = false;      // the process runs
    bool connected = false;  // the broker sees it
    bool told_up = false;    // BusUp was its last word
    unsigned cuts = 0;       // partitions it is in
    unsigned session = 0;    // rises with every connection: messages for an old one are lost
  };
  void send(const Publish& message);
  void forge(const Publish& message);
  void try_connect(Client& client);
  void cut(Client& client, const std::string& reason);
  void take_over(const Client& client);
  [[nodiscard]] bool reachable(const Client& client) const { return up_ && client.cuts == 0; }

  EventQueue& events_;
  const Swarm& swarm_;
  Random random_;
  Marks& marks_;
  bool healthy_ = false;
  bool up_ = true;
  MonoTime frozen_until_{};
  unsigned epoch_ = 0;  // rises with every restart
  std::map<std::string, Client> clients_;
  std::deque<Publish> history_;
  Hands hands_;
  std::uint64_t delivered_ = 0;
};

}  // namespace metalmesh::sim
