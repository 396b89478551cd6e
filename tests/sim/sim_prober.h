// Probes of ports: what listens somewhere is asked of the world when the probe gets there.
#pragma once

#include <functional>
#include <string>

#include "common/ports/input.h"
#include "tests/sim/event_queue.h"

namespace metalmesh::sim {

struct Listener {
  /// `silent`: a machine that is off, or a firewall; not even a refusal comes back.
  enum class Port { open, refused, silent } port = Port::refused;
  std::string banner;  // empty: it waits for the other one to speak
};

class SimProber {
 public:
  using Deliver = std::function<void(Input)>;
  using Look = std::function<Listener(const std::string& host, std::uint16_t port)>;

  SimProber(EventQueue& events, Look look) : events_(events), look_(std::move(look)) {}
  void probe(const ProbeStart& probe, Deliver deliver);

 private:
  EventQueue& events_;
  Look look_;
};

}  // namespace metalmesh::sim
