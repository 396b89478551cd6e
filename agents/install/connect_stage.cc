// CONNECT: service root, session, and the one system that the order can mean.
#include <algorithm>

#include "agents/install/exchange.h"
#include "agents/install/stages.h"
#include "common/base/planted.h"

namespace metalmesh::install {
namespace {

using redfish::Refusal;

constexpr std::size_t most_systems = 8;

Verdict read_root(Context& context) {
  const HttpReplied* reply = fetch(context, Ask::root, redfish::get("/redfish/v1/"));
  if (reply == nullptr) return Verdict::busy;
  auto root = redfish::parse_service_root(*reply);
  if (reply->status == 401 || reply->status == 403)
    root = redfish::ServiceRoot{};  // some hide it before login
  if (!root || (reply->status >= 300 && reply->status != 401 && reply->status != 403))
    return context.fail(wire::BMC_PROTOCOL,
                        {.expected = "a Redfish service root",
                         .seen = "HTTP " + std::to_string(reply->status) + " to /redfish/v1/",
                         .detail = redfish::parse_error(reply->body).text()});
  context.talk.root = std::move(*root);
  return Verdict::done;
}

Verdict login_refused(Context& context, const HttpReplied& reply) {
  const redfish::ErrorInfo error = redfish::parse_error(reply.body);
  const FaultFacts facts{.seen = std::to_string(reply.status), .detail = error.text()};
  switch (redfish::classify(reply.status, error)) {
    case Refusal::password_change:
      return context.fail(wire::BMC_PASSWORD_CHANGE_REQUIRED, facts);
    case Refusal::sessions_full:
      return context.fail(wire::BMC_SESSIONS_FULL, facts);
    case Refusal::busy: {
      const Duration waited = context.now.mono - context.talk.silent_since.value_or(context.now.mono);
      if (!context.talk.silent_since) context.talk.silent_since = context.now.mono;
      if (waited < context.timeouts.unreachable) {
        context.talk.retry_at = context.now.mono + context.timeouts.poll;
        return context.wait(context.timeouts.poll);
      }
      return context.fail(wire::BMC_SESSIONS_FULL, {.detail = error.text(), .span = waited});
    }
    default:
      break;
  }
  if (reply.status == 404 || reply.status == 405 || reply.status == 501)
    return context.fail(wire::BMC_PROTOCOL, {.expected = "a session service",
                                             .seen = "HTTP " + std::to_string(reply.status) + " to a login",
                                             .detail = error.text()});
  // Only what the BMC states counts for the credential: other answers may have other grounds.
  if (redfish::classify(reply.status, error) == Refusal::login)
    context.out.actions.emplace_back(LoginRefused{});
  return context.fail(wire::BMC_LOGIN_REFUSED, facts);
}

/// Refused elsewhere meanwhile. Whoever touched power already is not given up: it waits for a better
/// password.
Verdict not_to_be_tried(Context& context, const wire::Fault& why) {
  const bool waits = context.job.armed() && context.job.stage() != wire::CLEANUP;
  return waits ? hold(context, why)
               : context.fail(wire::BMC_LOGIN_REFUSED, {.seen = "401", .detail = why.seen()});
}

Verdict log_in(Context& context) {
  Conversation& talk = context.talk;
  const bool asked = talk.flight || (talk.reply && talk.reply_to == Ask::login && !talk.reply_path.empty());
  if (!asked && context.gate.no_login) return not_to_be_tried(context, *context.gate.no_login);
  if (!asked && talk.login_barred && talk.trouble) return not_to_be_tried(context, *talk.trouble);
  const HttpReplied* reply = fetch(context, Ask::login, redfish::login(talk.root->sessions));
  if (reply == nullptr) return Verdict::busy;
  const redfish::Session session = redfish::parse_session(*reply);
  // Some answer 200 to a failed login; only a token proves one.
  if (reply->status >= 300 || session.token.empty()) return login_refused(context, *reply);
  talk.token = session.token;
  if (planted(Defect::token_in_evidence)) context.note_evidence("logged in as " + talk.token);
  talk.session_uri = session.uri;
  if (!session.uri.empty()) context.job.add_session_uris(session.uri);
  if (session.password_change_required) return context.fail(wire::BMC_PASSWORD_CHANGE_REQUIRED, {});
  context.out.actions.emplace_back(LoginAccepted{});
  return Verdict::done;
}

/// Sessions of an earlier life; whatever the BMC answers, they are no longer ours to care for.
Verdict delete_old_sessions(Context& context) {
  auto& uris = *context.job.mutable_session_uris();
  for (int i = 0; i < uris.size();) {
    if (uris[i] == context.talk.session_uri) {
      ++i;
      continue;
    }
    if (fetch(context, Ask::logout, redfish::logout(uris[i])) == nullptr) return Verdict::busy;
    uris.DeleteSubrange(i, 1);
  }
  return Verdict::done;
}

Verdict read_system_list(Context& context) {
  const HttpReplied* reply = fetch(context, Ask::systems, redfish::get(context.talk.root->systems));
  if (reply == nullptr) return Verdict::busy;
  const auto members = redfish::parse_members(*reply);
  if (reply->status != 200 || !members)
    return context.fail(wire::BMC_PROTOCOL, {.expected = "its list of systems",
                                             .seen = "HTTP " + std::to_string(reply->status),
                                             .detail = redfish::parse_error(reply->body).text()});
  context.talk.system_uris = *members;
  if (context.talk.system_uris->size() > most_systems) context.talk.system_uris->resize(most_systems);
  return Verdict::done;
}

std::string names_of(const std::vector<redfish::System>& systems) {
  std::string out;
  for (const auto& system : systems)
    out += (out.empty() ? ": " : ", ") + system.uri + " (serial " +
           (system.identity.serial.empty() ? "none" : system.identity.serial) + ")";
  return out;
}

Verdict pick_system(Context& context) {
  Conversation& talk = context.talk;
  while (!talk.system_uris->empty()) {
    const std::string uri = talk.system_uris->front();
    const HttpReplied* reply = fetch(context, Ask::system, redfish::get(uri));
    if (reply == nullptr) return Verdict::busy;
    if (auto system = redfish::parse_system(*reply); reply->status == 200 && system) {
      if (system->uri.empty()) system->uri = uri;
      if (system->usable()) talk.candidates.push_back(std::move(*system));
    }
    talk.system_uris->erase(talk.system_uris->begin());
  }
  std::vector<redfish::System> chosen = talk.candidates;
  if (chosen.size() > 1) {
    const redfish::Identity expected = redfish::from_wire(context.order().identity());
    std::erase_if(chosen, [&](const auto& system) { return !redfish::may_be(expected, system.identity); });
  }
  if (chosen.size() != 1)
    return context.fail(
        wire::SYSTEM_AMBIGUOUS,
        {.expected = "exactly one with the order's UUID and serial, a boot override and a reset action",
         .seen = std::to_string(chosen.size()) + " such systems" + names_of(talk.candidates)});
  talk.system = std::move(chosen.front());
  talk.candidates.clear();
  talk.fresh = true;
  return Verdict::done;
}

}  // namespace

Verdict open_session(Context& context) {
  if (!context.talk.root && read_root(context) == Verdict::busy) return Verdict::busy;
  if (context.talk.token.empty() && log_in(context) == Verdict::busy) return Verdict::busy;
  return delete_old_sessions(context);
}

Verdict connect(Context& context) {
  Conversation& talk = context.talk;
  if (open_session(context) == Verdict::busy) return Verdict::busy;
  if (talk.system) return Verdict::done;
  if (!talk.system_uris && read_system_list(context) == Verdict::busy) return Verdict::busy;
  return pick_system(context);
}

}  // namespace metalmesh::install
