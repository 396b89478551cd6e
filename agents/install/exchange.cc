#include "agents/install/exchange.h"

#include <algorithm>

#include "common/base/backoff.h"
#include "common/base/planted.h"
#include "common/ports/wire_time.h"

namespace metalmesh::install {
namespace {

using redfish::Request;

constexpr int most_redirects = 3;
constexpr int most_refused_tokens = 3;
constexpr Duration longest_task = std::chrono::minutes(5);
constexpr Backoff retry_pace{.first = std::chrono::seconds(2), .most = std::chrono::seconds(15)};

bool changes(Ask ask) { return ask >= Ask::insert; }
bool ok(int status) { return status >= 200 && status < 300; }

/// How long the BMC may be silent. While an installer runs, or has ended, much longer; while the new system's
/// proof is awaited, that wait's own deadline decides.
std::optional<Duration> patience(const Context& context) {
  if (context.job.stage() == wire::VERIFY) return std::nullopt;
  const bool lost_counts = context.job.launched() && context.job.stage() != wire::CLEANUP;
  return lost_counts ? context.timeouts.bmc_lost : context.timeouts.unreachable;
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

void launch_request(Context& context, Ask ask, Request request, int redirects = 0) {
  Conversation& talk = context.talk;
  const wire::BmcTarget& bmc = context.order().bmc();
  HttpRequest out;
  out.id = "job/" + context.order().deployment_id() + "/" + std::to_string(talk.next_number++);
  out.method = request.method;
  out.url = "https://" + bmc.address() + request.path;
  out.headers = request.headers;
  if (!talk.token.empty() && !request.login) out.headers.emplace_back("X-Auth-Token", talk.token);
  out.body = request.body;
  // Pinned from the first answer on, whoever vouched for the key: identity and ARM are then read from one
  // peer.
  out.pin_sha256 = talk.peer_key.empty() ? bmc.key_sha256() : talk.peer_key;
  out.trust = out.pin_sha256.empty() || (bmc.tls() == wire::BmcTarget::CA && talk.peer_key.empty())
                  ? TlsTrust::ca
                  : TlsTrust::pin;
  if (request.login) out.credential = bmc.credential();
  out.timeout = context.timeouts.bmc_request;
  // After what the CA vouched for comes a pinned connection; after the logout of the only session left, none.
  out.last = out.trust == TlsTrust::ca || (ask == Ask::logout && context.job.session_uris_size() == 1);
  std::string path = request.path;
  talk.flight =
      Conversation::Flight{out.id, ask, std::move(request), std::move(path), context.now.mono, redirects};
  context.out.actions.emplace_back(CallBmc{std::move(out)});
}

/// A changing call is over: facts that follow from it, whatever stage is interested.
void settle(Context& context, Answer answer) {
  record::Job& job = context.job;
  if (answer.kind == Answer::Kind::accepted) {
    if (job.intent() == record::Job::RESET_ON) {
      job.set_powered(true);
      job.set_host_on_by_us(true);
    }
    if (job.intent() == record::Job::FINAL_RESET_ON) {
      job.set_final_power_on(true);
      *job.mutable_final_power_on_at() = to_wire(context.now.wall());
    }
  }
  if (answer.kind != Answer::Kind::unknown) {
    job.clear_intent();
    job.clear_intent_at();
  }
  // What it changed is to be read again; the other resource stands as it was read.
  const bool of_slot = answer.ask == Ask::insert || answer.ask == Ask::eject;
  (of_slot ? context.talk.slot_fresh : context.talk.fresh) = false;
  context.talk.answer = std::move(answer);
}

/// Counts one more failure in a row and paces the next try, or gives up.
void not_answered(Context& context, MonoTime since, std::string_view seen) {
  Conversation& talk = context.talk;
  ++talk.failures;
  if (!talk.silent_since) talk.silent_since = since;
  // Whoever still serves reads to the installer is not gone.
  const MonoTime start = std::max(*talk.silent_since, talk.reads.last());
  const Duration silent = context.now.mono - start;
  if (const auto limit = patience(context); limit && silent >= *limit) {
    context.fail(context.job.launched() ? wire::BMC_LOST : wire::BMC_UNREACHABLE,
                 {.seen = std::string(seen), .span = silent, .tries = talk.failures});
    return;
  }
  talk.retry_at = context.now.mono + retry_pace.delay(talk.failures, context.random);
}

void answered(Conversation& talk) {
  talk.silent_since.reset();
  talk.failures = 0;
}

/// The session is no longer valid: the call was not executed; log in again and let the stage ask anew.
/// Another machine may answer at this address by now (BMCs of one maker may share a key): who it is, is open.
void lost_session(Context& context, const Conversation::Flight& flight) {
  context.talk.token.clear();
  if (!planted(Defect::identity_not_read_again)) context.talk.forget_identity();
  if (++context.talk.refused_tokens > most_refused_tokens) {
    context.fail(wire::BMC_PROTOCOL,
                 {.expected = "its own fresh session to be valid", .seen = "HTTP 401 to it"});
  }
  if (changes(flight.ask)) settle(context, {flight.ask, Answer::Kind::unsent, 401, {}, {}});
}

bool same_peer(Context& context, const HttpReplied& reply) {
  Conversation& talk = context.talk;
  if (reply.peer_key_sha256.empty()) return true;
  if (talk.peer_key.empty()) talk.peer_key = reply.peer_key_sha256;
  if (talk.peer_key == reply.peer_key_sha256) return true;
  context.fail(wire::BMC_KEY_CHANGED, {.expected = talk.peer_key, .seen = reply.peer_key_sha256});
  return false;
}

void absorb_change(Context& context, const Conversation::Flight& flight, const HttpReplied& reply) {
  Answer answer{flight.ask, Answer::Kind::accepted, reply.status, {}, {}};
  if (ok(reply.status)) {
    const std::string task = reply.status == 202 ? redfish::task_of(reply) : std::string();
    if (task.empty()) return settle(context, std::move(answer));
    context.talk.task = Conversation::Follow{std::move(answer), task, context.now.mono};
    return;
  }
  answer.error = redfish::parse_error(reply.body);
  answer.refusal = redfish::classify(reply.status, answer.error);
  // A gateway or a dying service may have passed the call on.
  const bool unclear = reply.status == 500 || reply.status == 502 || reply.status == 504;
  answer.kind = unclear ? Answer::Kind::unknown : Answer::Kind::refused;
  settle(context, std::move(answer));
}

/// It answers, and not with what was asked for: nothing is known by that.
void answered_badly(Context& context, const HttpReplied& reply, const std::string& what) {
  Conversation& talk = context.talk;
  const std::string seen = "HTTP " + std::to_string(reply.status) + " for " + what;
  if (!talk.useless_since) talk.useless_since = context.now.mono;
  if (context.now.mono - *talk.useless_since >= context.timeouts.unreachable) {
    talk.useless_since.reset();
    context.fail(wire::BMC_PROTOCOL, {.expected = "a resource that can be read",
                                      .seen = seen,
                                      .detail = redfish::parse_error(reply.body).text()});
    return;
  }
  not_answered(context, context.now.mono, seen);
  if (!context.failed) context.wait(talk.retry_at - context.now.mono);
}

}  // namespace

const HttpReplied* fetch(Context& context, Ask ask, Request request) {
  Conversation& talk = context.talk;
  if (context.failed || talk.flight) return nullptr;
  if (talk.reply && talk.reply_to == ask && talk.reply_path == request.path) {
    talk.reply_path.clear();
    return &*talk.reply;
  }
  if (context.now.mono < talk.retry_at) {
    context.wait(talk.retry_at - context.now.mono);
    return nullptr;
  }
  launch_request(context, ask, std::move(request));
  return nullptr;
}

Verdict act(Context& context, Ask ask, Request request, record::Job::Intent intent) {
  Conversation& talk = context.talk;
  if (context.failed || talk.flight) return Verdict::busy;
  if (context.job.contradicted())
    return context.fail(wire::IDENTITY_MISMATCH,
                        {.expected = "one machine", .seen = "another one than before, for a while"});
  if (!planted(Defect::act_before_intent)) context.job.set_intent(intent);
  *context.job.mutable_intent_at() = to_wire(context.now.wall());
  talk.answer.reset();
  launch_request(context, ask, std::move(request));
  return Verdict::busy;
}

std::optional<Answer> take_answer(Context& context, Ask ask) {
  if (!context.talk.answer || context.talk.answer->ask != ask) return std::nullopt;
  return std::exchange(context.talk.answer, std::nullopt);
}

Verdict follow_task(Context& context) {
  Conversation& talk = context.talk;
  if (!talk.task) return Verdict::done;
  if (context.now.mono < talk.next_look) return context.wait(talk.next_look - context.now.mono);
  const HttpReplied* reply = fetch(context, Ask::task, redfish::get(talk.task->path));
  if (reply == nullptr) return Verdict::busy;
  const redfish::Task task = redfish::parse_task(*reply);
  Answer answer = talk.task->answer;
  if (task.state == redfish::Task::State::running) {
    if (context.now.mono - talk.task->since < longest_task)
      return look_again(context, context.timeouts.poll / 2);
    answer.kind = Answer::Kind::unknown;
  }
  if (task.state == redfish::Task::State::failed) {
    answer.kind = Answer::Kind::refused;
    answer.status = reply->status;
    answer.error = redfish::parse_error(reply->body);
    answer.refusal = redfish::classify(0, answer.error);
  }
  talk.task.reset();
  settle(context, std::move(answer));
  return Verdict::done;
}

const redfish::System* look(Context& context) {
  Conversation& talk = context.talk;
  if (talk.fresh) return &*talk.system;
  if (context.now.mono < talk.next_look) {
    context.wait(talk.next_look - context.now.mono);
    return nullptr;
  }
  const HttpReplied* reply = fetch(context, Ask::system, redfish::get(talk.system->uri));
  if (reply == nullptr) return nullptr;
  auto system = redfish::parse_system(*reply);
  if (reply->status != 200 || !system) {
    answered_badly(context, *reply, talk.system->uri);
    return nullptr;
  }
  talk.useless_since.reset();
  // What discovery found out with extra requests stays.
  if (system->uri.empty()) system->uri = talk.system->uri;
  if (system->reset.allowed.empty()) system->reset.allowed = talk.system->reset.allowed;
  talk.system = std::move(*system);
  talk.fresh = true;
  return &*talk.system;
}

const redfish::Slot* look_at_slot(Context& context, const std::string& uri) {
  Conversation& talk = context.talk;
  if (talk.slot_fresh && talk.slot && talk.slot->uri == uri) return talk.slot_gone ? nullptr : &*talk.slot;
  if (context.now.mono < talk.next_look) {
    context.wait(talk.next_look - context.now.mono);
    return nullptr;
  }
  const HttpReplied* reply = fetch(context, Ask::slot, redfish::get(uri));
  if (reply == nullptr) return nullptr;
  auto slot = redfish::parse_slot(*reply);
  talk.slot_gone = reply->status == 404;
  if (!talk.slot_gone && (reply->status != 200 || !slot)) {
    answered_badly(context, *reply, uri);
    return nullptr;
  }
  talk.useless_since.reset();
  talk.slot = talk.slot_gone || !slot ? redfish::Slot{} : std::move(*slot);
  talk.slot->uri = uri;
  talk.slot_fresh = true;
  return talk.slot_gone ? nullptr : &*talk.slot;
}

Verdict look_again(Context& context, Duration gap) {
  // Three quarters to five quarters, so that a rack of hosts is not asked in step.
  const auto jitter = context.random.below(static_cast<std::uint64_t>(gap.count() / 2) + 1);
  const Duration delay = gap * 3 / 4 + Duration(static_cast<std::int64_t>(jitter));
  context.talk.fresh = context.talk.slot_fresh = false;
  context.talk.next_look = context.now.mono + delay;
  return context.wait(delay);
}

void absorb(Context& context, const HttpReplied& reply) {
  Conversation& talk = context.talk;
  if (!talk.flight || talk.flight->id != reply.id) return;
  Conversation::Flight flight = std::move(*talk.flight);
  talk.flight.reset();
  if (!same_peer(context, reply)) return;

  const bool moved = reply.status == 307 || reply.status == 308 ||
                     (!changes(flight.ask) && (reply.status == 301 || reply.status == 302));
  if (moved && flight.redirects < most_redirects) {
    Request again = flight.request;
    again.path = redfish::path_of(redfish::header(reply, "location"));
    if (!again.path.empty()) {
      // The asker knows the answer by the path it asked for.
      launch_request(context, flight.ask, std::move(again), flight.redirects + 1);
      talk.flight->asked_path = flight.asked_path;
      return;
    }
  }
  if (reply.status == 401 && flight.ask != Ask::login && flight.ask != Ask::logout && flight.ask != Ask::root)
    return lost_session(context, flight);
  // A read that conflicts with something is a BMC busy with itself, never an answer about the machine.
  const bool repeats =
      flight.request.method == "GET" && (reply.status >= 500 || reply.status == 429 || reply.status == 409);
  if (repeats) return not_answered(context, flight.sent_at, "HTTP " + std::to_string(reply.status));
  if (reply.status < 400 || changes(flight.ask)) answered(talk);
  if (ok(reply.status) && !talk.token.empty()) talk.refused_tokens = 0;
  if (changes(flight.ask)) return absorb_change(context, flight, reply);
  talk.reply = reply;
  talk.reply_to = flight.ask;
  talk.reply_path = flight.asked_path;
}

void absorb(Context& context, const HttpFailed& failure) {
  Conversation& talk = context.talk;
  if (!talk.flight || talk.flight->id != failure.id) return;
  const Conversation::Flight flight = std::move(*talk.flight);
  talk.flight.reset();
  const auto never_sent = [&] {
    if (changes(flight.ask)) settle(context, {flight.ask, Answer::Kind::unsent, 0, {}, {}});
  };
  switch (failure.failure) {
    case HttpFailure::key_changed: {
      const std::string wanted = talk.peer_key.empty() ? context.order().bmc().key_sha256() : talk.peer_key;
      never_sent();
      context.fail(wire::BMC_KEY_CHANGED, {.expected = wanted, .seen = failure.detail});
      return;
    }
    case HttpFailure::tls_refused:
      never_sent();
      context.fail(wire::BMC_TLS_REFUSED, {.seen = failure.detail});
      return;
    case HttpFailure::no_credential:
      context.fail(wire::CREDENTIAL_MISSING, {});
      return;
    case HttpFailure::refused:
    case HttpFailure::name_unknown:
      never_sent();
      return not_answered(context, flight.sent_at, words(failure.failure));
    case HttpFailure::too_large:
      if (!changes(flight.ask)) {
        context.fail(wire::BMC_PROTOCOL, {.expected = "a reply of reasonable size",
                                          .seen = "a longer one for " + flight.request.path});
        return;
      }
      [[fallthrough]];
    case HttpFailure::timed_out:
    case HttpFailure::dropped:
      if (changes(flight.ask)) settle(context, {flight.ask, Answer::Kind::unknown, 0, {}, {}});
      return not_answered(context, flight.sent_at, words(failure.failure));
  }
}

}  // namespace metalmesh::install
