#include "agents/core/stop_desk.h"

#include <utility>

#include "agents/core/faults.h"
#include "agents/core/works.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t reason_limit = 1024;
constexpr char go_on_command[] = "metalmesh-agent resume";

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + (count == 1 ? " order " : " orders ") + what;
}

}  // namespace

std::optional<wire::Fault> StopDesk::refusal() const {
  if (c_.site.stopped.empty()) return std::nullopt;
  return make_fault(
      wire::CANCELLED_BY_OPERATOR, wire::Stage_Name(wire::QUEUED),
      "this site was stopped by a person there: " + c_.site.stopped,
      "on the agent's machine, when it may go on: " + std::string(go_on_command) + "; then order it again");
}

void StopDesk::on(const ExchangeOpened& asked, const Now& now, Outcome& out) {
  ExchangeReply reply;
  reply.id = asked.id;
  reply.headers = {{"content-type", "text/plain"}};
  if (asked.method == "POST" && asked.target == "/stop-all" && !asked.body.empty()) {
    reply.body = stop(asked.body.substr(0, reason_limit), asked.peer, now, out);
  } else if (asked.method == "POST" && asked.target == "/resume") {
    reply.body = c_.site.stopped.empty() ? "it was not stopped" : "orders are taken again";
    if (!std::exchange(c_.site.stopped, {}).empty())
      out.log(LogLevel::info, "a person lets this site go on: orders are taken again", {{"who", asked.peer}});
  } else {
    reply.status = 404;
    reply.body = "POST /stop-all with a reason, or POST /resume";
  }
  out.emit(std::move(reply));
}

std::string StopDesk::stop(const std::string& reason, const std::string& who, const Now& now, Outcome& out) {
  c_.site.stopped = reason;
  std::size_t cancelled = 0, launched = 0;
  for (JobSlot* slot : c_.jobs.all()) {
    if (!slot->open() || slot->job.custody()) continue;
    const work::Kind& kind = kind_of(slot->job);
    if (kind.past_return(slot->job)) {
      ++launched;
      continue;
    }
    if (kind.changes) c_.fences.cancel(slot->job.agreed().identity(), slot->job.issue().generation(), out);
    runner_.cancel(*slot, "the site was stopped by a person there: " + reason, now, out);
    ++cancelled;
  }
  const std::string done =
      counted(cancelled, "cancelled") + ", " + counted(launched, "past the point of no return left alone");
  out.log(LogLevel::warning, "a person stopped this site: " + reason + "; " + done, {{"who", who}});
  wire::Event event;
  *event.mutable_held()->mutable_fault() = *refusal();
  event.mutable_held()->mutable_fault()->set_detail(done);
  c_.journal.tell(std::move(event), now, out);
  return done + "; new orders are refused until: " + std::string(go_on_command);
}

}  // namespace metalmesh::agent
