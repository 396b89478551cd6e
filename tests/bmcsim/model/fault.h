// How BMCs in the field differ from the standard, each difference under a name, with what it does and who
// reported it. A BMC may have several at once; they come and go while it runs. Faults are rows of tables, one
// table per resource they are seen at (faults_*.cc); the model itself stays what the standard says.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bmcsim/model/host.h"
#include "tests/bmcsim/model/redfish_message.h"
#include "tests/bmcsim/model/sessions.h"
#include "tests/bmcsim/model/tasks.h"

namespace metalmesh::bmcsim {

/// What one BMC's fault remembers while it lasts.
struct FaultMemory {
  std::optional<MonoTime> since;
  unsigned count = 0;
  std::string text;
  bool acted = false;  // on the BMC itself, which no reply shows yet
};

/// One request, and the BMC it came to.
struct Scene {
  BmcOptions& options;
  Host& host;
  Sessions& sessions;
  Tasks& tasks;
  const std::string& slots;  // path of the slots' collection
  MonoTime power_changed;    // when the host last went on or off
  MonoTime medium_changed;   // when what is in the CD slot last changed
  RedfishRequest& request;   // may be rewritten, before it is answered
  std::string path;          // of the request, without slashes at its end
  MonoTime now;
  FaultMemory& own;

  [[nodiscard]] bool asks(std::string_view method, std::string_view path_asked) const {
    return request.method == method && path == path_asked;
  }
  /// The first time that this is called begins what lasts for `length`.
  [[nodiscard]] bool within(Duration length) const {
    if (!own.since) own.since = now;
    return now - *own.since < length;
  }
};

struct Fault {
  std::string_view name;
  std::string_view does;
  std::string_view source;
  /// Set and cleared with the fault.
  void (*knob)(BmcOptions& options, bool on) = nullptr;
  /// Answers in the BMC's place, rewrites the request, or does neither.
  std::optional<RedfishReply> (*instead)(Scene& scene) = nullptr;
  /// Changes what is answered.
  void (*alter)(Scene& scene, RedfishReply& reply) = nullptr;
};

/// Every fault there is, group by group.
const std::vector<const Fault*>& all_faults();
/// Null when there is none of this name.
const Fault* fault_named(std::string_view name);

// The tables behind it.
std::span<const Fault> session_faults();
std::span<const Fault> discovery_faults();
std::span<const Fault> identity_faults();
std::span<const Fault> media_faults();
std::span<const Fault> boot_faults();
std::span<const Fault> power_faults();
std::span<const Fault> text_faults();
std::span<const Fault> transport_faults();
std::span<const Fault> care_faults();

inline constexpr std::string_view system_path = "/redfish/v1/Systems/1";
inline constexpr std::string_view sessions_path = "/redfish/v1/SessionService/Sessions";
inline constexpr std::string_view manager_reset_path = "/redfish/v1/Managers/1/Actions/Manager.Reset";
inline constexpr std::string_view reset_path = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

}  // namespace metalmesh::bmcsim
