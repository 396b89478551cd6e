// One read-only conversation with a BMC: who is this machine, is it on, can it take virtual media, which
// key does its BMC show. Nothing is changed but the session, which is always deleted.
//
// At first contact no key is pinned yet: whatever key the first answer shows is pinned for the rest of the
// conversation and reported, for a person to accept.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agents/redfish/resources.h"
#include "common/ports/http_client.h"
#include "schemas/wire/command.pb.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::agent {

class Inspection {
 public:
  /// `stale_session`: URI of a session that a crash may have left behind; empty: none.
  Inspection(wire::InspectServer request, std::string stale_session, Duration timeout);

  /// What to do next: send `request`, or wait and `begin` again, or report `result`.
  struct Step {
    std::optional<HttpRequest> request;
    std::optional<Duration> again_after;
    std::optional<wire::Inspected> result;
    bool login_refused = false;
    bool login_accepted = false;
  };
  Step begin();
  Step on_reply(const HttpReplied& reply);
  Step on_failure(const HttpFailed& failed);

  [[nodiscard]] const std::string& session_uri() const { return session_.uri; }

 private:
  enum class Ask {
    root,
    login,
    stale_session,
    systems,
    system,
    interfaces,
    interface,
    managers,
    manager,
    slots,
    slot,
    logout
  };
  struct Question {
    Ask ask;
    std::string path;
  };
  void take(const HttpReplied& reply, Step& step);
  void take_login(const HttpReplied& reply, Step& step);
  void choose_system();
  void take_slots(const std::string& collection);
  Step next();
  HttpRequest request_for(const Question& question);
  void fault(wire::FaultCode code, std::string seen, std::string next, std::string detail = {});

  wire::InspectServer request_;
  std::string stale_session_;
  Duration timeout_;
  std::string key_;  // pinned from the first answer on
  unsigned tries_ = 0;
  std::uint64_t requests_ = 0;
  std::deque<Question> todo_;
  std::optional<Question> asked_;
  redfish::ServiceRoot root_;
  redfish::Session session_;
  std::vector<redfish::System> systems_;
  std::vector<std::string> macs_;
  bool slots_known_ = false;
  wire::Inspected result_;
};

}  // namespace metalmesh::agent
