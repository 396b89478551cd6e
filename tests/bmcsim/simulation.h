// Puts a Fleet on real sockets and a real clock: one TLS listener per BMC address, one control listener,
// one thread. Models are touched by that thread only.
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "tests/bmcsim/fleet.h"

namespace metalmesh::bmcsim {

struct SimulationOptions {
  FleetOptions fleet;
  std::uint16_t control_port = 0;
  std::string media_ca;     // how the BMCs trust the media server; empty: not at all
  Duration reply_delay{0};  // added to every Redfish answer
};

class Simulation {
 public:
  explicit Simulation(Fleet fleet, SimulationOptions options);
  ~Simulation();
  /// Opens the listeners. Kinds: unavailable (address in use).
  Status listen();
  [[nodiscard]] std::uint16_t control_port() const;
  /// Until SIGTERM or SIGINT.
  void run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalmesh::bmcsim
