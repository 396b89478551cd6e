// What passes between a dialogue with a BMC and whoever holds it, in one step: what may be used, and what is
// to be done afterwards. Plain values; nobody keeps a Turn.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/redfish/error_info.h"
#include "common/base/random.h"
#include "common/base/time.h"
#include "common/ports/http_client.h"
#include "schemas/wire/fault.pb.h"

namespace metalmesh::bmc {

/// `busy`: an answer or the wake-up will call again. `done`: it is known.
enum class Verdict { busy, done };

/// What is asked. From `insert` on it changes something.
enum class Ask {
  root,
  login,
  logout,
  session_list,
  systems,
  system,
  ethernet,
  macs,
  managers,
  manager,
  chassis,
  action_info,
  inventory,
  slots,
  slot,
  task,
  extra,  // what only some works want to know
  screen,
  insert,
  eject,
  boot,
  unboot,
  reset,
  light,
  tidy,
  enable,
};
constexpr bool changes(Ask ask) { return ask >= Ask::insert; }

/// How a changing call ended.
struct Answer {
  enum class Kind {
    accepted,
    refused,  // answered, and not done
    unsent,   // never reached the BMC
    unknown,  // no answer, or none that tells: look before repeating
  };
  Ask ask{};
  Kind kind = Kind::unknown;
  int status = 0;
  redfish::Refusal refusal = redfish::Refusal::other;
  redfish::ErrorInfo error;  // the BMC's own words, also of what it accepted
};

/// Why the dialogue does not go on by itself. Facts only: whoever holds it has the words.
struct Trouble {
  wire::FaultCode code = wire::BMC_PROTOCOL;
  std::string expected;
  std::string seen;
  std::string detail;  // the BMC's own words
  Duration span{};
  std::uint32_t tries = 0;
  bool held_back = false;  // a login that must not be tried now; nothing was sent
};

struct Turn {
  Turn(const Now& time, Random& chance) : now(time), random(chance) {}

  const Now& now;
  Random& random;
  std::optional<Duration> patience;  // with a silent BMC; nothing: without end
  std::optional<Duration>
      patience_useless;  // with one that answers, and not with what is needed; else the same
  MonoTime alive{};      // it was last seen alive otherwise (it read its medium)
  bool may_log_in = true;

  std::optional<HttpRequest> request;  // to be sent
  std::optional<MonoTime> wake;        // call again then at the latest
  std::optional<Trouble> trouble;      // the first one
  std::optional<Answer> settled;       // a changing call is over
  bool login_accepted = false;
  bool login_refused = false;  // its password, as far as the BMC says
  std::vector<std::string> notes;

  /// It answers, but what is waited for since `since` (set here the first time) has taken too long.
  bool out_of_patience(std::optional<MonoTime>& since) const {
    if (!since) since = now.mono;
    return patience && now.mono - *since >= patience_useless.value_or(*patience);
  }
  Verdict wait(MonoTime until) {
    if (!wake || until < *wake) wake = until;
    return Verdict::busy;
  }
  Verdict fail(Trouble what) {
    if (!trouble) trouble = std::move(what);
    return Verdict::busy;
  }
};

}  // namespace metalmesh::bmc
