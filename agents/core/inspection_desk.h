// The inspections a site owes an answer to. Each is a row until its Inspected event is journalled, so that a
// crash repeats it (it changes nothing) instead of losing it. One conversation per BMC at a time, shared
// with jobs; one that nobody waits for goes behind the others and not beside work on its BMC. Refused logins count for the
// credential's breaker like those of jobs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agents/core/inspection.h"
#include "agents/core/job_context.h"
#include "schemas/record/agent.pb.h"

namespace metalmesh::agent {

class InspectionDesk {
 public:
  InspectionDesk(const RowReader& rows, JobContext context);

  void accept(const wire::InspectServer& request, const Now& now, Outcome& out);
  /// Starts what may start.
  void review(const Now& now, Outcome& out);
  /// `request` is the inspection's name, from the id of the HTTP request.
  void on_reply(const std::string& request, const HttpReplied& reply, const Now& now, Outcome& out);
  void on_failure(const std::string& request, const HttpFailed& failed, const Now& now, Outcome& out);
  /// Timer "inspect/<request>".
  void on_due(const std::string& request, const Now& now, Outcome& out);

  /// Nobody wants to know any more: it is not begun. What talks already comes to its end, and logs out.
  void drop(const std::string& request, Outcome& out);
  /// What was seen by those that only ask who it is, since this was asked last: no event tells it.
  std::vector<wire::Inspected> take_seen() { return std::exchange(seen_, {}); }

  /// A conversation ended since this was asked last: its BMC is free.
  bool take_freed();

 private:
  struct Slot {
    record::Inspection row;
    std::unique_ptr<Inspection> talk;
    bool resumed = false;  // an earlier life may have talked
    std::optional<MonoTime> unproven_since;
  };
  static bool may_wait(Slot& slot, const Now& now);
  void apply(const std::string& name, Slot& slot, Inspection::Step step, const Now& now, Outcome& out);
  void refuse(const std::string& name, const Slot& slot, wire::Fault fault, const Now& now, Outcome& out);
  void finish(const std::string& name, const Slot& slot, wire::Inspected result, const Now& now,
              Outcome& out);

  JobContext c_;
  std::map<std::string, Slot> slots_;  // by request id
  std::uint64_t next_queue_number_ = 1;
  bool freed_ = false;
  std::vector<wire::Inspected> seen_;
};

}  // namespace metalmesh::agent
