// IDENTITY and PREFLIGHT: everything that can be refused before anything is changed.
#include <algorithm>

#include "agents/install/exchange.h"
#include "agents/install/reset_types.h"
#include "agents/install/stages.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

constexpr std::size_t most_interfaces = 32;

bool has_mac(const std::vector<std::string>& macs, const std::string& wanted) {
  return std::any_of(macs.begin(), macs.end(),
                     [&](const auto& mac) { return redfish::same_mac(mac, wanted); });
}

bool all_found(const Context& context) {
  const auto& wanted = context.order().identity().macs();
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& mac) { return has_mac(context.talk.macs, mac); });
}

Verdict list_interfaces(Context& context) {
  Conversation& talk = context.talk;
  if (talk.mac_uris) return Verdict::done;
  if (!talk.mac_sources.empty()) {  // a second reading asks only where the first one found them
    talk.mac_uris = talk.mac_sources;
    return Verdict::done;
  }
  talk.mac_uris.emplace();
  if (talk.system->ethernet_interfaces.empty()) return Verdict::done;
  talk.mac_uris.reset();
  const HttpReplied* reply = fetch(context, Ask::ethernet, redfish::get(talk.system->ethernet_interfaces));
  if (reply == nullptr) return Verdict::busy;
  talk.mac_uris = redfish::parse_members(*reply).value_or(std::vector<std::string>{});
  if (talk.mac_uris->size() > most_interfaces) talk.mac_uris->resize(most_interfaces);
  return Verdict::done;
}

Verdict read_macs(Context& context) {
  Conversation& talk = context.talk;
  if (talk.macs_read || context.order().identity().macs().empty()) return Verdict::done;
  if (list_interfaces(context) == Verdict::busy) return Verdict::busy;
  while (talk.next_mac < talk.mac_uris->size() && !all_found(context)) {
    const std::string uri = (*talk.mac_uris)[talk.next_mac];
    const HttpReplied* reply = fetch(context, Ask::macs, redfish::get(uri));
    if (reply == nullptr) return Verdict::busy;
    ++talk.next_mac;
    const auto macs = redfish::parse_macs(*reply).value_or(std::vector<std::string>{});
    const auto& wanted = context.order().identity().macs();
    const bool ours =
        std::any_of(wanted.begin(), wanted.end(), [&](const auto& mac) { return has_mac(macs, mac); });
    if (ours && std::find(talk.mac_sources.begin(), talk.mac_sources.end(), uri) == talk.mac_sources.end())
      talk.mac_sources.push_back(uri);
    talk.macs.insert(talk.macs.end(), macs.begin(), macs.end());
  }
  talk.macs_read = true;
  return Verdict::done;
}

Verdict read_reset_values(Context& context) {
  Conversation& talk = context.talk;
  redfish::ResetAction& reset = talk.system->reset;
  if (!reset.allowed.empty() || reset.action_info.empty()) return Verdict::done;
  const HttpReplied* reply = fetch(context, Ask::action_info, redfish::get(reset.action_info));
  if (reply == nullptr) return Verdict::busy;
  reset.allowed = redfish::parse_action_info(*reply, "ResetType");
  reset.action_info.clear();
  return Verdict::done;
}

/// Nothing contradicts, but the BMC does not tell who it is: it may still be starting.
Verdict not_told_yet(Context& context, const FaultFacts& facts) {
  Conversation& talk = context.talk;
  if (!talk.unknown_since) talk.unknown_since = context.now.mono;
  if (context.now.mono - *talk.unknown_since >= context.timeouts.unreachable) {
    talk.unknown_since.reset();
    return context.fail(wire::IDENTITY_MISMATCH, facts);
  }
  talk.forget_identity();
  return look_again(context, context.timeouts.poll);
}

}  // namespace

bool surely_past(const Context& context, const google::protobuf::Timestamp& stamp) {
  return context.now.wall_low > from_wire(stamp) && !planted(Defect::expiry_ignored);
}

bool maybe_past(const Context& context, const google::protobuf::Timestamp& stamp) {
  return context.now.wall_high > from_wire(stamp) && !planted(Defect::expiry_ignored);
}

bool refused_for_power(Context& context, const redfish::System& system) {
  if (system.power.empty()) {
    context.fail(wire::BMC_PROTOCOL, {.expected = "the host's PowerState", .seen = "none"});
    return true;
  }
  const auto policy = context.order().power();
  const bool may_be_on = policy == wire::GRACEFUL || policy == wire::FORCE || context.job.host_on_by_us();
  if (system.off() || may_be_on) return false;
  context.fail(wire::POWERED_ON, {.expected = "the order says refuse_if_on", .seen = system.power});
  return true;
}

bool refused_for_shutdown(Context& context, const redfish::System& system) {
  const bool gentle = context.order().power() == wire::GRACEFUL && !context.job.host_on_by_us();
  if (system.off() || !gentle || offers(system.reset, "GracefulShutdown") ||
      offers(system.reset, "PushPowerButton"))
    return false;
  context.fail(wire::POWERED_ON,
               {.expected = "and its BMC offers no graceful shutdown", .seen = system.power});
  return true;
}

Verdict check_identity(Context& context) {
  Conversation& talk = context.talk;
  if (talk.identified) return Verdict::done;
  if (read_macs(context) == Verdict::busy) return Verdict::busy;
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  redfish::Identity seen = system->identity;
  seen.macs = talk.macs;
  const auto comparison = redfish::compare(redfish::from_wire(context.order().identity()), seen);
  const FaultFacts facts{.expected = comparison.expected, .seen = comparison.seen};
  if (comparison.match == redfish::Match::insufficient)
    return context.fail(wire::IDENTITY_INSUFFICIENT, facts);
  if (planted(Defect::any_machine_will_do)) {
    talk.identified = true;
    return Verdict::done;
  }
  if (comparison.match == redfish::Match::different) {
    context.job.set_contradicted(true);
    return context.fail(wire::IDENTITY_MISMATCH, facts);
  }
  if (comparison.match == redfish::Match::unknown) return not_told_yet(context, facts);
  talk.unknown_since.reset();
  talk.identified = true;
  return Verdict::done;
}

Verdict reach_machine(Context& context) {
  return connect(context) == Verdict::busy ? Verdict::busy : check_identity(context);
}

Verdict preflight(Context& context) {
  const wire::StartInstall& order = context.order();
  if (order.has_start_by() && surely_past(context, order.start_by()))
    return context.fail(wire::ORDER_EXPIRED, {.expected = "start_by", .seen = "start_by has passed"});
  // Certainly too early: nothing is put into a slot hours ahead.
  if (order.has_not_before() && context.now.wall_high < from_wire(order.not_before()))
    return look_again(context, 2 * context.timeouts.poll);
  const redfish::System* system = look(context);
  if (system == nullptr) return Verdict::busy;
  if (system->off()) context.job.set_host_on_by_us(false);
  if (refused_for_power(context, *system)) return Verdict::busy;
  if (read_reset_values(context) == Verdict::busy) return Verdict::busy;
  if (refused_for_shutdown(context, *context.talk.system)) return Verdict::busy;
  return find_slots(context);
}

}  // namespace metalmesh::install
