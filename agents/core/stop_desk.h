// A person at the site stops it: whatever has not passed its point of no return is cancelled, and new orders are refused
// until she says otherwise. It needs no controller and no broker; the controller is told as soon as it can be.
//
// The word comes as an exchange over the socket in the agent's data folder, and again at each start for as long as it holds
// (agents/app/stop_command.h keeps it).
#pragma once

#include "agents/core/job_runner.h"
#include "common/ports/http_exchange.h"

namespace metalmesh::agent {

class StopDesk {
 public:
  StopDesk(JobContext context, JobRunner& runner) : c_(context), runner_(runner) {}

  /// POST /stop-all with the reason as its body, or POST /resume. Answers what became of it, once that is durable.
  void on(const ExchangeOpened& asked, const Now& now, Outcome& out);
  /// Why an order is not taken now; nothing: the site was not stopped.
  [[nodiscard]] std::optional<wire::Fault> refusal() const;

 private:
  std::string stop(const std::string& reason, const std::string& who, const Now& now, Outcome& out);

  JobContext c_;
  JobRunner& runner_;
};

}  // namespace metalmesh::agent
