#include "tests/sim/hostile_broker.h"

#include <algorithm>

#include "common/delivery/topics.h"
#include "controller/state/deployment_states.h"
#include "schemas/wire/envelope.pb.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view dropped = "a hostile broker dropped a frame";
constexpr std::string_view delayed = "a hostile broker kept a frame back";
constexpr std::string_view repeated = "a hostile broker repeated a frame";
constexpr std::string_view old = "a hostile broker brought an old frame";
constexpr std::string_view called_back = "a hostile broker brought an order that had been called back";
constexpr std::string_view elsewhere = "a hostile broker brought a frame under another topic";
constexpr std::string_view unsigned_one = "a hostile broker brought a frame that nobody signed";
constexpr std::string_view past = "a hostile broker showed one site the past";
constexpr std::string_view broker_classes[] = {dropped,     delayed,   repeated,     old,
                                               called_back, elsewhere, unsigned_one, past};

bool goes_down(const std::string& topic) { return topic.ends_with("/down"); }

/// Of a deployment that is called back by now.
bool orders_what_is_cancelled(const Publish& message, const Facts& facts) {
  wire::Envelope envelope;
  wire::Data data;
  if (!goes_down(message.topic) || !envelope.ParseFromString(message.payload) || envelope.kind() != "data" ||
      !data.ParseFromString(envelope.payload()))
    return false;
  return std::ranges::any_of(data.entries(), [&](const std::string& entry) {
    wire::Command command;
    if (!command.ParseFromString(entry) || !command.has_order()) return false;
    const auto known = facts.deployments.find(command.order().issue().deployment_id());
    return known != facts.deployments.end() && known->second.state() == controller::states::cancelled;
  });
}

}  // namespace

std::span<const std::string_view> HostileBroker::classes() { return broker_classes; }

void HostileBroker::begin() {
  mesh_.bus.fall_into([this](const std::string&, const Publish& message) { return on_publish(message); });
  another_mood();
}

void HostileBroker::another_mood() {
  if (mesh_.healed()) return;
  const auto mood = [this](std::uint32_t most) {
    return random_.chance(400) ? 0 : static_cast<std::uint32_t>(random_.below(most));
  };
  drops_ = mood(400);
  delays_ = mood(400);
  meddles_ = mood(300);
  in_the_past_.clear();
  if (random_.chance(250)) show_the_past();
  mesh_.events.after(30s + random_.below(120) * 1s, [this] { another_mood(); });
}

void HostileBroker::show_the_past() {
  const Site& site = *mesh_.sites[random_.below(mesh_.sites.size())];
  in_the_past_ = topics::down(SiteName(site.name));
  mark(past);
  Duration when{};
  for (const Publish& one : kept_) {
    if (one.topic == in_the_past_ && random_.chance(500)) mesh_.bus.bring(one, when += 20ms);
  }
}

bool HostileBroker::on_publish(const Publish& message) {
  kept_.push_back(message);
  if (random_.chance(meddles_)) {
    switch (random_.below(4)) {
      case 0:
        mark(repeated);
        mesh_.bus.bring(message, random_.below(90) * 1s);
        break;
      case 1:
        bring_old(message);
        break;
      case 2:
        swap(message);
        break;
      default:
        bring_unsigned(message);
    }
  }
  if (message.topic == in_the_past_) return false;
  if (random_.chance(drops_)) {
    mark(dropped);
    return false;
  }
  if (!random_.chance(delays_)) return true;
  mark(delayed);
  mesh_.bus.bring(message, random_.below(120) * 1s);
  return false;
}

/// Above all orders that somebody has called back.
void HostileBroker::bring_old(const Publish& message) {
  std::vector<const Publish*> there;
  std::vector<const Publish*> cancelled;
  for (const Publish& one : kept_) {
    if (one.topic != message.topic) continue;
    there.push_back(&one);
    if (orders_what_is_cancelled(one, mesh_.witness.facts())) cancelled.push_back(&one);
  }
  if (!cancelled.empty()) {
    mark(called_back);
    mesh_.bus.bring(*cancelled[random_.below(cancelled.size())], 1s);
  }
  mark(old);
  mesh_.bus.bring(*there[random_.below(there.size())], 1ms);
}

/// Of another site, or as an answer to itself.
void HostileBroker::swap(const Publish& message) {
  const Site& other = *mesh_.sites[random_.below(mesh_.sites.size())];
  const bool down = goes_down(message.topic);
  const bool turned = random_.chance(300);
  const std::string site = message.topic.substr(5, message.topic.find('/', 5) - 5);
  const std::string topic = turned ? (down ? topics::up(SiteName(site)) : topics::down(SiteName(site)))
                            : down ? topics::down(SiteName(other.name))
                                   : topics::up(SiteName(other.name));
  if (topic == message.topic) return;
  mark(elsewhere);
  // Only what the controller has signed is a message, at whatever site it comes.
  if (down && !turned) return mesh_.bus.bring({topic, message.payload}, 5ms);
  mesh_.bus.bring_bad(topic, message.payload);
}

void HostileBroker::bring_unsigned(const Publish& message) {
  wire::Envelope envelope;
  if (!envelope.ParseFromString(message.payload)) return;
  if (random_.chance(500)) {
    envelope.clear_signatures();
  } else {
    envelope.mutable_signatures(0)->set_bytes("its own");
  }
  mark(unsigned_one);
  mesh_.bus.bring_bad(message.topic, envelope.SerializeAsString());
}

}  // namespace metalmesh::sim
