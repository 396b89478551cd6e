// The network between agents, BMCs and media: requests in line, what becomes of each on its way, what hosts read.
#include <algorithm>
#include <utility>

#include "common/base/digest.h"
#include "common/ports/tls_words.h"
#include "common/text/letters.h"
#include "tests/sim/sim_bmcs.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view scheme = "https://";

/// "https://host[:port]/path" in two; empty when it is something else.
std::pair<std::string, std::string> split_url(std::string_view url) {
  if (!url.starts_with(scheme)) return {};
  url.remove_prefix(scheme.size());
  const auto slash = std::min(url.find('/'), url.size());
  return {std::string(url.substr(0, slash)), std::string(url.substr(slash))};
}

void replace(std::string& text, std::string_view what, std::string_view by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

bool is_name(std::string_view address) {
  return std::ranges::any_of(address, [](char c) { return c >= 'g' && c <= 'z'; });
}

/// What ends a request before it leaves.
std::optional<HttpFailed> cannot_be_sent(const HttpRequest& request, const std::string& password) {
  const auto refused = [&](HttpFailure why, std::string detail) {
    return HttpFailed{request.id, why, std::move(detail)};
  };
  if (split_url(request.url).first.empty()) return refused(HttpFailure::refused, "the URL is malformed");
  for (const auto& [name, value] : request.headers) {
    if (value.find_first_of("\r\n") != std::string::npos)
      return refused(HttpFailure::refused, "the value of header " + name + " cannot be sent");
  }
  const bool wants = request.body.find(credential_user_placeholder) != std::string::npos ||
                     request.body.find(credential_password_placeholder) != std::string::npos;
  if ((request.credential && password.empty()) || (wants && !request.credential))
    return refused(HttpFailure::no_credential, "no such credential");
  return std::nullopt;
}

/// What a BMC or a server in front of it says beside the status of an error.
std::string error_body(Random& random) {
  constexpr std::string_view bodies[] = {
      "{}",
      "",
      "<html><head><title>Error</title></head><body><h1>Service Unavailable</h1></body></html>",
      R"({"error":{"code":"Base.1.8.GeneralError","message":"A general error has occurred."}})",
      R"({"error":{"@Message.ExtendedInfo":[{"MessageId":"Base.1.8.InternalError","Message":"busy","MessageArgs":[]}]}})",
      R"({"error":{"@Message.ExtendedInfo":)",
  };
  return std::string(bodies[random.below(std::size(bodies))]);
}

}  // namespace

void SimBmcs::start(const std::string& client, const HttpRequest& request, std::string password,
                    Deliver deliver) {
  const LineKey key(client, split_url(request.url).first);
  Line& line = lines_[key];
  line.waiting.push_back({request, std::move(password), std::move(deliver)});
  if (!line.asking) ask_next(key);
}

void SimBmcs::hang_up(const std::string& client) {
  for (auto& [key, line] : lines_) {
    if (key.first != client) continue;
    line.waiting.clear();
    line.asking = false;
    ++line.life;
  }
}

void SimBmcs::ask_next(const LineKey& key) {
  Line& line = lines_[key];
  line.asking = !line.waiting.empty();
  if (!line.asking) return;
  Call call = std::move(line.waiting.front());
  line.waiting.pop_front();
  Deliver deliver = [this, key, life = line.life, to = std::move(call.deliver)](Input answer) {
    to(std::move(answer));
    if (lines_[key].life == life) ask_next(key);
  };
  const HttpRequest& request = call.request;
  const auto fails = [&](Duration after, HttpFailure failure, std::string detail) {
    events_.after(
        after, [deliver, failed = HttpFailed{request.id, failure, std::move(detail)}] { deliver(failed); });
  };
  if (const auto why = cannot_be_sent(request, call.password)) return fails(1ms, why->failure, why->detail);
  const std::string& address = key.second;
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) {
    if (is_name(address)) return fails(5ms, HttpFailure::name_unknown, "the name does not resolve");
    return fails(5ms, HttpFailure::refused, "nothing listens");
  }
  Machine& machine = *found->second;
  machine.busy = std::max(machine.busy, events_.now()) + 20ms + random_.below(200) * 1ms;
  if (machine.busy - events_.now() > request.timeout) {  // what it does when it wakes, nobody hears any more
    fails(request.timeout, HttpFailure::timed_out, "no answer in time");
    deliver = nullptr;
  }
  events_.at(machine.busy, [this, request, password = std::move(call.password), address,
                            path = split_url(request.url).second, deliver = std::move(deliver)] {
    arrive(request, password, address, path, deliver);
  });
}

SimBmcs::Fault SimBmcs::draw_fault(const Machine& machine) {
  if (events_.now() < machine.silent_until) return Fault::refused;
  if (healthy_ || !random_.chance(swarm_.bmc_fault)) return Fault::none;
  const auto fault = static_cast<Fault>(1 + random_.below(static_cast<std::uint64_t>(Fault::count) - 1));
  trace_.line(events_.now(), machine.name, "fault", std::to_string(static_cast<int>(fault)));
  return fault;
}

std::optional<HttpFailed> SimBmcs::handshake(const Machine& machine, const HttpRequest& request) {
  const bmcsim::BmcOptions& options = machine.model->options();
  if (options.unreachable) {
    // Of what goes over a kept connection, only a request that may be sent twice is tried on a new one.
    const bool sent = machine.on_connection > 0 && request.method != "GET";
    return HttpFailed{request.id, sent ? HttpFailure::dropped : HttpFailure::refused, "connection closed"};
  }
  if (options.tls_1_0_only) return HttpFailed{request.id, HttpFailure::tls_refused, only_old_tls};
  if (request.trust == TlsTrust::pin && request.pin_sha256 != shown_key(machine))
    return HttpFailed{request.id, HttpFailure::key_changed, shown_key(machine)};
  return std::nullopt;
}

bmcsim::RedfishReply SimBmcs::call(Machine& machine, const HttpRequest& request, const std::string& password,
                                   const std::string& path) {
  const auto query = path.find('?');
  bmcsim::RedfishRequest call;
  call.method = request.method;
  call.path = path.substr(0, query);
  call.body = request.body;
  call.peer = "10.1.255.1";  // its agent's
  if (query != std::string::npos) call.query = path.substr(query + 1);
  call.on_connection = ++machine.on_connection;
  for (const auto& [name, value] : request.headers) call.headers.emplace_back(to_lower(name), value);
  if (request.basic)
    call.headers.emplace_back("authorization",
                              "Basic " + to_base64(machine.model->options().user + ":" + password));
  replace(call.body, credential_user_placeholder, machine.model->options().user);
  replace(call.body, credential_password_placeholder, password);
  if (request.last) machine.on_connection = 0;
  bmcsim::RedfishReply reply = machine.model->handle(call, events_.now());
  trace_.line(events_.now(), machine.name, request.method + " " + path, std::to_string(reply.status));
  for (const std::string_view name : machine.model->met()) marks_.hit("met " + std::string(name));
  // Whoever inserts now sees this machine: what is left in it from here on can be owned up to.
  if (path.ends_with("VirtualMedia.InsertMedia") && reply.status / 100 == 2)
    machine.displaced = machine.forgotten = false;
  advance(machine);
  return reply;
}

void SimBmcs::arrive(const HttpRequest& request, const std::string& password, const std::string& address,
                     const std::string& path, const Deliver& asker) {
  const Deliver deliver = asker ? asker : [](const Input&) {};
  const auto found = by_address_.find(address);
  const auto failed = [&](HttpFailure failure, const std::string& detail) {
    deliver(HttpFailed{request.id, failure, detail});
  };
  if (found == by_address_.end()) return failed(HttpFailure::refused, "nothing listens");
  Machine& machine = *found->second;
  const Fault fault = draw_fault(machine);
  if (fault == Fault::refused) return failed(HttpFailure::refused, "connection refused");
  if (const auto refused = handshake(machine, request)) {
    machine.on_connection = 0;
    return deliver(*refused);
  }
  if (fault == Fault::dropped_before) return failed(HttpFailure::dropped, "connection reset");
  const auto told = [&](int status, Headers headers, std::string body) -> Input {
    if (body.size() > request.reply_limit)
      return HttpFailed{request.id, HttpFailure::too_large,
                        "the reply is longer than " + std::to_string(request.reply_limit) + " bytes"};
    return HttpReplied{request.id, status, std::move(headers), std::move(body), shown_key(machine)};
  };
  const auto answer = [&](int status, Headers headers, std::string body) {
    deliver(told(status, std::move(headers), std::move(body)));
  };
  if (fault == Fault::busy) return answer(503, {}, error_body(kinds_));
  if (fault == Fault::conflict) return answer(409, {}, error_body(kinds_));
  if (machine.stuck_tray && path.ends_with("VirtualMedia.EjectMedia")) {
    marks_.hit("a BMC would not eject");
    return answer(500, {}, error_body(kinds_));
  }

  bmcsim::RedfishReply reply = call(machine, request, password, path);
  if (reply.drop) machine.on_connection = 0;
  if (reply.drop) return failed(HttpFailure::dropped, "connection closed without an answer");
  if (fault == Fault::timed_out_after || reply.delay >= request.timeout) {
    machine.on_connection = 0;
    return events_.after(request.timeout, [id = request.id, deliver] {
      deliver(HttpFailed{id, HttpFailure::timed_out, "no answer in time"});
    });
  }
  if (fault == Fault::dropped_after) return failed(HttpFailure::dropped, "connection reset");
  if (fault == Fault::busy_after) return answer(503, {}, error_body(kinds_));
  // Only what its agent gets to know.
  const bool wrong = password != machine.model->options().password;
  if (wrong && asker && request.method == "POST" && path.ends_with("/Sessions") && reply.status == 401) {
    ++machine.refused_logins[password];
    watch_.machine(machine);
  }
  Headers headers;
  for (const auto& [name, value] : reply.headers) headers.emplace_back(to_lower(name), value);
  if (reply.delay == Duration::zero()) return answer(reply.status, std::move(headers), std::move(reply.body));
  Input late = told(reply.status, std::move(headers), std::move(reply.body));
  machine.busy = std::max(machine.busy, events_.now() + reply.delay);
  events_.after(reply.delay, [deliver, late = std::move(late)] { deliver(late); });
}

/// Answers get lost on their way; and somebody who has read the answer file asks as well, by another key.
void SimBmcs::want_go(Machine& machine, SimMedia& media, const std::string& path,
                      const bmcsim::HostWish& wish) {
  const auto told = [this, &machine, &media](const std::string& body, int status, const std::string& says,
                                             bool stranger, bool lost) {
    trace_.line(events_.now(), machine.name,
                stranger ? "a stranger is told"
                : lost   ? "is told, unheard"
                         : "is told",
                std::to_string(status) + " " + says.substr(0, std::min<std::size_t>(60, says.find('\n'))));
    if (watch_.asked) watch_.asked(machine, media, body, status, says, stranger, lost);
  };
  const bool lost = !healthy_ && kinds_.chance(swarm_.answers_lost);
  media.ask(path, machine.address, wish.body,
            [this, &machine, told, wish, lost](int status, const std::string& says, std::uint64_t) {
              told(wish.body, status, says, false, lost);
              machine.model->answered(wish.ticket, lost ? 0 : status, says, 0, events_.now());
              advance(machine);
            });
  if (healthy_ || !kinds_.chance(swarm_.strange_askers)) return;
  std::string body = wish.body;
  body.replace(body.find("asker=") + 6, 8, "00000000");
  events_.after(kinds_.below(3) * 1s, [&media, path, body, told] {
    media.ask(path, "10.99.0.1", body, [told, body](int status, const std::string& says, std::uint64_t) {
      told(body, status, says, true, false);
    });
  });
}

void SimBmcs::want(Machine& machine, const bmcsim::HostWish& wish) {
  const auto [address, path] = split_url(wish.url);
  const auto media = media_.find(address);
  if (media == media_.end()) return;  // nobody answers there; the host's own patience ends it
  const auto answered = [this, &machine, ticket = wish.ticket](int status) {
    machine.model->answered(ticket, status, {}, 0, events_.now());
    advance(machine);
  };
  if (wish.kind == bmcsim::HostWish::Kind::handshake)
    return media->second->end_tls(machine.address, "unknown ca");
  if (wish.kind == bmcsim::HostWish::Kind::callback)
    return media->second->callback(path, machine.address, answered);
  if (wish.kind == bmcsim::HostWish::Kind::check) return want_go(machine, *media->second, path, wish);
  const bool glance = wish.kind == bmcsim::HostWish::Kind::glance;
  media->second->read(path, machine.address, wish.offset, wish.length, glance,
                      [this, &machine, &media = *media->second, ticket = wish.ticket](
                          int status, const std::string& bytes, std::uint64_t size) {
                        watch_.media_reply(machine, media, status);
                        machine.model->answered(ticket, status, bytes, size, events_.now());
                        advance(machine);
                      });
}

}  // namespace metalmesh::sim
