// How tests look behind the curtain: the ground truth as JSON, and knobs. Plain HTTP on loopback.
//
//   GET  /state                 every server: power, disk, installs, violations, sessions, requests
//   GET  /acts                  everything that happened to any machine, in order
//   GET  /requests              the first Redfish requests to every server, one by one
//   POST /servers/<name|*>      change options, add a fault, let the host reset itself (see apply_control)
//                               {"faults": ["insert_slow_75s", ...]}: exactly these, see `metalmesh-bmcsim
//                               faults`
//   POST /kill-target           {"pidfile": "..."}: whom a fault with action "kill" kills
#pragma once

#include <string>

#include "tests/bmcsim/fleet.h"

namespace metalmesh::bmcsim {

struct ControlReply {
  int status = 200;
  std::string body;
};

class Control {
 public:
  explicit Control(Fleet& fleet) : fleet_(fleet) {}
  ControlReply handle(const std::string& method, const std::string& path, const std::string& body,
                      MonoTime now);
  /// Kills the process of the pid file (SIGKILL), if one is set.
  void kill_target();

 private:
  Fleet& fleet_;
  std::string pidfile_;
};

}  // namespace metalmesh::bmcsim
