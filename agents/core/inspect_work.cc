#include "agents/core/inspect_work.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "agents/core/faults.h"
#include "agents/work/exchange.h"
#include "common/orders/order_parts.h"

namespace metalmesh::agent {
namespace {

wire::InspectServer request_of(const record::Job& job) {
  wire::InspectServer request;
  request.set_server(job.agreed().server());
  *request.mutable_bmc() = orders::bmc_of(job.agreed(), job.issue());
  request.set_request_id(job.issue().deployment_id());
  *request.mutable_expected() = job.agreed().identity();
  return request;
}

Inspection::Earlier earlier(const record::Job& job, bool resumed) {
  return {resumed, {job.session_uris().begin(), job.session_uris().end()}};
}

std::optional<std::string> wrong(const wire::Agreed&, const wire::Issue&) { return std::nullopt; }
work::Materials materials(const wire::Agreed&, const wire::Issue&) { return {}; }
bool past_return(const record::Job&) { return false; }
std::unique_ptr<work::Work> make(work::Makings with) { return std::make_unique<InspectWork>(with); }

}  // namespace

const work::Kind inspect_kind{"inspect", false, false, wrong, materials, past_return, make};

InspectWork::InspectWork(const work::Makings& with)
    : job_(with.job),
      inspection_("job/" + job_.issue().deployment_id(), request_of(job_), earlier(job_, with.known.resumed),
                  with.timeouts, with.known.quirks, with.seed) {
  if (with.any_key) inspection_.take_any_key();
  if (job_.agreed().inspect().capture()) inspection_.read_everything();
  if (job_.agreed().inspect().screen()) inspection_.look_at_screen();
}

work::JobOutcome InspectWork::handle(const work::JobInput& input, const Now& now, const work::Gate& gate) {
  work::JobOutcome out;
  if (job_.ended()) {
    out.actions.emplace_back(work::Finish{});
  } else if (const auto* reply = std::get_if<HttpReplied>(&input)) {
    take(inspection_.on_reply(*reply, now), now, gate, out);
  } else if (const auto* failure = std::get_if<HttpFailed>(&input)) {
    take(inspection_.on_failure(*failure, now), now, gate, out);
  } else {
    if (std::holds_alternative<work::Resume>(input)) {
      wire::Event event;
      event.mutable_stage()->set_stage(job_.stage());
      out.actions.emplace_back(work::Tell{std::move(event)});
    }
    if (std::holds_alternative<work::CancelAsked>(input)) job_.set_cancel_asked(true);
    if (job_.cancel_asked()) inspection_.stop();
    take(inspection_.go_on(now), now, gate, out);
  }
  return out;
}

void InspectWork::take(Inspection::Step step, const Now& now, const work::Gate& gate, work::JobOutcome& out) {
  if (step.login_accepted) out.actions.emplace_back(work::LoginAccepted{});
  if (step.login_refused) out.actions.emplace_back(work::LoginRefused{});
  const auto& sessions = inspection_.sessions();
  job_.mutable_session_uris()->Assign(sessions.begin(), sessions.end());
  if (step.request && step.request->credential && gate.no_login) {  // since it began
    step.result.emplace().set_request_id(job_.issue().deployment_id());
    *step.result->mutable_fault() = *gate.no_login;
  } else if (step.request) {
    out.actions.emplace_back(work::CallBmc{std::move(*step.request)});
  }
  if (step.result) return end(std::move(*step.result), out);
  if (step.wake) out.actions.emplace_back(work::WaitFor{*step.wake - now.mono});
}

/// It was inspected all the same.
void InspectWork::show_screen(work::JobOutcome& out) {
  const bmc::Screen& screen = inspection_.screen();
  if (!screen.picture.empty()) {
    out.actions.emplace_back(work::KeepScreen{screen.picture});
    return;
  }
  *job_.mutable_fault() = make_fault(
      wire::NOT_OFFERED, "INSPECT",
      "the BMC " + job_.agreed().bmc().address() + " was asked for the host's screen: " + screen.why_not,
      "open the host's console in the BMC's web page");
  job_.mutable_fault()->set_detail(screen.words);
  job_.set_ending(wire::Ended::FAILED);
}

void InspectWork::end(wire::Inspected result, work::JobOutcome& out) {
  wire::Event event;
  wire::Ended& ended = *event.mutable_ended();
  ended.set_disk(wire::DISK_UNTOUCHED);
  if (job_.cancel_asked()) {
    *job_.mutable_fault() =
        make_fault(wire::CANCELLED_BY_OPERATOR, "INSPECT", "cancelled while it read", "nothing");
    job_.set_ending(wire::Ended::CANCELLED);
  } else {
    if (result.has_fault()) *job_.mutable_fault() = result.fault();
    job_.set_ending(result.has_fault() ? wire::Ended::FAILED : wire::Ended::SUCCEEDED);
    if (!result.has_fault()) out.actions.emplace_back(work::KeepMap{inspection_.map()});
    ended.set_power(result.power());
    wire::Event inspected;
    *inspected.mutable_inspected() = std::move(result);
    out.actions.emplace_back(work::Tell{std::move(inspected)});
  }
  if (job_.agreed().inspect().screen() && !job_.has_fault()) show_screen(out);
  if (job_.has_fault()) *ended.mutable_fault() = job_.fault();
  for (const std::string& uri : job_.session_uris()) ended.add_debts("session " + uri + " may still be open");
  ended.set_outcome(job_.ending());
  job_.set_stage(wire::DONE);
  job_.set_ended(true);
  out.actions.emplace_back(work::Tell{std::move(event)});
  out.actions.emplace_back(work::Finish{});
}

}  // namespace metalmesh::agent
