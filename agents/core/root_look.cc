#include "agents/core/root_look.h"

#include <algorithm>
#include <utility>

#include "common/base/bmc_address.h"
#include "common/text/utf8.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t told_bytes = 80;
constexpr Duration until_connected = std::chrono::seconds(3);
constexpr Duration until_answered = std::chrono::seconds(20);
constexpr Duration until_tried_again = std::chrono::seconds(15);

wire::BmcTarget target_at(const std::string& address) {
  wire::BmcTarget target;
  target.set_address(address);
  target.set_tls(wire::BmcTarget::PIN);
  return target;
}

}  // namespace

std::string bmc_address(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return normal_bmc_address((v6 ? "[" + host + "]" : host) + ":" + std::to_string(port));
}

std::string told_text(std::string text) {
  const auto no_print = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::ranges::replace_if(text, no_print, ' ');
  return Utf8(std::move(text)).cut(told_bytes).str();
}

RootLook::RootLook(std::string name, std::string host, std::uint16_t port, std::uint64_t seed)
    : name_(std::move(name)),
      host_(std::move(host)),
      port_(port),
      address_(bmc_address(host_, port_)),
      random_(seed),
      line_({name_, target_at(address_), true}, {.request = until_tried_again}, 1) {}

ProbeStart RootLook::probe() const {
  return {.id = name_, .host = host_, .port = port_, .timeout = until_connected};
}

RootLook::Step RootLook::on_answer(const ProbeAnswered& answer, const Now& now) {
  if (answer.open) return go_on(now);
  Step step;
  step.silent = true;
  return step;
}

RootLook::Step RootLook::go_on(const Now& now) {
  bmc::Turn turn(now, random_);
  return conclude(turn);
}

template <class Input>
RootLook::Step RootLook::take(const Input& input, const Now& now) {
  bmc::Turn turn(now, random_);
  turn.patience = until_answered;
  line_.take(turn, input);
  return conclude(turn);
}

RootLook::Step RootLook::on_reply(const HttpReplied& reply, const Now& now) { return take(reply, now); }
RootLook::Step RootLook::on_failure(const HttpFailed& failed, const Now& now) { return take(failed, now); }

RootLook::Step RootLook::conclude(bmc::Turn& turn) {
  turn.patience = until_answered;
  Step step;
  const bool known = !turn.trouble && there_.read_root(turn, line_) == bmc::Verdict::done;
  if (turn.trouble) {
    step.found = odd(*turn.trouble);
  } else if (known) {
    step.found = found(there_.root());
  } else {
    step.request = std::move(turn.request);
    // Nothing else is asked of it.
    if (step.request) step.request->last = true;
    step.wake = turn.wake;
  }
  return step;
}

wire::FoundBmc RootLook::found(const redfish::ServiceRoot& root) const {
  wire::FoundBmc out;
  out.set_address(address_);
  out.set_key_sha256(line_.peer_key());
  if (root.version.empty()) {
    out.set_what(wire::FoundBmc::OTHER);
    out.set_note("what it shows at /redfish/v1/ is no service root, or it wants a login before");
    return out;
  }
  out.set_what(wire::FoundBmc::REDFISH);
  out.set_vendor(told_text(root.vendor));
  out.set_product(told_text(root.product));
  out.set_redfish(told_text(root.version));
  out.set_uuid(told_text(root.uuid));
  out.set_service_tag(told_text(root.service_tag));
  return out;
}

wire::FoundBmc RootLook::odd(const bmc::Trouble& trouble) const {
  wire::FoundBmc out;
  out.set_address(address_);
  out.set_key_sha256(line_.peer_key());
  const bool no_tls = trouble.code == wire::BMC_TLS_REFUSED;
  out.set_what(no_tls ? wire::FoundBmc::NO_TLS : wire::FoundBmc::OTHER);
  out.set_note(told_text(trouble.code == wire::BMC_UNREACHABLE
                             ? "it takes the connection and does not answer: " + trouble.seen
                             : trouble.seen));
  return out;
}

}  // namespace metalmesh::agent
