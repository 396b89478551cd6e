#include "tests/sim/sim_bus.h"

#include <utility>

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t remembered = 200;

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

SimBus::SimBus(EventQueue& events, const Swarm& swarm, Random random)
    : events_(events), swarm_(swarm), random_(random) {}

void SimBus::attach(const std::string& client, std::string subscription, std::function<void(Input)> deliver) {
  Client& entry = clients_[client];
  entry.subscription = std::move(subscription);
  entry.deliver = std::move(deliver);
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
    client.connected = true;
    if (client.told_up) client.deliver(BusDown{"reconnected"});
    client.told_up = true;
    client.deliver(BusUp{});
  });
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
  if (!sender.connected || !reachable(sender)) return;
  send(message);
  if (!healthy_ && random_.chance(swarm_.duplicate)) send(message);
  if (!healthy_ && !history_.empty() && random_.chance(swarm_.replay)) {
    send(history_[random_.below(history_.size())]);
  }
  history_.push_back(std::move(message));
  if (history_.size() > remembered) history_.pop_front();
}

void SimBus::send(const Publish& message) {
  if (!healthy_ && random_.chance(swarm_.loss)) return;
  for (auto& [name, client] : clients_) {
    if (!client.connected || !reachable(client) || !matches(client.subscription, message.topic)) continue;
    const auto most = healthy_ ? 50 : swarm_.bus_delay / 1ms;
    const Duration delay = 1ms + random_.below(static_cast<std::uint64_t>(most) + 1) * 1ms;
    const unsigned session = client.session;
    events_.after(delay, [this, &client, session, epoch = epoch_, message] {
      if (client.session != session || epoch != epoch_ || !reachable(client)) return;
      ++delivered_;
      client.deliver(MessageArrived{message.topic, message.payload});
    });
  }
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

}  // namespace metalmesh::sim
