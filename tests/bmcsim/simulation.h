// Puts a Fleet on real sockets and a real clock: one TLS listener per BMC address, one control listener,
// one thread. Models and real machines are touched by that thread only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/bmcsim/fleet.h"

namespace metalmesh::bmcsim {

/// A fault (model/fault.h) from the start.
struct FaultOption {
  std::string server;  // empty: all of them
  std::string name;
};

struct SimulationOptions {
  FleetOptions fleet;
  std::uint16_t control_port = 0;
  std::string media_ca;  // how the BMCs trust the media server; empty: they trust anything
  std::vector<FaultOption> faults;
  Duration reply_delay{0};  // added to every Redfish answer
};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  ~Simulation();
  /// Builds the fleet, starts the real machines (on this thread: they end with it) and opens the listeners.
  /// Kinds: those of Fleet::build; invalid (a fault or its server that does not exist); unavailable (address
  /// in use, a machine that does not start).
  Status open();
  [[nodiscard]] std::uint16_t control_port() const;
  /// Until SIGTERM or SIGINT. Kinds: unavailable (a real machine ended).
  Status run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalmesh::bmcsim
