#include "agents/core/inspection_desk.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agents/core/bmc_logins.h"
#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "agents/core/seed.h"
#include "common/base/command_words.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t side_by_side = 16;
constexpr Duration until_believed = std::chrono::minutes(1);

std::string holder(const std::string& name) { return rows::inspect + name; }

/// Why nothing may be taken away from this BMC by anybody but its own job; or nothing.
std::optional<wire::Fault> own_business(const JobContext& c, const wire::BmcTarget& bmc) {
  const JobSlot* job = c.jobs.changing_at(bmc.address());
  if (job == nullptr) return std::nullopt;
  return make_fault(wire::MACHINE_BUSY, "INSPECT",
                    "deployment " + job->id() + " is at work on this BMC, and cleans up itself",
                    "wait for its end; if it has ended and nothing of it runs any more: " +
                        commands::resolve(job->job.agreed().server(), "failed"));
}

/// Whoever looks for what is left behind would take a running job's medium for that.
BmcDesk::Use use_of(const wire::InspectServer& request) {
  return request.look_for_ours() || request.take_ours_away() ? BmcDesk::Use::changes : BmcDesk::Use::reads;
}

}  // namespace

InspectionDesk::InspectionDesk(const RowReader& reader, JobContext context) : c_(context) {
  for (auto& [name, row] : load_rows<record::Inspection>(reader, rows::inspect)) {
    next_queue_number_ = std::max<std::uint64_t>(next_queue_number_, row.queue_number() + 1);
    slots_[name].row = std::move(row);
    slots_[name].resumed = true;
  }
}

void InspectionDesk::accept(const wire::InspectServer& request, const Now& now, Outcome& out) {
  const std::string& name = request.request_id();
  if (slots_.contains(name)) return;
  Slot& slot = slots_[name];
  *slot.row.mutable_request() = request;
  slot.row.set_queue_number(next_queue_number_++);
  put_row(out, rows::inspect + name, slot.row);
  review(now, out);
}

void InspectionDesk::review(const Now& now, Outcome& out) {
  std::vector<std::pair<const std::string, Slot>*> waiting;
  std::size_t talking = 0;
  for (auto& item : slots_) {
    if (item.second.talk) {
      ++talking;
    } else {
      waiting.push_back(&item);
    }
  }
  std::ranges::sort(waiting, {}, [](const auto* item) {
    const record::Inspection& row = item->second.row;
    return std::pair(row.request().quiet(), row.queue_number());
  });
  for (auto* item : waiting) {
    if (talking >= side_by_side) return;
    auto& [name, slot] = *item;
    const wire::BmcTarget& bmc = slot.row.request().bmc();
    if (slot.row.request().quiet() && own_business(c_, bmc)) continue;
    if (auto fault = why_no_login(c_, bmc, slot.row.request().planned(), now)) {
      refuse(name, slot, std::move(*fault), now, out);
      continue;
    }
    if (slot.row.request().take_ours_away()) {
      // An old copy of this agent must not take a medium away from a running installer.
      auto fault = c_.link.why_not_act();
      if (fault && fault->code() == wire::CLOCK_UNPROVEN && may_wait(slot, now)) {
        out.emit(TimerArm{"inspections", now.mono + BmcDesk::patience});
        continue;
      }
      if (!fault) fault = own_business(c_, bmc);
      if (fault) {
        refuse(name, slot, std::move(*fault), now, out);
        continue;
      }
    }
    const std::uint32_t logging_in = c_.bmcs.logging_in(bmc.credential(), now.mono);
    if (logging_in >= c_.breaker.room(bmc.credential(), c_.site.login_refusals, logging_in, now)) {
      out.emit(TimerArm{"inspections", now.mono + BmcDesk::patience});
      continue;
    }
    const BmcDesk::Use use = use_of(slot.row.request());
    if (c_.bmcs.busy(bmc.address(), use)) continue;
    const bool alone =
        !c_.bmcs.changed(bmc.address());  // else a session that nobody has heard of may be another talk's
    c_.bmcs.begin(holder(name), use, bmc.address(), bmc.credential(), now.mono);
    const auto& left_over = slot.row.session_uris();
    slot.talk = std::make_unique<Inspection>(
        holder(name), slot.row.request(),
        Inspection::Earlier{slot.resumed && alone, {left_over.begin(), left_over.end()}},
        c_.settings.timeouts, &c_.settings.quirks, draw_seed(c_.entropy), c_.site.media_of(bmc).base());
    if (c_.site.reach.takes_any_key(bmc.address(), now)) slot.talk->take_any_key();
    ++talking;
    apply(name, slot, slot.talk->go_on(now), now, out);
  }
}

void InspectionDesk::on_reply(const std::string& request, const HttpReplied& reply, const Now& now,
                              Outcome& out) {
  const auto found = slots_.find(request);
  if (found == slots_.end() || !found->second.talk) return;
  apply(request, found->second, found->second.talk->on_reply(reply, now), now, out);
}

void InspectionDesk::on_failure(const std::string& request, const HttpFailed& failed, const Now& now,
                                Outcome& out) {
  const auto found = slots_.find(request);
  if (found == slots_.end() || !found->second.talk) return;
  apply(request, found->second, found->second.talk->on_failure(failed, now), now, out);
}

void InspectionDesk::on_due(const std::string& request, const Now& now, Outcome& out) {
  const auto found = slots_.find(request);
  if (found == slots_.end() || !found->second.talk) return;
  apply(request, found->second, found->second.talk->go_on(now), now, out);
}

void InspectionDesk::apply(const std::string& name, Slot& slot, Inspection::Step step, const Now& now,
                           Outcome& out) {
  const Login login = login_of(slot.row.request().bmc(), slot.row.request().planned());
  if (step.login_accepted) {
    c_.bmcs.logged_in(holder(name));
    (void)count_login(c_, login, now, out);
    freed_ = true;  // others may use the credential now
  }
  if (step.login_refused) count_login_refusal(c_, login, slot.row.request().server(), now, out);
  // A session is known durably before it is used; that it is gone, nobody needs to know.
  const auto& sessions = slot.talk->sessions();
  const auto& known = slot.row.session_uris();
  const bool is_new = std::ranges::any_of(
      sessions, [&](const std::string& uri) { return std::ranges::find(known, uri) == known.end(); });
  if (is_new) {
    slot.row.mutable_session_uris()->Assign(sessions.begin(), sessions.end());
    put_row(out, rows::inspect + name, slot.row);
  }
  if (step.request) {
    auto held =
        step.request->credential ? c_.breaker.why_not(login, c_.site.login_refusals, now) : std::nullopt;
    if (held) return refuse(name, slot, std::move(*held), now, out);  // since it began
    step.request->within =
        c_.site.reach.within(slot.row.request().bmc().address(), slot.row.request().bmc().credential());
    out.emit(std::move(*step.request));
  }
  if (step.wake) out.emit(TimerArm{holder(name), *step.wake});
  if (step.result) {
    const bool whole = !step.result->has_fault() && !slot.row.request().who_only();
    if (whole) c_.maps.keep(slot.talk->map(), out);
    // `finish` ends what holds the name.  NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const std::string done = name;
    finish(done, slot, std::move(*step.result), now, out);
  }
}

/// An agent that has just started is believed after a moment. Not for ever: that no installer runs there is what a
/// person saw now.
bool InspectionDesk::may_wait(Slot& slot, const Now& now) {
  if (!slot.unproven_since) slot.unproven_since = now.mono;
  return now.mono - *slot.unproven_since < until_believed;
}

/// A person waits for the answer: it is said now instead of being held back.
void InspectionDesk::refuse(const std::string& name, const Slot& slot, wire::Fault fault, const Now& now,
                            Outcome& out) {
  wire::Inspected result;
  result.set_request_id(name);
  *result.mutable_fault() = std::move(fault);
  // `finish` ends what holds the name.  NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const std::string done = name;
  finish(done, slot, std::move(result), now, out);
}

void InspectionDesk::finish(const std::string& name, const Slot& slot, wire::Inspected result, const Now& now,
                            Outcome& out) {
  out.log(result.has_fault() ? LogLevel::warning : LogLevel::info,
          result.has_fault() ? "inspection failed: " + result.fault().seen() : "inspected",
          {{"server", slot.row.request().server()}, {"bmc", slot.row.request().bmc().address()}});
  if (slot.row.request().who_only()) {
    seen_.push_back(std::move(result));
  } else {
    wire::Event event;
    event.set_server(slot.row.request().server());
    *event.mutable_inspected() = std::move(result);
    c_.journal.tell(std::move(event), now, out);
  }
  out.erase(rows::inspect + name);
  c_.bmcs.end(holder(name));
  slots_.erase(name);
  freed_ = true;
}

void InspectionDesk::drop(const std::string& request, Outcome& out) {
  const auto slot = slots_.find(request);
  // Sessions of an earlier life are still to be ended.
  if (slot == slots_.end() || slot->second.talk || slot->second.row.session_uris_size() > 0) return;
  out.erase(rows::inspect + request);
  slots_.erase(slot);
}

bool InspectionDesk::take_freed() { return std::exchange(freed_, false); }

}  // namespace metalmesh::agent
