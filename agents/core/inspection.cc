#include "agents/core/inspection.h"

#include <algorithm>
#include <utility>

#include "agents/core/faults.h"
#include "agents/redfish/error_info.h"
#include "agents/redfish/media_slot.h"
#include "agents/redfish/requests.h"
#include "common/base/command_words.h"

namespace metalmesh::agent {
namespace {

constexpr unsigned most_tries = 3;
constexpr Duration between_tries = std::chrono::seconds(5);
constexpr std::size_t most_members = 32;  // systems, interfaces or slots that are looked at

struct FailureText {
  HttpFailure failure;
  wire::FaultCode code;
  const char* seen;
  const char* next;
  bool again;
};
constexpr FailureText failure_texts[] = {
    {HttpFailure::refused, wire::BMC_UNREACHABLE, "refuses the connection",
     "check the BMC's cable, address and port", true},
    {HttpFailure::timed_out, wire::BMC_UNREACHABLE, "does not answer", "check the BMC's cable and address",
     true},
    {HttpFailure::dropped, wire::BMC_UNREACHABLE, "closed the connection",
     "check the BMC's cable, or reset the BMC", true},
    {HttpFailure::name_unknown, wire::BMC_UNREACHABLE, "has a name that does not resolve here",
     "correct the server's bmc.address, or the agent's DNS", false},
    {HttpFailure::tls_refused, wire::BMC_TLS_REFUSED, "did not pass the TLS handshake",
     "check the BMC's certificate and clock, or use bmc.tls: pin", false},
    {HttpFailure::key_changed, wire::BMC_KEY_CHANGED, "shows another TLS key than the pinned one",
     "find out why (board swap, new certificate, wrong machine), then accept the new key", false},
    {HttpFailure::too_large, wire::BMC_PROTOCOL, "sent a reply that is too long",
     "attach the evidence to a report", false},
    {HttpFailure::no_credential, wire::CREDENTIAL_MISSING,
     "cannot be logged in to: its credential is not at this site", "", false},
};

std::vector<std::string> members(const HttpReplied& reply) {
  auto paths = redfish::parse_members(reply);
  if (!paths) return {};
  if (paths->size() > most_members) paths->resize(most_members);
  return std::move(*paths);
}

}  // namespace

Inspection::Inspection(wire::InspectServer request, std::string stale_session, Duration timeout)
    : request_(std::move(request)), stale_session_(std::move(stale_session)), timeout_(timeout) {
  result_.set_request_id(request_.request_id());
}

Inspection::Step Inspection::begin() {
  ++tries_;
  todo_.clear();
  result_.clear_fault();
  todo_.push_back({Ask::root, "/redfish/v1/"});
  return next();
}

HttpRequest Inspection::request_for(const Question& question) {
  const redfish::Request plan = question.ask == Ask::login ? redfish::login(question.path)
                                : question.ask == Ask::logout || question.ask == Ask::stale_session
                                    ? redfish::logout(question.path)
                                    : redfish::get(question.path);
  const wire::BmcTarget& bmc = request_.bmc();
  HttpRequest request;
  request.id = "inspect/" + request_.request_id() + "/" + std::to_string(++requests_);
  request.method = plan.method;
  request.url = "https://" + bmc.address() + plan.path;
  request.headers = plan.headers;
  request.body = plan.body;
  request.timeout = timeout_;
  if (!session_.token.empty()) request.headers.emplace_back("X-Auth-Token", session_.token);
  if (plan.login) request.credential = bmc.credential();
  if (bmc.tls() == wire::BmcTarget::CA) {
    request.trust = TlsTrust::ca;
  } else if (!bmc.key_sha256().empty() || !key_.empty()) {
    request.trust = TlsTrust::pin;
    request.pin_sha256 = !bmc.key_sha256().empty() ? bmc.key_sha256() : key_;
  } else {
    request.trust = TlsTrust::capture;
  }
  // The next request is pinned to what this one sees. A logout is not the last: an install may follow soon.
  request.last = request.trust == TlsTrust::capture;
  return request;
}

Inspection::Step Inspection::next() {
  Step step;
  if (todo_.empty() && !session_.uri.empty()) todo_.push_back({Ask::logout, session_.uri});
  if (todo_.empty()) {
    asked_.reset();
    step.result = result_;
    return step;
  }
  asked_ = std::move(todo_.front());
  todo_.pop_front();
  step.request = request_for(*asked_);
  return step;
}

void Inspection::fault(wire::FaultCode code, std::string seen, std::string next, std::string detail) {
  if (!result_.has_fault()) {
    wire::Fault fault = make_fault(
        code, "INSPECT", "the BMC " + request_.bmc().address() + " " + std::move(seen), std::move(next));
    fault.set_detail(std::move(detail));
    fault.set_tries(tries_);
    *result_.mutable_fault() = std::move(fault);
  }
  todo_.clear();  // what is left is to log out
}

Inspection::Step Inspection::on_failure(const HttpFailed& failed) {
  if (!asked_) return {};
  const Ask ask = asked_->ask;
  const auto* text = std::ranges::find(failure_texts, failed.failure, &FailureText::failure);
  if (ask == Ask::logout) session_ = {};
  if (ask == Ask::root && text->again && tries_ < most_tries) {
    Step step;
    step.again_after = between_tries;
    return step;
  }
  if (ask != Ask::logout && ask != Ask::stale_session)
    fault(text->code, text->seen,
          text->code == wire::CREDENTIAL_MISSING
              ? commands::on_agent_host(commands::set_credential(request_.bmc().credential()))
              : text->next,
          failed.detail);
  return next();
}

Inspection::Step Inspection::on_reply(const HttpReplied& reply) {
  if (!asked_) return {};
  if (key_.empty()) key_ = reply.peer_key_sha256;
  result_.set_bmc_key_sha256(key_);
  Step taken;
  take(reply, taken);
  Step step = next();
  step.login_accepted = taken.login_accepted;
  step.login_refused = taken.login_refused;
  return step;
}

void Inspection::take_login(const HttpReplied& reply, Step& step) {
  if (reply.status == 200 || reply.status == 201) {
    session_ = redfish::parse_session(reply);
    if (session_.password_change_required) {
      fault(wire::BMC_PASSWORD_CHANGE_REQUIRED, "wants its password changed first",
            "set a new password on the BMC, then " +
                commands::on_agent_host(commands::set_credential(request_.bmc().credential())));
    } else if (session_.token.empty()) {
      fault(wire::BMC_PROTOCOL, "opened a session without a token", "update the BMC's firmware");
    } else {
      step.login_accepted = true;
      if (!stale_session_.empty()) todo_.push_back({Ask::stale_session, stale_session_});
      todo_.push_back({Ask::systems, root_.systems});
    }
    return;
  }
  const redfish::ErrorInfo error = redfish::parse_error(reply.body);
  switch (redfish::classify(reply.status, error)) {
    case redfish::Refusal::password_change:
      return fault(wire::BMC_PASSWORD_CHANGE_REQUIRED, "wants its password changed first",
                   "set a new password on the BMC, then " +
                       commands::on_agent_host(commands::set_credential(request_.bmc().credential())),
                   error.text());
    case redfish::Refusal::sessions_full:
      return fault(wire::BMC_SESSIONS_FULL, "has no room for another session",
                   "close sessions at the BMC, or wait until they time out, then inspect again",
                   error.text());
    case redfish::Refusal::login:
      step.login_refused = true;
      return fault(wire::BMC_LOGIN_REFUSED,
                   "refused the login with credential " + request_.bmc().credential() + " (HTTP " +
                       std::to_string(reply.status) + "); not tried again, so that the account is not locked",
                   commands::mend_credential(request_.bmc().credential()), error.text());
    default:
      return fault(wire::BMC_PROTOCOL, "answered a login with HTTP " + std::to_string(reply.status),
                   "look at the BMC, then inspect again", error.text());
  }
}

void Inspection::take(const HttpReplied& reply, Step& step) {
  const Question question = *asked_;
  if (question.ask == Ask::logout) {
    session_ = {};
    return;
  }
  if (question.ask == Ask::stale_session) return;
  if (question.ask == Ask::login) return take_login(reply, step);
  const bool required =
      question.ask == Ask::root || question.ask == Ask::systems || question.ask == Ask::system;
  if (reply.status != 200) {
    if (required) {
      fault(wire::BMC_PROTOCOL,
            "answered GET " + question.path + " with HTTP " + std::to_string(reply.status),
            "check that this address is a Redfish BMC", redfish::parse_error(reply.body).text());
    }
    return;  // the rest is good to know, not needed
  }
  switch (question.ask) {
    case Ask::root:
      if (const auto root = redfish::parse_service_root(reply)) {
        root_ = *root;
        todo_.push_back({Ask::login, root_.sessions});
      } else {
        fault(wire::BMC_PROTOCOL, "does not speak Redfish at /redfish/v1",
              "check that this address is a Redfish BMC", root.error().message);
      }
      break;
    case Ask::systems:
      for (std::string& path : members(reply)) todo_.push_back({Ask::system, std::move(path)});
      if (todo_.empty())
        fault(wire::SYSTEM_AMBIGUOUS, "shows no system", "update the BMC's firmware, then inspect again");
      break;
    case Ask::system:
      if (auto system = redfish::parse_system(reply)) systems_.push_back(std::move(*system));
      if (todo_.empty()) choose_system();
      break;
    case Ask::interfaces:
      for (std::string& path : members(reply)) todo_.push_front({Ask::interface, std::move(path)});
      break;
    case Ask::interface:
      if (const auto macs = redfish::parse_macs(reply)) {
        for (const std::string& mac : *macs) {
          if (std::ranges::find(macs_, mac) == macs_.end()) macs_.push_back(mac);
        }
        std::ranges::sort(macs_);
        result_.mutable_identity()->clear_macs();
        for (const std::string& mac : macs_) result_.mutable_identity()->add_macs(mac);
      }
      break;
    case Ask::managers:
      if (const auto paths = members(reply); !paths.empty()) todo_.push_front({Ask::manager, paths.front()});
      break;
    case Ask::manager:
      if (const auto manager = redfish::parse_manager(reply)) {
        result_.set_bmc_model(manager->model);
        result_.set_bmc_firmware(manager->firmware);
        if (!slots_known_) take_slots(manager->virtual_media);
      }
      break;
    case Ask::slots:
      for (std::string& path : members(reply)) todo_.push_back({Ask::slot, std::move(path)});
      break;
    case Ask::slot:
      if (const auto slot = redfish::parse_slot(reply)) {
        const bool fit =
            redfish::holds_cd(*slot) && redfish::insert_style(*slot) != redfish::InsertStyle::none;
        if (fit) result_.set_virtual_media(true);
      }
      break;
    default:
      break;
  }
}

void Inspection::choose_system() {
  std::vector<redfish::System> usable;
  std::ranges::copy_if(systems_, std::back_inserter(usable), &redfish::System::usable);
  if (usable.empty() && systems_.size() == 1) usable = systems_;
  if (usable.size() != 1) {
    return fault(wire::SYSTEM_AMBIGUOUS,
                 "shows " + std::to_string(systems_.size()) + " systems, of which " +
                     std::to_string(usable.size()) + " can be installed",
                 "use an address that stands for one machine");
  }
  const redfish::System& system = usable.front();
  *result_.mutable_identity() = redfish::to_wire(system.identity);
  result_.set_manufacturer(system.manufacturer);
  result_.set_model(system.model);
  result_.set_power(system.power);
  if (!system.ethernet_interfaces.empty()) todo_.push_back({Ask::interfaces, system.ethernet_interfaces});
  take_slots(system.virtual_media);
  if (!system.managers.empty()) {
    todo_.push_back({Ask::manager, system.managers.front()});
  } else {
    todo_.push_back({Ask::managers, root_.managers});
  }
}

void Inspection::take_slots(const std::string& collection) {
  if (collection.empty()) return;
  slots_known_ = true;
  todo_.push_back({Ask::slots, collection});
}

}  // namespace metalmesh::agent
