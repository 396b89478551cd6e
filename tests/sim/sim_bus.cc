#include "tests/sim/sim_bus.h"

#include <algorithm>
#include <utility>

#include "schemas/wire/envelope.pb.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t remembered = 1000;
constexpr std::size_t too_long = 70'000;

bool matches(std::string_view filter, std::string_view topic) {
  const auto wild = filter.find('+');
  if (wild == std::string_view::npos) return filter == topic;
  const auto before = filter.substr(0, wild);
  const auto behind = filter.substr(wild + 1);
  if (topic.size() <= before.size() + behind.size()) return false;
  const auto level = topic.substr(before.size(), topic.size() - before.size() - behind.size());
  return topic.starts_with(before) && topic.ends_with(behind) && level.find('/') == std::string_view::npos;
}

}  // namespace

SimBus::SimBus(EventQueue& events, const Swarm& swarm, Random random, Marks& marks)
    : events_(events), swarm_(swarm), random_(random), marks_(marks) {}

void SimBus::attach(const std::string& client, std::string subscription, std::function<void(Input)> deliver,
                    Probe probe) {
  Client& entry = clients_[client];
  entry.subscription = std::move(subscription);
  entry.deliver = std::move(deliver);
  entry.probe = std::move(probe);
}

void SimBus::detach(const std::string& client) {
  disconnect(client);
  clients_.at(client).subscription.clear();
}

void SimBus::connect(const std::string& client) {
  Client& entry = clients_.at(client);
  entry.wants = true;
  try_connect(entry);
}

void SimBus::try_connect(Client& client) {
  if (!client.wants || client.connected || !reachable(client)) return;
  const unsigned session = ++client.session;
  events_.after(50ms + random_.below(2000) * 1ms, [this, &client, session] {
    if (!client.wants || client.session != session || !reachable(client)) return;
    take_over(client);
    client.connected = true;
    if (client.told_up) client.deliver(BusDown{"reconnected"});
    client.told_up = true;
    client.deliver(BusUp{});
  });
}

/// MQTT: a second connection with a client id ends the first, which tries again after its backoff.
void SimBus::take_over(const Client& client) {
  for (auto& [name, other] : clients_) {
    const bool same = &other != &client && (client.shares == name ||
                                            (!other.shares.empty() && &clients_.at(other.shares) == &client));
    if (!same || !other.connected) continue;
    marks_.hit("an agent was thrown off the broker by another one with its client id");
    other.connected = other.told_up = false;
    ++other.session;
    other.deliver(BusDown{"the broker dropped this connection: another one has its client id"});
    events_.after(1s + random_.below(30) * 1s, [this, &other] { try_connect(other); });
  }
}

void SimBus::disconnect(const std::string& client) {
  Client& entry = clients_.at(client);
  entry.wants = false;
  entry.connected = entry.told_up = false;
  ++entry.session;
}

void SimBus::cut(Client& client, const std::string& reason) {
  if (!client.connected) return;
  client.connected = false;
  const unsigned session = ++client.session;
  // The client notices when its keep-alive fails.
  events_.after(random_.below(30) * 1s, [&client, session, reason] {
    if (!client.told_up || client.session != session) return;
    client.told_up = false;
    client.deliver(BusDown{reason});
  });
}

void SimBus::publish(const std::string& client, Publish message) {
  const Client& sender = clients_.at(client);
  if (!sender.connected || !reachable(sender) || sender.mute > 0) return;
  if (!healthy_ && hands_ && !hands_(client, message)) return;
  send(message);
  if (!healthy_ && random_.chance(swarm_.duplicate)) send(message);
  if (!healthy_ && !history_.empty() && random_.chance(swarm_.replay)) {
    marks_.hit("an old message came again");
    send(history_[random_.below(history_.size())]);
  }
  if (!healthy_ && random_.chance(swarm_.forge)) forge(message);
  history_.push_back(std::move(message));
  if (history_.size() > remembered) history_.pop_front();
}

void SimBus::send(const Publish& message) {
  if (!healthy_ && random_.chance(swarm_.loss)) return;
  for (auto& [name, client] : clients_) {
    if (!client.connected || !reachable(client) || client.deaf > 0 ||
        !matches(client.subscription, message.topic))
      continue;
    const auto most = healthy_ ? 50 : swarm_.bus_delay / 1ms;
    const Duration delay = 1ms + random_.below(static_cast<std::uint64_t>(most) + 1) * 1ms;
    const unsigned session = client.session;
    const Duration held = std::max(Duration(), frozen_until_ - events_.now());
    events_.after(held + delay, [this, &client, session, epoch = epoch_, message] {
      if (client.session != session || epoch != epoch_ || !reachable(client)) return;
      ++delivered_;
      client.deliver(MessageArrived{message.topic, message.payload});
    });
  }
}

void SimBus::forge(const Publish& message) {
  std::string bad = message.payload;
  switch (random_.below(4)) {
    case 0:
      bad[random_.below(bad.size())] ^= static_cast<char>(1U << random_.below(8));
      break;
    case 1:
      bad.resize(random_.below(bad.size()));
      break;
    case 2:
      bad.append(too_long, 'x');
      break;
    default: {  // a stranger's signature over a true message, under the sender's key id
      wire::Envelope envelope;
      envelope.ParseFromString(bad);
      envelope.mutable_signatures(0)->mutable_bytes()->back() ^= 1;
      bad = envelope.SerializeAsString();
    }
  }
  if (bad != message.payload) bring_bad(message.topic, bad);
}

void SimBus::bring_bad(const std::string& topic, const std::string& bytes) {
  for (auto& [name, client] : clients_) {
    if (!client.connected || !matches(client.subscription, topic)) continue;
    client.probe({topic, bytes});
    client.deliver(MessageArrived{topic, bytes});  // and whatever follows from it is judged like all else
  }
}

void SimBus::bring(Publish message, Duration after) {
  events_.after(after, [this, message = std::move(message)] {
    if (healthy_) return;
    for (auto& [name, client] : clients_) {
      if (client.connected && reachable(client) && matches(client.subscription, message.topic))
        client.deliver(MessageArrived{message.topic, message.payload});
    }
  });
}

void SimBus::mute(const std::string& name, Duration length) {
  Client& client = clients_.at(name);
  ++client.mute;
  events_.after(length, [&client] { --client.mute; });
}

void SimBus::deafen(const std::string& name, Duration length) {
  Client& client = clients_.at(name);
  ++client.deaf;
  events_.after(length, [&client] { --client.deaf; });
}

void SimBus::partition(const std::string& name, Duration length) {
  Client& client = clients_.at(name);
  ++client.cuts;
  cut(client, "the WAN is down");
  events_.after(length, [this, &client] {
    if (--client.cuts == 0) try_connect(client);
  });
}

void SimBus::restart(Duration down) {
  if (!up_) return;
  up_ = false;
  ++epoch_;
  for (auto& [name, client] : clients_) cut(client, "the broker went away");
  events_.after(down, [this] {
    up_ = true;
    for (auto& [name, client] : clients_) try_connect(client);
  });
}

void SimBus::set_healthy() { healthy_ = true; }

bool SimBus::whole() const {
  return up_ && std::ranges::all_of(clients_, [](const auto& entry) {
           const Client& client = entry.second;
           return !client.wants || (client.connected && client.mute == 0 && client.deaf == 0);
         });
}

}  // namespace metalmesh::sim
