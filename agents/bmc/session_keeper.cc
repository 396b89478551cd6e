#include "agents/bmc/session_keeper.h"

#include <algorithm>

#include "common/base/planted.h"

namespace metalmesh::bmc {
namespace {

using redfish::Refusal;

constexpr std::size_t most_sessions = 16;  // that are looked at to find ours

Trouble trouble_of(wire::FaultCode code, const HttpReplied& reply) {
  return {
      .code = code, .seen = std::to_string(reply.status), .detail = redfish::parse_error(reply.body).text()};
}

}  // namespace

void SessionKeeper::own(std::string uri) {
  current_ = std::move(uri);
  if (!current_.empty() && std::ranges::find(ours_, current_) == ours_.end()) ours_.push_back(current_);
}

Verdict SessionKeeper::open(Turn& turn, Line& line, const redfish::ServiceRoot& root) {
  if (line.login() == Login::none && log_in(turn, line, root) == Verdict::busy) return Verdict::busy;
  const bool unnamed = line.login() == Login::token && !named_;
  if (unnamed && find_own(turn, line, root) == Verdict::busy) return Verdict::busy;
  const bool seeks = seeks_lost_ && line.login() == Login::token && !current_.empty();
  if (seeks && find_lost(turn, line, root) == Verdict::busy) return Verdict::busy;
  return delete_old(turn, line);
}

Verdict SessionKeeper::log_in(Turn& turn, Line& line, const redfish::ServiceRoot& root) {
  if (line.take_basic_missed()) basic_ = false;
  // A login has just shown that the password is right: to try Basic costs no account.
  if (line.take_tokens_useless()) {
    basic_ = true;
    line.guess_basic(true);
  }
  if (basic_) {
    if (!turn.may_log_in) return turn.fail({.code = wire::BMC_LOGIN_REFUSED, .held_back = true});
    line.log_in_with(Login::basic);
    return Verdict::done;
  }
  if (refusal_) {
    const HttpReplied reply = *refusal_;
    return fall_back(turn, line, root, reply);
  }
  if (!turn.may_log_in && !line.asked(Ask::login))
    return turn.fail({.code = wire::BMC_LOGIN_REFUSED, .held_back = true});
  const HttpReplied* reply = line.fetch(turn, Ask::login, redfish::login(root.sessions, domain_));
  if (reply == nullptr) return Verdict::busy;
  const redfish::Session session = redfish::parse_session(*reply);
  // Some answer 200 to a failed login; only a token proves one.
  if (reply->status >= 300 || session.token.empty()) return refused(turn, line, root, HttpReplied(*reply));
  waits_since_.reset();
  line.log_in_with(Login::token, session.token);
  if (planted(Defect::token_in_evidence)) turn.notes.push_back("logged in as " + session.token);
  own(session.uri);
  named_ = !session.uri.empty();
  listed_ = false;
  if (session.password_change_required) return turn.fail({.code = wire::BMC_PASSWORD_CHANGE_REQUIRED});
  turn.login_accepted = true;
  return Verdict::done;
}

/// Busy with itself, or with others' sessions: asked again while there is patience.
Verdict SessionKeeper::wait_for_room(Turn& turn, Line& line, Trouble otherwise) {
  if (!turn.out_of_patience(waits_since_)) return line.ask_later(turn);
  otherwise.span = turn.now.mono - *waits_since_;
  return turn.fail(std::move(otherwise));
}

Verdict SessionKeeper::refused(Turn& turn, Line& line, const redfish::ServiceRoot& root,
                               const HttpReplied& reply) {
  const redfish::ErrorInfo error = redfish::parse_error(reply.body);
  if (error.mentions("ServiceDisabled")) return fall_back(turn, line, root, reply);
  switch (redfish::classify(reply.status, error)) {
    case Refusal::password_change:
      return turn.fail(trouble_of(wire::BMC_PASSWORD_CHANGE_REQUIRED, reply));
    case Refusal::sessions_full:
      return wait_for_room(turn, line, trouble_of(wire::BMC_SESSIONS_FULL, reply));
    case Refusal::login:
      if (reply.status == 401 && !redfish::says_wrong_password(error))
        return fall_back(turn, line, root, reply);
      turn.login_refused = true;
      return turn.fail(trouble_of(wire::BMC_LOGIN_REFUSED, reply));
    case Refusal::denied:
      turn.login_refused = reply.status == 401;
      return turn.fail(trouble_of(wire::BMC_LOGIN_REFUSED, reply));
    case Refusal::busy:
      return wait_for_room(turn, line, trouble_of(wire::BMC_SESSIONS_FULL, reply));
    default:
      break;
  }
  if (reply.status == 403 || reply.status == 404 || reply.status == 405 || reply.status == 501)
    return fall_back(turn, line, root, reply);
  Trouble protocol{.code = wire::BMC_PROTOCOL,
                   .expected = "a session",
                   .seen = "HTTP " + std::to_string(reply.status) + " to a login",
                   .detail = error.text()};
  return wait_for_room(turn, line, std::move(protocol));
}

/// There may be no sessions here, but Basic. It tries the same password, so that it is used only where
/// something says so: a wrong password is to be wrong once.
Verdict SessionKeeper::fall_back(Turn& turn, Line& line, const redfish::ServiceRoot& root,
                                 const HttpReplied& reply) {
  const bool no_sessions = reply.status == 404 || reply.status == 405 || reply.status == 501;
  const bool disabled = redfish::parse_error(reply.body).mentions("ServiceDisabled");
  bool use_basic = no_sessions || disabled || redfish::offers_basic(reply);
  if (!use_basic && !root.session_service.empty()) {
    refusal_ = reply;
    const HttpReplied* service =
        line.fetch_if_it_can(turn, Ask::session_list, redfish::get(root.session_service));
    if (service == nullptr) return Verdict::busy;
    use_basic = service->status == 200 && redfish::is_disabled(*service);
  }
  refusal_.reset();
  if (use_basic) {
    basic_ = true;
    line.guess_basic(no_sessions || disabled);
    return log_in(turn, line, root);
  }
  turn.login_refused = reply.status == 401;
  return turn.fail(trouble_of(wire::BMC_LOGIN_REFUSED, reply));
}

/// Once for each login.
Verdict SessionKeeper::read_list(Turn& turn, Line& line, const redfish::ServiceRoot& root) {
  if (listed_) return Verdict::done;
  const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::session_list, redfish::get(root.sessions));
  if (reply == nullptr) return Verdict::busy;
  list_ = redfish::parse_sessions(*reply);
  listed_ = true;
  entries_.clear();
  unread_ = list_.members.size() > most_sessions ? std::vector<std::string>() : list_.members;
  return Verdict::done;
}

Verdict SessionKeeper::read_entries(Turn& turn, Line& line) {
  while (!unread_.empty()) {
    const HttpReplied* reply = line.fetch_if_it_can(turn, Ask::session_list, redfish::get(unread_.back()));
    if (reply == nullptr) return Verdict::busy;
    entries_.push_back(redfish::parse_session_entry(*reply, unread_.back()));
    unread_.pop_back();
  }
  return Verdict::done;
}

/// Some do not say what the new session is called. In their list it is the one they mark, or the only one, or
/// the newest.
Verdict SessionKeeper::find_own(Turn& turn, Line& line, const redfish::ServiceRoot& root) {
  if (read_list(turn, line, root) == Verdict::busy) return Verdict::busy;
  if (!list_.mine.empty()) {
    own(list_.mine);
  } else if (list_.members.size() == 1) {
    own(list_.members.front());
  } else {
    if (read_entries(turn, line) == Verdict::busy) return Verdict::busy;
    if (const std::string mine = redfish::own_of(entries_); !mine.empty()) own(mine);
  }
  if (current_.empty()) turn.notes.push_back("a session that the BMC does not name may still be open");
  named_ = true;
  return Verdict::done;
}

Verdict SessionKeeper::find_lost(Turn& turn, Line& line, const redfish::ServiceRoot& root) {
  if (read_list(turn, line, root) == Verdict::busy) return Verdict::busy;
  if (list_.members.size() > 1 && read_entries(turn, line) == Verdict::busy) return Verdict::busy;
  for (const std::string& lost : redfish::lost_beside(current_, entries_))
    if (std::ranges::find(ours_, lost) == ours_.end()) ours_.push_back(lost);
  seeks_lost_ = false;
  return Verdict::done;
}

/// Sessions of an earlier life; whatever the BMC answers, they are no longer ours to care for.
Verdict SessionKeeper::delete_old(Turn& turn, Line& line) {
  for (std::size_t i = 0; i < ours_.size();) {
    if (ours_[i] == current_) {
      ++i;
      continue;
    }
    if (line.fetch(turn, Ask::logout, redfish::logout(ours_[i])) == nullptr) return Verdict::busy;
    ours_.erase(ours_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return Verdict::done;
}

Verdict SessionKeeper::close(Turn& turn, Line& line, bool leaves) {
  while (!ours_.empty()) {
    redfish::Request request = redfish::logout(ours_.front());
    request.last = leaves && ours_.size() == 1;
    if (line.fetch(turn, Ask::logout, std::move(request)) == nullptr) return Verdict::busy;
    ours_.erase(ours_.begin());
  }
  line.log_in_with(Login::none);
  current_.clear();
  return Verdict::done;
}

}  // namespace metalmesh::bmc
