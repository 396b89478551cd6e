#include "agents/core/command_desk.h"

#include <algorithm>
#include <utility>

#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "agents/core/works.h"
#include "common/base/planted.h"
#include "common/orders/order_parts.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t fences_per_report = 200;  // stays far below the limit of one journal entry

/// What a command is about, for its receipt.
wire::Event subject_of(const wire::Command& command, const std::optional<orders::Parts>& order) {
  wire::Event event;
  const auto name = [&](const auto& body) {
    event.set_server(body.server());
    event.set_deployment_id(body.deployment_id());
    event.set_generation(body.generation());
  };
  if (command.has_cancel_order()) name(command.cancel_order());
  if (command.has_inspect_server()) event.set_server(command.inspect_server().server());
  if (command.has_order()) {
    event.set_deployment_id(command.order().issue().deployment_id());
    event.set_generation(command.order().issue().generation());
  }
  if (order) {
    event.set_server(order->agreed.server());
    if (const work::Kind* kind = find_kind(order->agreed)) event.set_work(std::string(kind->name));
  }
  return event;
}

}  // namespace

void CommandDesk::take(const delivery::Entry& entry, const Now& now, Outcome& out) {
  wire::Command command;
  std::optional<orders::Parts> order;
  std::optional<wire::Fault> refusal;
  bool is_ours = false;
  if (command.ParseFromString(entry.bytes)) {
    refusal = refuse_origin(command, c_.journal.stream().journal_id(), c_.link.epoch());
    is_ours = !refusal;
    if (command.has_order()) {
      auto opened = open_order(command.order(), c_.settings.version);
      if (opened) {
        order = std::move(*opened);
        c_.link.fit_to_clock(order->issue);
      } else if (!refusal) {
        refusal = std::move(opened.error());
      }
    }
    if (!refusal) refusal = judge(command, order, now);
  } else {
    refusal =
        make_fault(wire::UNSUPPORTED_COMMAND, "", "the command does not decode", "upgrade this site's agent");
  }
  wire::Event receipt = subject_of(command, order);
  receipt.mutable_receipt()->set_command_seq(entry.seq);
  receipt.mutable_receipt()->set_accepted(!refusal);
  receipt.mutable_receipt()->set_of_cancel(command.has_cancel_order());
  if (refusal) {
    out.log(LogLevel::warning, "command refused: " + refusal->seen(),
            {{"command", std::to_string(entry.seq)},
             {"deployment", receipt.deployment_id()},
             {"server", receipt.server()}});
    *receipt.mutable_receipt()->mutable_refusal() = *refusal;
    if (order && is_ours && !refuse_form(*order) && kind_of(order->agreed).changes)
      c_.fences.refused(order->agreed.identity(), order->issue.generation(), out);
  }
  c_.journal.tell(std::move(receipt), now, out);
  if (!refusal) obey(command, std::move(order), entry.seq, now, out);
}

std::optional<wire::Fault> CommandDesk::judge(const wire::Command& command,
                                              const std::optional<orders::Parts>& order,
                                              const Now& now) const {
  switch (command.body_case()) {
    case wire::Command::kOrder: {
      if (auto fault = refuse_form(*order)) return fault;
      const JobSlot* known = c_.jobs.find(order->issue.deployment_id());
      const bool repeated = known != nullptr && known->job.issue().generation() == order->issue.generation();
      if (repeated) return std::nullopt;  // a new command journal says again what it believes open
      if (auto fault = stopping_.refusal()) return fault;
      return refuse_order(*order, c_.fences, c_.jobs, now);
    }
    case wire::Command::kCancelOrder:
      return refuse_form(command.cancel_order());
    case wire::Command::kInspectServer:
      return refuse_form(command.inspect_server());
    case wire::Command::kPrefetchImage:
      return refuse_form(command.prefetch_image());
    case wire::Command::kDiagnoseSite:
    case wire::Command::kDiscover:
    case wire::Command::kStopDiscovery:
    case wire::Command::kSiteSettings:
    case wire::Command::kReportState:
      return std::nullopt;
    case wire::Command::BODY_NOT_SET:
      break;
  }
  if (planted(Defect::unknown_kind_accepted)) return std::nullopt;
  return unsupported_command("the command", c_.settings.version);
}

void CommandDesk::obey(const wire::Command& command, std::optional<orders::Parts> order, std::uint64_t seq,
                       const Now& now, Outcome& out) {
  c_.link.saw_epoch(command.controller_epoch(), out);
  switch (command.body_case()) {
    case wire::Command::kOrder:
      return accept(std::move(*order), seq, now, out);
    case wire::Command::kCancelOrder:
      return cancel(command.cancel_order(), now, out);
    case wire::Command::kInspectServer:
      return inspections_.accept(command.inspect_server(), now, out);
    case wire::Command::kPrefetchImage:
      return images_.prefetch(command.prefetch_image().image(), now, out);
    case wire::Command::kSiteSettings:
      return apply_settings(command.site_settings(), out);
    case wire::Command::kReportState:
      return report_state(command.report_state(), now, out);
    case wire::Command::kDiagnoseSite:
      return doctor_.ask(command.diagnose_site(), now, out);
    case wire::Command::kDiscover:
      return discovery_.ask(command.discover(), now, out);
    case wire::Command::kStopDiscovery:
      return discovery_.stop(command.stop_discovery(), now, out);
    case wire::Command::BODY_NOT_SET:
      return;
  }
}

void CommandDesk::accept(orders::Parts order, std::uint64_t seq, const Now& now, Outcome& out) {
  auto& [agreed, issue] = order;
  if (c_.jobs.find(issue.deployment_id()) != nullptr) return;
  const work::Kind& kind = kind_of(agreed);
  if (kind.changes) {
    c_.fences.see(agreed.identity(), issue.generation(), issue.deployment_id(), out);
  } else if (planted(Defect::reading_takes_generation)) {
    c_.fences.see(agreed.identity(), c_.fences.of(agreed.identity()).generation + 1, issue.deployment_id(),
                  out);
  }
  for (const wire::ImageRef& image : kind.materials(agreed, issue).images) images_.ask(image, now, out);
  record::Job job;
  job.set_machine(machine_key(agreed.identity()));
  *job.mutable_agreed() = std::move(agreed);
  *job.mutable_issue() = std::move(issue);
  job.set_command_seq(seq);
  job.set_stage(wire::QUEUED);
  JobSlot& slot = c_.jobs.add(std::move(job));
  c_.jobs.store(slot, out);
  wire::Event event = event_of(slot.job);
  event.mutable_stage()->set_stage(wire::QUEUED);
  c_.journal.tell(std::move(event), now, out);
  out.log(LogLevel::info, "order accepted", log_fields(slot.job));
}

void CommandDesk::cancel(const wire::CancelOrder& cancel, const Now& now, Outcome& out) {
  // The tombstone rises first and for ever, whatever is known of the order now.
  if (cancel.generation() != 0) c_.fences.cancel(cancel.identity(), cancel.generation(), out);
  wire::CancelAnswer::Answer answer = wire::CancelAnswer::NOT_RUNNING;
  wire::Event event;
  event.set_server(cancel.server());
  event.set_deployment_id(cancel.deployment_id());
  event.set_generation(cancel.generation());
  std::vector<JobSlot*> covered;
  for (JobSlot* slot : c_.jobs.all()) {
    const record::Job& job = slot->job;
    const bool named = slot->id() == cancel.deployment_id();
    const work::Kind& kind = kind_of(job);
    const bool fenced = kind.changes && same_machine(job.agreed().identity(), cancel.identity());
    if (job.issue().generation() > cancel.generation() || !(named || fenced)) continue;
    // It may be the first that a restored controller hears of it.
    if (named) event.set_work(std::string(kind.name));
    if (named && slot->job.ended() && slot->job.ending() == wire::Ended::CANCELLED) {
      answer = wire::CancelAnswer::CANCELLED;  // asked again
    }
    if (!slot->open()) continue;
    // What is in custody has ended, and was told so: only its medium is still to be let go.
    if (slot->job.custody()) {
      if (named) covered.push_back(slot);
      continue;
    }
    const bool past_return = kind.past_return(job);
    const bool late = past_return && !planted(Defect::too_late_called_cancelled);
    if (named) answer = late ? wire::CancelAnswer::TOO_LATE : wire::CancelAnswer::CANCELLED;
    if (!past_return || (named && kind.ends_by_word)) covered.push_back(slot);
  }
  event.mutable_cancel()->set_answer(answer);
  c_.journal.tell(std::move(event), now, out);
  for (JobSlot* slot : covered) runner_.cancel(*slot, cancel.reason(), now, out);
}

void CommandDesk::apply_settings(const wire::SiteSettings& settings, Outcome& out) {
  *site_row_.mutable_settings() = settings;
  put_row(out, rows::site, site_row_);
  c_.site.apply(c_.settings, settings);
  out.emit(ImageLimit{settings.images()});
}

void CommandDesk::report_state(const wire::ReportState& request, const Now& now, Outcome& out) {
  for (wire::StateReport& report : c_.fences.report(request.request_id(), fences_per_report)) {
    wire::Event event;
    *event.mutable_state_report() = std::move(report);
    c_.journal.tell(std::move(event), now, out);
  }
}

}  // namespace metalmesh::agent
