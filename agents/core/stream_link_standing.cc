// What this incarnation may do, and why not.
#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "agents/core/stream_link.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"

namespace metalmesh::agent {

std::string StreamLink::quarantine_reason() const {
  if (!state_.quarantine_reason().empty()) return state_.quarantine_reason();
  if (!divergence_.empty()) return divergence_;
  return told_;
}

std::optional<wire::Fault> StreamLink::why_not_act() const {
  if (twin_) {
    return make_fault(wire::SITE_QUARANTINED, "",
                      "another agent runs with the identity of site " + settings_.site.str(),
                      "stop one of the two, then: " + commands::describe("site", settings_.site.str()));
  }
  if (const std::string reason = quarantine_reason(); !reason.empty()) {
    return make_fault(
        wire::SITE_QUARANTINED, "", reason,
        "find out which copy of this agent is right; if no other one runs, stop it and its media process, "
        "move their data folder aside and start both, so that they begin anew, then: " +
            commands::clear_quarantine(settings_.site.str()));
  }
  if (!presence_.proven() && !settings_.wan_free && !planted(Defect::acts_before_proven)) {
    return make_fault(
        wire::CLOCK_UNPROVEN, "",
        "the controller has not answered this agent since it started or woke late: its time, its journal and "
        "that it is alone are unproven",
        "check the link to the broker; for a site without WAN set wanFree in the agent's configuration");
  }
  return std::nullopt;
}

std::optional<wire::Fault> StreamLink::why_not_start() const {
  if (auto fault = why_not_act()) return fault;
  if (const auto doubt = clock().doubt()) {
    return make_fault(wire::CLOCK_UNPROVEN, "",
                      "the time is " + step_words(*doubt) + " of what this agent's monotone clock expects",
                      settings_.wan_free ? "set the clock of the agent's machine right; it goes on by itself"
                                         : "set the controller's clock right; it goes on by itself");
  }
  if (!settings_.wan_free && !presence_.clock().line(MonoTime())) {
    return make_fault(wire::CLOCK_UNPROVEN, "", "the controller doubts its own clock and vouches for no time",
                      "set the controller's clock right; it goes on by itself");
  }
  return std::nullopt;
}

void StreamLink::quarantine(const std::string& reason, Outcome& out) {
  if (!state_.quarantine_reason().empty()) return;
  state_.set_quarantine_reason(reason);
  put_row(out, rows::link, state_);
  out.log(LogLevel::error, "quarantined: " + reason, {{"site", settings_.site.str()}});
}

}  // namespace metalmesh::agent
