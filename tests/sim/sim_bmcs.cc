#include "tests/sim/sim_bmcs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/digest.h"
#include "common/ports/tls_words.h"
#include "common/text/letters.h"
#include "tests/sim/odd_bmcs.h"
#include "tests/sim/words.h"

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

std::string uuid_of(const std::string& hex) {
  return fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3),
                     hex.substr(17, 3), hex.substr(20, 12));
}

std::string mac_of(const std::string& hex) {
  return fmt::format("02:{}:{}:{}:{}:01", hex.substr(40, 2), hex.substr(42, 2), hex.substr(44, 2),
                     hex.substr(46, 2));
}

bmcsim::BmcOptions options_of(const std::string& name, const Swarm& swarm, Random& random) {
  const std::string hex = to_hex(sha256("machine/" + name));
  bmcsim::BmcOptions options;
  options.name = name;
  options.uuid = uuid_of(hex);
  options.serial = "SIM" + hex.substr(32, 8);
  options.macs = {mac_of(hex)};
  options.power_time = 2s;
  options.post_time = 20s;
  options.install_time = 1min + random.below(5) * 1min;
  options.os_boot_time = 20s;
  options.media_retry = 3s;
  options.media_give_up = random.chance(swarm.impatient) ? Duration(4s) : Duration(1min);
  options.read_chunk = image_size / 8;
  options.callback_retry = 1min;
  options.async_insert = swarm.async_insert;
  options.media_under_systems = swarm.media_under_systems;
  options.calls_back = random.chance(700);
  options.once_ignored = random.chance(swarm.once_ignored);
  options.cd_first = random.chance(swarm.cd_first);
  options.slot_lag = random.chance(swarm.slot_lag) ? Duration(random.below(20) * 1s) : Duration();
  options.powered_on = random.chance(150);
  options.disk_has_os = options.powered_on;
  return options;
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

/// What the standard leaves open, or hosts do by themselves.
void draw_habits(bmcsim::BmcOptions& options, Random& random) {
  options.boot_progress = random.chance(400);
  options.require_if_match = random.chance(200);
  options.never_reads = random.chance(30);
  options.stops_reading_at = random.chance(30) ? 50 : 0;
  options.reboots_at_end = random.chance(50);
}

}  // namespace

SimBmcs::SimBmcs(EventQueue& events, Trace& trace, const Swarm& swarm, Random random, Marks& marks,
                 Watch watch)
    : events_(events),
      trace_(trace),
      swarm_(swarm),
      random_(random),
      kinds_(Random(random).fork()),
      marks_(marks),
      watch_(std::move(watch)) {}

Machine& SimBmcs::add(std::string name, std::string address, const Adjust& adjust) {
  auto machine = std::make_unique<Machine>();
  machine->key_sha256 = to_hex(sha256(swarm_.keys_differ ? "key/" + name : "the vendor's default key"));
  bmcsim::BmcOptions options = options_of(name, swarm_, random_);
  if (swarm_.odd > 0) draw_habits(options, kinds_);
  if (adjust) adjust(options);
  machine->model = std::make_unique<bmcsim::BmcModel>(std::move(options));
  machine->stuck_tray = random_.chance(swarm_.stuck_tray);
  if (kinds_.chance(swarm_.odd)) machine->kind = draw_kind();
  machine->address_taken = random_.chance(swarm_.address_taken);
  machine->name = std::move(name);
  if (!machine->kind.empty()) set_fault(*machine, machine->kind);
  machine->address = address;
  by_address_[std::move(address)] = machine.get();
  return *machines_.emplace_back(std::move(machine));
}

std::string_view SimBmcs::draw_kind() {
  const auto kinds = swarm_.rare_kinds ? rare_kinds() : odd_kinds();
  return kinds[kinds_.below(kinds.size())];
}

bool SimBmcs::answers(const std::string& name) const {
  const auto machine = std::ranges::find(machines_, name, [](const auto& each) { return each->name; });
  if (machine == machines_.end()) return false;
  switch ((*machine)->model->host().state()) {
    case bmcsim::HostState::old_system:
    case bmcsim::HostState::new_system:
      return true;
    case bmcsim::HostState::installing:  // some installers offer a login while they run
      return (*machine)->address_taken || (*machine)->model->options().cd_first;
    default:
      return (*machine)->address_taken;
  }
}

void SimBmcs::start(const HttpRequest& request, std::string password, Deliver deliver) {
  auto url = split_url(request.url);
  const auto found = by_address_.find(url.first);
  if (found == by_address_.end()) {
    return events_.after(5ms, [id = request.id, deliver = std::move(deliver)] {
      deliver(HttpFailed{id, HttpFailure::refused, "nothing listens"});
    });
  }
  Machine& machine = *found->second;
  machine.busy = std::max(machine.busy, events_.now()) + 20ms + random_.below(200) * 1ms;
  if (machine.busy - events_.now() > request.timeout) {  // what it does when it wakes, nobody hears any more
    events_.after(request.timeout, [id = request.id, deliver = std::move(deliver)] {
      deliver(HttpFailed{id, HttpFailure::timed_out, "no answer in time"});
    });
    deliver = nullptr;
  }
  events_.at(machine.busy,
             [this, request, password = std::move(password), url = std::move(url),
              deliver = std::move(deliver)] { arrive(request, password, url.first, url.second, deliver); });
}

SimBmcs::Fault SimBmcs::draw_fault(const Machine& machine) {
  if (events_.now() < machine.silent_until) return Fault::refused;
  if (healthy_ || !random_.chance(swarm_.bmc_fault)) return Fault::none;
  const auto fault = static_cast<Fault>(1 + random_.below(static_cast<std::uint64_t>(Fault::count) - 1));
  trace_.line(events_.now(), machine.name, "fault", std::to_string(static_cast<int>(fault)));
  return fault;
}

std::string shown_key(const Machine& machine) {
  const bool second = machine.model->options().tls_key == 2;
  return second ? to_hex(sha256(machine.key_sha256)) : machine.key_sha256;
}

std::optional<HttpFailed> SimBmcs::handshake(const Machine& machine, const HttpRequest& request) {
  const bmcsim::BmcOptions& options = machine.model->options();
  if (options.unreachable) return HttpFailed{request.id, HttpFailure::dropped, "connection closed"};
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
  if (const auto refused = handshake(machine, request)) return deliver(*refused);
  if (request.credential && password.empty()) return failed(HttpFailure::no_credential, "no such credential");
  if (fault == Fault::dropped_before) return failed(HttpFailure::dropped, "connection reset");
  const auto answer = [&](int status, Headers headers, std::string body) {
    headers.emplace_back("content-type", "application/json");
    deliver(HttpReplied{request.id, status, std::move(headers), std::move(body), shown_key(machine)});
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
  HttpReplied late{request.id, reply.status, std::move(headers), std::move(reply.body), shown_key(machine)};
  machine.busy = std::max(machine.busy, events_.now() + reply.delay);
  events_.after(reply.delay, [deliver, late = std::move(late)] { deliver(late); });
}

void SimBmcs::advance(Machine& machine) {
  for (const bmcsim::HostWish& wish : machine.model->advance(events_.now())) want(machine, wish);
  watch_.machine(machine);
  const auto due = machine.model->next_due();
  if (!due || machine.wakes_at == due) return;
  machine.wakes_at = due;
  events_.at(*due, [this, &machine, due] {
    if (machine.wakes_at != due) return;
    machine.wakes_at.reset();
    advance(machine);
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
  const bool glance = wish.kind == bmcsim::HostWish::Kind::glance;
  media->second->read(path, machine.address, wish.offset, wish.length, glance,
                      [this, &machine, &media = *media->second, ticket = wish.ticket](
                          int status, const std::string& bytes, std::uint64_t size) {
                        watch_.media_reply(machine, media, status);
                        machine.model->answered(ticket, status, bytes, size, events_.now());
                        advance(machine);
                      });
}

void SimBmcs::self_reset(Machine& machine) {
  bmcsim::Host& host = machine.model->host();
  trace_.line(events_.now(), machine.name, "resets by itself", host.media_inserted() ? "with a medium" : "");
  if (host.media_inserted()) marks_.hit("a host reset by itself with our medium");
  if (host.on()) {
    host.reset(events_.now(), false);
  } else {
    host.power_on(events_.now(), false);
  }
  advance(machine);
}

void SimBmcs::set_fault(Machine& machine, std::string_view name) {
  trace_.line(events_.now(), machine.name, "is odd", name);
  machine.model->set_fault(name);
  const bmcsim::Fault* fault = bmcsim::fault_named(name);
  if (fault->knob != nullptr) marks_.hit("met " + std::string(name));
}

void SimBmcs::clear_fault(Machine& machine, std::string_view name) {
  if (machine.kind == name) return;
  trace_.line(events_.now(), machine.name, "is odd no longer", name);
  machine.model->clear_fault(name);
  if (name == "session_table_full") machine.model->release_sessions();
}

void SimBmcs::restart_bmc(Machine& machine) {
  const bool drops_media = random_.chance(500);
  trace_.line(events_.now(), machine.name, "BMC restarts", drops_media ? "and loses its medium" : "");
  marks_.hit("a BMC restarted");
  if (machine.model->host().state() == bmcsim::HostState::installing && drops_media)
    marks_.hit("a medium was lost while an installer ran");
  machine.model->restart(events_.now(), drops_media);
  machine.silent_until = events_.now() + 20s + random_.below(100) * 1s;
  machine.on_connection = 0;
  advance(machine);
}

void SimBmcs::black_out(Machine& machine, Duration off, Duration away, bool drops_media) {
  if (machine.model->host().state() == bmcsim::HostState::installing)
    marks_.hit("a host lost power with its site while it installed");
  machine.model->host().power_cut(events_.now(), off);
  machine.model->restart(events_.now(), drops_media);
  machine.silent_until = events_.now() + 30s + away;
  machine.on_connection = 0;
  advance(machine);
}

void SimBmcs::lose_medium(Machine& machine) {
  if (!machine.model->host().media_inserted()) return;
  trace_.line(events_.now(), machine.name, "loses its medium");
  if (machine.model->host().state() == bmcsim::HostState::installing)
    marks_.hit("a medium was lost while an installer ran");
  machine.model->host().lose_medium(events_.now());
  advance(machine);
}

void SimBmcs::unplug(Machine& machine) {
  bmcsim::Host& host = machine.model->host();
  machine.model->restart(events_.now(), true);
  host.power_off(events_.now(), false);
  host.set_override("Disabled");
  machine.silent_until = events_.now() + 2min;
  machine.displaced = true;
  machine.forgotten = false;
}

void SimBmcs::swap(const std::string& address, const std::string& other) {
  if (address == other) return;
  trace_.line(events_.now(), address, "swapped with", other);
  marks_.hit("two BMCs were mixed up");
  std::swap(by_address_.at(address), by_address_.at(other));
  for (const std::string& each : {address, other}) {
    by_address_.at(each)->address = each;
    by_address_.at(each)->displaced = true;
    by_address_.at(each)->forgotten = false;
  }
}

void SimBmcs::move(Machine& machine, const std::string& address) {
  trace_.line(events_.now(), machine.name, "is moved to", address);
  marks_.hit("a machine was moved to another site");
  unplug(machine);
  by_address_.erase(machine.address);
  machine.address = address;
  by_address_[address] = &machine;
  advance(machine);
}

void SimBmcs::replace_board(Machine& machine) {
  trace_.line(events_.now(), machine.name, "gets another board");
  marks_.hit("a board was replaced");
  unplug(machine);
  const std::string hex = to_hex(sha256("board/" + machine.name + std::to_string(random_.next())));
  machine.model->options().uuid = uuid_of(hex);
  machine.model->options().macs = {mac_of(hex)};
  advance(machine);
}

}  // namespace metalmesh::sim
