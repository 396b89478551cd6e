#include "agents/bmc/line.h"

#include <algorithm>

#include "common/text/utf8.h"

namespace metalmesh::bmc {
namespace {

using redfish::Request;

constexpr int most_redirects = 3;
constexpr std::size_t most_learned = 256;
constexpr int most_refused_tokens = 3;
constexpr int most_errors = 3;  // of one resource, where it is not needed
constexpr Duration longest_request = std::chrono::minutes(2);

bool ok(int status) { return status >= 200 && status < 300; }

/// A read that meets this meets a BMC that is busy with itself, never an answer about the machine.
bool busy_with_itself(int status) {
  return (status >= 500 && status != 501) || status == 408 || status == 409 || status == 429;
}

bool is_redirect(const Request& request, int status) {
  const bool sees_other = status == 303 && request.method == "GET";
  return status == 301 || status == 302 || status == 307 || status == 308 || sees_other;
}

std::string_view words(HttpFailure failure) {
  switch (failure) {
    case HttpFailure::refused:
      return "connection refused or no route";
    case HttpFailure::timed_out:
      return "timeout";
    case HttpFailure::dropped:
      return "connection dropped";
    case HttpFailure::name_unknown:
      return "its name does not resolve";
    default:
      return "no usable answer";
  }
}

/// "10.0.0.7:8443" -> "8443"; 443 when none is given.
std::string_view port_of(std::string_view authority) {
  const auto colon = authority.rfind(':');
  const bool given = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  return given ? authority.substr(colon + 1) : "443";
}

/// Where a redirect leads on this BMC; empty when it leads elsewhere. BMCs call themselves by names that only
/// they know, so the host does not count; another port is another service.
std::string local_target(std::string_view location, std::string_view address) {
  if (const auto scheme = location.find("://"); scheme != std::string_view::npos) {
    const std::string_view authority =
        location.substr(scheme + 3, location.find('/', scheme + 3) - scheme - 3);
    if (location.substr(0, scheme) != "https" || port_of(authority) != port_of(address)) return {};
  }
  return redfish::path_of(location);
}

}  // namespace

Line::Line(Peer peer, Timing timing, std::uint64_t first_number)
    : peer_(std::move(peer)), timing_(timing), next_number_(first_number), longest_wait_(timing.request) {}

void Line::launch(Turn& turn, Ask ask, Request request, bool needed, std::string asked_path, int redirects) {
  if (const auto learned = redirects_.find(request.path); learned != redirects_.end())
    request.path = learned->second;
  HttpRequest out;
  out.id = next_id();
  out.method = request.method;
  out.url = "https://" + peer_.bmc.address() + request.path;
  out.headers = request.headers;
  if (!plain_replies_) {
    for (auto& [name, value] : out.headers)
      if (name == "Accept-Encoding") value = "gzip";
  }
  const bool proves = ask != Ask::root && !request.login;
  if (login_ == Login::token && !request.login) out.headers.emplace_back("X-Auth-Token", token_);
  out.basic = login_ == Login::basic && proves;
  if (request.login || out.basic) out.credential = peer_.bmc.credential();
  out.body = request.body;
  // Pinned from the first answer on, whoever vouched for the key: what is read first and what is read before
  // the point of no return then comes from one peer.
  out.pin_sha256 = peer_key_.empty() ? peer_.bmc.key_sha256() : peer_key_;
  const bool by_ca = peer_.bmc.tls() == wire::BmcTarget::CA && peer_key_.empty();
  out.trust = by_ca ? TlsTrust::ca : TlsTrust::pin;
  if (out.pin_sha256.empty() && !by_ca) out.trust = peer_.capture ? TlsTrust::capture : TlsTrust::ca;
  if (out.trust == TlsTrust::capture) out.pin_sha256.clear();
  out.timeout = longest_wait_;
  // What is not pinned yet goes over another connection than what will be.
  out.last = out.trust != TlsTrust::pin || request.last || closes_connections_;
  sent_on_connection_ = out.last ? 0 : sent_on_connection_ + 1;
  flight_ = Flight{out.id,        ask,           std::move(request), std::move(asked_path),
                   turn.now.mono, longest_wait_, redirects,          needed};
  turn.request = std::move(out);
}

const HttpReplied* Line::ask_for(Turn& turn, Ask ask, Request request, bool needed) {
  if (turn.trouble || flight_) return nullptr;
  if (reply_ && reply_to_ == ask && reply_path_ == request.path) {
    reply_path_.clear();
    return &*reply_;
  }
  if (turn.now.mono < pause()) {
    turn.wait(pause());
    return nullptr;
  }
  std::string path = request.path;
  launch(turn, ask, std::move(request), needed, std::move(path), 0);
  return nullptr;
}

const HttpReplied* Line::fetch(Turn& turn, Ask ask, Request request) {
  return ask_for(turn, ask, std::move(request), true);
}

const HttpReplied* Line::fetch_if_it_can(Turn& turn, Ask ask, Request request) {
  return ask_for(turn, ask, std::move(request), false);
}

Verdict Line::act(Turn& turn, Ask ask, Request request) {
  if (turn.trouble || flight_) return Verdict::busy;
  answer_.reset();
  // A resource may lose its actions between two readings. What has no path would go to the BMC's front page, and look done.
  if (request.path.empty()) {
    settle(turn, {ask, Answer::Kind::unsent, 0, {}, {}});
    return turn.fail({.code = wire::BMC_PROTOCOL,
                      .expected = "the target of an action",
                      .seen = "none",
                      .detail = "it was there in an earlier reading, or the BMC does not offer it"});
  }
  std::string path = request.path;
  launch(turn, ask, std::move(request), true, std::move(path), 0);
  return Verdict::busy;
}

std::optional<Answer> Line::take_answer(Ask ask) {
  if (!answer_ || answer_->ask != ask) return std::nullopt;
  return std::exchange(answer_, std::nullopt);
}

bool Line::asked(Ask ask) const {
  return flight_.has_value() || (reply_ && reply_to_ == ask && !reply_path_.empty());
}

void Line::forget_answers() {
  reply_path_.clear();
  answer_.reset();
}

void Line::settle(Turn& turn, Answer answer) {
  answer_ = answer;
  turn.settled = std::move(answer);
}

Verdict Line::follow_task(Turn& turn) {
  if (!task_) return Verdict::done;
  if (turn.now.mono < task_->next_look) return turn.wait(task_->next_look);
  const HttpReplied* reply = fetch(turn, Ask::task, redfish::get(task_->path));
  if (reply == nullptr) return Verdict::busy;
  const redfish::Task task = redfish::parse_task(*reply);
  Answer answer = task_->answer;
  answer.error = redfish::parse_error(reply->body);
  switch (task.state) {
    case redfish::Task::State::running:
      if (turn.now.mono - task_->since < timing_.task) {
        task_->next_look = turn.now.mono + timing_.poll / 2;
        return turn.wait(task_->next_look);
      }
      answer.kind = Answer::Kind::unknown;
      break;
    case redfish::Task::State::pending:  // until a reset: what it worked on tells whether it counts already
      turn.notes.push_back("task " + task_->path + " is pending");
      break;
    case redfish::Task::State::done:
      break;
    case redfish::Task::State::failed:
      answer.kind = Answer::Kind::refused;
      answer.status = reply->status;
      answer.refusal = redfish::classify(0, answer.error);
      break;
  }
  task_.reset();
  settle(turn, std::move(answer));
  return Verdict::done;
}

Verdict Line::ask_later(Turn& turn) {
  pause_until(turn.now.mono + timing_.poll);
  return turn.wait(pause());
}

void Line::log_in_with(Login login, std::string token) {
  login_ = login;
  token_ = std::move(token);
}

bool Line::take_lost() { return std::exchange(lost_, false); }

/// The session is no longer valid: the call was not executed; log in again and let the asker ask anew.
/// Another machine may answer at this address by now (BMCs of one maker may share a key).
void Line::lost_session(Turn& turn, const Flight& flight) {
  log_in_with(Login::none);
  lost_ = true;
  if (++refused_tokens_ > most_refused_tokens) {
    if (!std::exchange(tokens_doubted_, true)) {
      tokens_useless_ = true;
      refused_tokens_ = 0;
    } else {
      turn.fail({.code = wire::BMC_PROTOCOL,
                 .expected = "its own fresh session to be valid",
                 .seen = "HTTP 401 to it"});
    }
  }
  if (changes(flight.ask)) settle(turn, {flight.ask, Answer::Kind::unsent, 401, {}, {}});
}

/// With Basic every answer tells whether the password is right. True: it is not.
bool Line::judge_basic(Turn& turn, const HttpReplied& reply) {
  if (ok(reply.status) && !std::exchange(basic_proven_, true)) turn.login_accepted = true;
  if (reply.status != 401) return false;
  const redfish::ErrorInfo error = redfish::parse_error(reply.body);
  if (redfish::classify(reply.status, error) == redfish::Refusal::password_change) {
    turn.fail({.code = wire::BMC_PASSWORD_CHANGE_REQUIRED, .detail = error.text()});
    return true;
  }
  log_in_with(Login::none);
  const bool knows_basic = basic_proven_ || !basic_guessed_ || redfish::offers_basic(reply);
  if (!knows_basic && !redfish::says_wrong_password(error)) {
    basic_missed_ = true;
    turn.fail({.code = wire::BMC_PROTOCOL,
               .expected = tokens_doubted_ ? "its own fresh session to be valid" : "a session service",
               .seen = std::string(tokens_doubted_ ? "HTTP 401 to it" : "none") + ", and HTTP 401 to Basic",
               .detail = error.text()});
    return true;
  }
  turn.login_refused = true;
  turn.fail({.code = wire::BMC_LOGIN_REFUSED, .seen = "401", .detail = error.text()});
  return true;
}

/// Some let the account in, and then nowhere.
bool Line::must_change_password(Turn& turn, const Flight& flight, const HttpReplied& reply) {
  const redfish::ErrorInfo error = redfish::parse_error(reply.body);
  if (redfish::classify(reply.status, error) != redfish::Refusal::password_change) return false;
  if (changes(flight.ask)) settle(turn, {flight.ask, Answer::Kind::unsent, reply.status, {}, error});
  turn.fail({.code = wire::BMC_PASSWORD_CHANGE_REQUIRED, .seen = "403", .detail = error.text()});
  return true;
}

bool Line::same_peer(Turn& turn, const HttpReplied& reply) {
  if (reply.peer_key_sha256.empty()) return true;
  if (peer_key_.empty()) peer_key_ = reply.peer_key_sha256;
  if (peer_key_ == reply.peer_key_sha256) return true;
  turn.fail({.code = wire::BMC_KEY_CHANGED, .expected = peer_key_, .seen = reply.peer_key_sha256});
  return false;
}

void Line::learn_redirect(std::string from, std::string to) {
  if (redirects_.size() < most_learned && from != to) redirects_[std::move(from)] = std::move(to);
}

/// Followed with any method: what was redirected was not done. True: sent again, or there is trouble.
bool Line::moved(Turn& turn, Flight& flight, const HttpReplied& reply) {
  if (!is_redirect(flight.request, reply.status)) return false;
  const std::string location = redfish::header(reply, "location");
  std::string target = local_target(location, peer_.bmc.address());
  const bool goes_round = target == flight.request.path || flight.redirects >= most_redirects;
  if (target.empty() || goes_round) {
    if (changes(flight.ask)) settle(turn, {flight.ask, Answer::Kind::unsent, reply.status, {}, {}});
    turn.fail({.code = wire::BMC_PROTOCOL,
               .expected = "an answer",
               .seen = "HTTP " + std::to_string(reply.status) + " to " +
                       (location.empty() ? "nowhere" : redfish::shown(location)),
               .detail = goes_round ? "redirects go round in a circle"
                                    : "the BMC sends elsewhere: correct its address"});
    return true;
  }
  const bool slash_only = target == flight.request.path + "/" || target + "/" == flight.request.path;
  if (reply.status == 301 || reply.status == 308 || slash_only) learn_redirect(flight.asked_path, target);
  Request again = std::move(flight.request);
  again.path = std::move(target);
  launch(turn, flight.ask, std::move(again), flight.needed, std::move(flight.asked_path),
         flight.redirects + 1);
  return true;
}

/// Some refuse to reply uncompressed.
bool Line::encoded_otherwise(Turn& turn, Flight& flight, const HttpReplied& reply) {
  if (reply.status != 406 || !plain_replies_ || changes(flight.ask)) return false;
  plain_replies_ = false;
  launch(turn, flight.ask, std::move(flight.request), flight.needed, std::move(flight.asked_path),
         flight.redirects);
  return true;
}

void Line::take_change(Turn& turn, const Flight& flight, const HttpReplied& reply) {
  Answer answer{flight.ask, Answer::Kind::accepted, reply.status, {}, redfish::parse_error(reply.body)};
  if (ok(reply.status)) {
    const std::string task = reply.status == 202 ? redfish::task_of(reply) : std::string();
    if (task.empty()) return settle(turn, std::move(answer));
    task_ = Follow{std::move(answer), task, turn.now.mono, turn.now.mono};
    return;
  }
  answer.refusal = redfish::classify(reply.status, answer.error);
  // A gateway or a dying service may have passed the call on.
  const bool unclear = reply.status == 500 || reply.status == 502 || reply.status == 504;
  answer.kind = unclear ? Answer::Kind::unknown : Answer::Kind::refused;
  settle(turn, std::move(answer));
}

void Line::keep(const Flight& flight, const HttpReplied& reply) {
  reply_ = reply;
  reply_to_ = flight.ask;
  reply_path_ = flight.asked_path;
}

bool Line::take(Turn& turn, const HttpReplied& reply) {
  if (!flight_ || flight_->id != reply.id) return false;
  Flight flight = std::move(*flight_);
  flight_.reset();
  silence_.asked();
  if (!same_peer(turn, reply) || moved(turn, flight, reply) || encoded_otherwise(turn, flight, reply))
    return true;
  const bool asks_login = flight.ask == Ask::login || flight.ask == Ask::logout || flight.ask == Ask::root;
  if (reply.status == 401 && !asks_login && login_ == Login::token) {
    lost_session(turn, flight);
    return true;
  }
  if (login_ == Login::basic && !asks_login && judge_basic(turn, reply)) {
    if (changes(flight.ask)) settle(turn, {flight.ask, Answer::Kind::unsent, 401, {}, {}});
    return true;
  }
  if (reply.status == 403 && !asks_login && must_change_password(turn, flight, reply)) return true;
  if (flight.request.method == "GET" && busy_with_itself(reply.status)) {
    if (flight.needed || ++errors_[flight.asked_path] < most_errors) {
      silence_.not_answered(turn, flight.sent_at, "HTTP " + std::to_string(reply.status));
      return true;
    }
    errors_.erase(flight.asked_path);
  }
  if (reply.status < 400 || changes(flight.ask)) silence_.ended();
  // The session service of some takes tokens that nothing else takes.
  const bool of_sessions = flight.ask == Ask::logout || flight.ask == Ask::session_list;
  if (ok(reply.status) && login_ != Login::none && !of_sessions) refused_tokens_ = 0;
  if (changes(flight.ask))
    take_change(turn, flight, reply);
  else
    keep(flight, reply);
  return true;
}

bool Line::take(Turn& turn, const HttpFailed& failure) {
  if (!flight_ || flight_->id != failure.id) return false;
  const Flight flight = std::move(*flight_);
  flight_.reset();
  const auto over = [&](Answer::Kind kind) {
    if (changes(flight.ask)) settle(turn, {flight.ask, kind, 0, {}, {}});
  };
  // Not once more over a connection that was used before: some BMCs cut those.
  if (failure.failure == HttpFailure::dropped && sent_on_connection_ > 1) closes_connections_ = true;
  if (failure.failure == HttpFailure::timed_out)
    longest_wait_ = std::max(timing_.request, std::min(2 * longest_wait_, longest_request));
  sent_on_connection_ = 0;
  if (failure.failure != HttpFailure::local) silence_.asked();
  switch (failure.failure) {
    case HttpFailure::key_changed:
      over(Answer::Kind::unsent);
      turn.fail({.code = wire::BMC_KEY_CHANGED,
                 .expected = peer_key_.empty() ? peer_.bmc.key_sha256() : peer_key_,
                 .seen = failure.detail});
      break;
    case HttpFailure::tls_refused:
      over(Answer::Kind::unsent);
      turn.fail({.code = wire::BMC_TLS_REFUSED, .seen = Utf8(failure.detail).cut(400).str()});
      break;
    case HttpFailure::no_credential:
      over(Answer::Kind::unsent);
      turn.fail({.code = wire::CREDENTIAL_MISSING});
      break;
    case HttpFailure::elsewhere:
      over(Answer::Kind::unsent);
      turn.fail({.code = wire::BMC_NOT_ALLOWED, .seen = failure.detail});
      break;
    case HttpFailure::local:
      over(Answer::Kind::unsent);
      silence_.could_not_ask(turn, failure.detail);
      break;
    case HttpFailure::refused:
    case HttpFailure::name_unknown:
      over(Answer::Kind::unsent);
      silence_.not_answered(turn, flight.sent_at, words(failure.failure));
      break;
    case HttpFailure::too_large:
      if (!changes(flight.ask)) {
        turn.fail({.code = wire::BMC_PROTOCOL,
                   .expected = "a reply of reasonable size",
                   .seen = "a longer one for " + flight.request.path});
        break;
      }
      [[fallthrough]];
    case HttpFailure::timed_out:
    case HttpFailure::dropped:
      over(Answer::Kind::unknown);
      silence_.not_answered(turn, flight.sent_at, words(failure.failure));
      break;
  }
  return true;
}

}  // namespace metalmesh::bmc
