#include "controller/api/controller_node.h"

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace metalmesh::controller {

namespace {

ControllerLimits with_families(ControllerLimits limits, const families::FamilyCatalogue& families) {
  limits.families = std::make_shared<const families::FamilyCatalogue>(families);
  return limits;
}

}  // namespace

ControllerNode::ControllerNode(const RowReader& rows, const Signer& signer, const Verifier& verifier,
                               Entropy& entropy, Authenticator& authenticator, ControllerLimits limits,
                               ApiSettings settings)
    : core_(rows, signer, verifier, entropy, with_families(std::move(limits), settings.families)),
      api_(core_, rows, authenticator, std::move(settings)),
      tools_(core_),
      told_(rows, core_.state()) {}

Outcome ControllerNode::handle(const Input& input, const Now& now) {
  Outcome out;
  const auto* timer = std::get_if<TimerFired>(&input);
  const auto* message = std::get_if<MessageArrived>(&input);
  if (const auto* opened = std::get_if<ExchangeOpened>(&input)) {
    api_.opened(*opened, now, out);
  } else if (const auto* closed = std::get_if<ExchangeClosed>(&input)) {
    api_.closed(*closed);
  } else if (const auto* drained = std::get_if<ExchangeDrained>(&input)) {
    api_.drained(*drained);
  } else if (timer != nullptr && std::string_view(timer->token).starts_with(OperatorApi::timer_prefix)) {
    api_.fired(*timer, now, out);
  } else if (timer != nullptr && std::string_view(timer->token).starts_with(ToolEvents::timer_prefix)) {
    told_.fired(timer->token);
  } else if (message != nullptr && tool_topics::is_of_tools(message->topic)) {
    if (!told_.echoed(*message, out)) tools_.take(*message, now, out);
  } else {
    if (std::holds_alternative<Committed>(input)) {
      api_.committed();
      told_.committed();
    }
    const bool was_low = core_.state().disk_low;
    out = core_.handle(input, now);
    if (std::holds_alternative<BusUp>(input)) {
      api_.bus(true);
      out.log(LogLevel::info, "broker connected");
    } else if (const auto* down = std::get_if<BusDown>(&input)) {
      api_.bus(false);
      out.log(LogLevel::warning, "broker away; sites go on with what they have", {{"reason", down->reason}});
    } else if (const auto* disk = std::get_if<DiskLevel>(&input); disk != nullptr && disk->low != was_low) {
      out.log(disk->low ? LogLevel::error : LogLevel::info,
              disk->low ? "disk low: no new work is accepted until there is room again" : "disk has room",
              {{"freeBytes", std::to_string(disk->free_bytes)}});
    }
  }
  for (const auto& [number, result] : core_.take_answers()) {
    tools_.answered(number, result, now, out);
    api_.answered(number, result, out);
  }
  if (std::holds_alternative<Started>(input)) tools_.started();
  if (timer != nullptr) tools_.look_for_ends(out);
  api_.pump(now, out);
  told_.pump(now, out);
  return out;
}

bool ControllerNode::only_reads(const Input& input) {
  const auto* opened = std::get_if<ExchangeOpened>(&input);
  return opened != nullptr && opened->method == "GET";
}

}  // namespace metalmesh::controller
