// One reported BMC behaviour as a case: what the BMC does and when, what is ordered, and what a good agent
// makes of it. Expectations that hold for every case (a proof is one, debts are true, nothing in the middle
// of an install is disturbed) are not repeated here: see verdict.h.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/orders/order_parts.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"
#include "tests/bmcsim/model/bmc_options.h"

namespace metalmesh::sim {

enum class When {
  always,      // before anybody looks at the BMC
  ordered,     // after the inspection
  installing,  // when the installer begins to write
  half_way,    // when it has read half of its medium
};

/// What else happens at that moment, beside the BMC's faults.
enum class Beside {
  nothing,
  agent_restarts,
  credentials_away,          // the site's credential file is gone
  credentials_away_restart,  // and the agent restarts
  medium_lost,               // the BMC drops what is inserted
  bmc_restarts,              // and keeps what is inserted
};

/// What is done to the job when it tells that it is at a stage, for the first time.
enum class Meddle { nothing, cancel, kill };

/// A port at the installed system's address.
enum class Port { closed, open, opens_with_new_system };

struct Case {
  std::string_view name;
  std::vector<std::string_view> faults;  // of the BMC; see `metalmesh-bmcsim faults`
  /// The ends that are right, as "SUCCEEDED" or "FAILED INSERT_REFUSED".
  std::vector<std::string_view> ends;
  std::vector<std::string_view> words = {};      // each is somewhere in the last fault, or the inspection's
  std::vector<std::string_view> not_words = {};  // none of these is
  std::string_view inspected = {};               // "ok", a fault code; empty: does not matter
  When when = When::always;
  Duration lasts = {};  // zero: for good
  Beside beside = Beside::nothing;
  Port port = Port::closed;
  Duration at_most = {};  // from the order to the end; zero: does not matter
  Duration settles_after =
      std::chrono::minutes(5);  // what lags has shown by then, and what was accepted was done
  bool host_off_at_end = false;
  /// Requests that end like this, at most so often: what is refused for good is not tried again.
  struct Most {
    std::string_view request = {};
    unsigned times = 0;
  } most = {};
  std::string_view never_called = {};  // a ResetType that must not be asked for
  std::size_t ending = 0;              // how its installer ends, as its family says (endings.h)
  bool only_boots = false;             // what is ordered installs nothing
  void (*machine)(bmcsim::BmcOptions&) = nullptr;
  void (*order)(orders::Parts&) = nullptr;
  std::string_view foreign_medium = {};  // in the slot from the start
  Meddle meddle = Meddle::nothing;
  wire::Stage at_stage = wire::STAGE_UNSPECIFIED;
};

/// Every case that holds.
std::vector<Case> all_cases();

// The tables behind it.
std::vector<Case> usual_cases();
std::vector<Case> login_cases();
std::vector<Case> discovery_cases();
std::vector<Case> media_cases();
std::vector<Case> boot_cases();
std::vector<Case> power_cases();
std::vector<Case> while_installing_cases();
std::vector<Case> ending_cases();
std::vector<Case> boot_iso_cases();
std::vector<Case> care_cases();

}  // namespace metalmesh::sim
