#include "agents/core/discovery_desk.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agents/core/faults.h"
#include "agents/core/row_table.h"
#include "agents/core/seed.h"
#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/text/scalars.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t most_places = 32;
constexpr Duration pace = std::chrono::milliseconds(100);
constexpr std::size_t addresses_a_piece = 64;
constexpr std::size_t bytes_a_piece = 12U << 10;  // stays below what an event may have

std::vector<std::string> texts_of(const wire::Discover& question) {
  return {question.ranges().begin(), question.ranges().end()};
}

std::uint16_t port_in(const wire::Discover& question) {
  constexpr std::uint16_t https = 443;
  return question.port() == 0 ? https : static_cast<std::uint16_t>(question.port());
}

}  // namespace

DiscoveryDesk::DiscoveryDesk(const RowReader& reader, JobContext context, InspectionDesk& inspections)
    : c_(context), inspections_(inspections), row_(load_row<record::Discovery>(reader, rows::discovery)) {
  if (runs()) begin(wire::Discover(row_.request()));
}

void DiscoveryDesk::begin(const wire::Discover& question) {
  piece_.Clear();
  refused_.reset();
  *row_.mutable_request() = question;
  auto ranges = hosts::AddressRanges::parse(texts_of(question));
  ranges_ = ranges ? std::move(*ranges) : hosts::AddressRanges();
  if (!ranges)
    refused_ = make_fault(wire::ORDER_INVALID, "DISCOVER", ranges.error().message, "write the ranges anew");
  judged_ = false;
  next_ = row_.told();
  piece_.set_asked(row_.told());
}

void DiscoveryDesk::ask(const wire::Discover& question, const Now& now, Outcome& out) {
  if (runs() && row_.request().request_id() == question.request_id()) return;
  leave_all(out);
  row_.set_told(0);
  begin(question);
  put_row(out, rows::discovery, row_);
  out.log(LogLevel::info, "discovery asked for", {{"addresses", std::to_string(ranges_.size())}});
  review(now, out);
}

void DiscoveryDesk::stop(const wire::StopDiscovery& stopped, const Now& now, Outcome& out) {
  if (!runs() || row_.request().request_id() != stopped.request_id()) return;
  for (const auto& [index, place] : under_way_) {
    if (place.found) done_[index] = place.found;
  }
  for (auto& [index, found] : std::exchange(done_, {})) add(std::move(found), now, out);
  end(make_fault(wire::CANCELLED_BY_OPERATOR, "DISCOVER", "a person stopped it", ""), now, out);
}

void DiscoveryDesk::review(const Now& now, Outcome& out) {
  for (const wire::Inspected& seen : inspections_.take_seen()) take_who(seen);
  if (!runs()) return;
  // Nothing is asked as long as some of it must not be.
  if (!std::exchange(judged_, true)) {
    for (std::size_t i = next_; !refused_ && i < ranges_.size(); ++i) judge(i);
  }
  const auto may_begin = [&] {
    return !refused_ && next_ < ranges_.size() && under_way_.size() < most_places;
  };
  while (may_begin() && now.mono >= next_at_) {
    next_at_ = now.mono + pace;
    look_at(next_++, out);
  }
  if (refused_) return end(std::exchange(refused_, std::nullopt), now, out);
  tell_done(now, out);
  if (!runs()) return;
  std::optional<MonoTime> wake = may_begin() ? std::optional(next_at_) : std::nullopt;
  for (const auto& [index, place] : under_way_) {
    if (place.wake && (!wake || *place.wake < *wake)) wake = place.wake;
  }
  if (wake && armed_ != wake) out.emit(TimerArm{"discovery", *(armed_ = wake)});
}

void DiscoveryDesk::judge(std::size_t index) {
  if (auto barred = c_.site.reach.why_not_at_all(address(index)))
    refused_ = make_fault(wire::BMC_NOT_ALLOWED, "DISCOVER", std::move(barred->seen),
                          "name other ranges, or " + barred->next);
}

void DiscoveryDesk::look_at(std::size_t index, Outcome& out) {
  judge(index);  // the networks may be others by now
  if (refused_) return;
  if (c_.bmcs.busy(address(index), BmcDesk::Use::changes) && !planted(Defect::discovery_beside_work)) {
    wire::FoundBmc found;
    found.set_address(address(index));
    found.set_what(wire::FoundBmc::NOT_ASKED);
    found.set_note("work of this site talks to it");
    return settle(index, std::move(found));
  }
  RootLook look(prefix + name_of(index), ranges_.at(index).text(), port_in(row_.request()),
                draw_seed(c_.entropy));
  out.emit(look.probe());
  under_way_.emplace(index, Place{std::move(look), std::nullopt, std::nullopt});
}

template <class Answer>
void DiscoveryDesk::on_answer(const std::string& name, const Answer& answer, const Now& now, Outcome& out) {
  const auto index = index_of(name);
  const auto place = index ? under_way_.find(*index) : under_way_.end();
  if (place == under_way_.end() || place->second.found) return;
  RootLook& look = place->second.look;
  if constexpr (std::is_same_v<Answer, ProbeAnswered>)
    take(place, look.on_answer(answer, now), now, out);
  else if constexpr (std::is_same_v<Answer, HttpReplied>)
    take(place, look.on_reply(answer, now), now, out);
  else
    take(place, look.on_failure(answer, now), now, out);
}
template void DiscoveryDesk::on_answer(const std::string&, const ProbeAnswered&, const Now&, Outcome&);
template void DiscoveryDesk::on_answer(const std::string&, const HttpReplied&, const Now&, Outcome&);
template void DiscoveryDesk::on_answer(const std::string&, const HttpFailed&, const Now&, Outcome&);

void DiscoveryDesk::on_due(const Now& now, Outcome& out) {
  armed_.reset();
  for (auto at = under_way_.begin(); at != under_way_.end();) {
    const auto place = at++;  // it may be over by that
    const std::optional<MonoTime> wake = place->second.wake;
    if (wake && now.mono >= *wake) take(place, place->second.look.go_on(now), now, out);
  }
}

void DiscoveryDesk::take(Places::iterator place, RootLook::Step step, const Now& now, Outcome& out) {
  place->second.wake = step.wake;
  if (step.request) out.emit(std::move(*step.request));
  if (step.silent) return settle(place->first, std::nullopt);
  if (!step.found) return;
  const wire::BmcNetwork* network = c_.site.reach.network_of(step.found->address());
  const bool log_in = step.found->what() == wire::FoundBmc::REDFISH && network != nullptr &&
                      network->discover_with_login() && network->credentials_size() > 0;
  if (log_in && !c_.site.reach.takes_any_key(step.found->address(), now)) {
    step.found->set_note("not logged in to: nobody has approved its key");
    return settle(place->first, std::move(step.found));
  }
  if (!log_in) return settle(place->first, std::move(step.found));
  place->second.found = std::move(step.found);
  ask_who(place, network->credentials(0), now, out);
}

void DiscoveryDesk::ask_who(Places::iterator place, const std::string& credential, const Now& now,
                            Outcome& out) {
  wire::FoundBmc& found = *place->second.found;
  found.set_credential(credential);
  wire::InspectServer question;
  question.set_request_id(name_of(place->first));
  question.set_who_only(true);
  question.set_planned(true);  // no password is tried where it was refused, and none is held by it
  question.set_quiet(true);
  wire::BmcTarget& bmc = *question.mutable_bmc();
  bmc.set_address(found.address());
  bmc.set_credential(credential);
  bmc.set_tls(wire::BmcTarget::PIN);
  bmc.set_key_sha256(found.key_sha256());
  inspections_.accept(question, now, out);
}

void DiscoveryDesk::take_who(const wire::Inspected& seen) {
  const auto index = index_of(seen.request_id());
  const auto place = index ? under_way_.find(*index) : under_way_.end();
  if (place == under_way_.end() || !place->second.found) return;  // asked by one that is over
  wire::FoundBmc found = std::move(*place->second.found);
  if (seen.has_fault()) {
    found.set_note(told_text("who it is was not read: " + seen.fault().seen()));
  } else {
    found.set_logged_in(true);
    found.set_serial(told_text(seen.identity().serial()));
    found.set_system_uuid(told_text(seen.identity().uuid()));
    found.set_manufacturer(told_text(seen.manufacturer()));
    found.set_model(told_text(seen.model()));
  }
  settle(*index, std::move(found));
}

void DiscoveryDesk::tell_done(const Now& now, Outcome& out) {
  while (!done_.empty() && done_.begin()->first == piece_.asked())
    add(std::move(done_.extract(done_.begin()).mapped()), now, out);
  if (piece_.asked() == ranges_.size()) end(std::nullopt, now, out);
}

void DiscoveryDesk::add(std::optional<wire::FoundBmc> found, const Now& now, Outcome& out) {
  piece_.set_asked(piece_.asked() + 1);
  if (found) *piece_.add_found() = std::move(*found);
  if (piece_.asked() - row_.told() >= addresses_a_piece || piece_.ByteSizeLong() >= bytes_a_piece)
    tell(now, out);
}

void DiscoveryDesk::tell(const Now& now, Outcome& out) {
  piece_.set_request_id(row_.request().request_id());
  piece_.set_of(static_cast<std::uint32_t>(ranges_.size()));
  wire::Event event;
  *event.mutable_discovered() = piece_;
  c_.journal.tell(std::move(event), now, out);
  piece_.clear_found();
  row_.set_told(piece_.asked());
  put_row(out, rows::discovery, row_);
}

void DiscoveryDesk::end(std::optional<wire::Fault> fault, const Now& now, Outcome& out) {
  leave_all(out);
  piece_.set_over(true);
  if (fault) *piece_.mutable_fault() = std::move(*fault);
  tell(now, out);
  out.erase(rows::discovery);
  row_.Clear();
}

void DiscoveryDesk::leave_all(Outcome& out) {
  for (const auto& [index, place] : under_way_) inspections_.drop(name_of(index), out);
  under_way_.clear();
  done_.clear();
}

std::string DiscoveryDesk::name_of(std::size_t index) const {
  return row_.request().request_id() + "/" + std::to_string(index);
}

std::optional<std::size_t> DiscoveryDesk::index_of(const std::string& name) const {
  const auto slash = name.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto index = parse_integer(std::string_view(name).substr(slash + 1));
  if (!index || *index < 0 || name != name_of(static_cast<std::size_t>(*index))) return std::nullopt;
  return static_cast<std::size_t>(*index);
}

std::string DiscoveryDesk::address(std::size_t index) const {
  return bmc_address(ranges_.at(index).text(), port_in(row_.request()));
}

}  // namespace metalmesh::agent
