#include "tests/sim/sim_bmcs.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/digest.h"

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

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

bmcsim::BmcOptions options_of(const std::string& name, const Swarm& swarm, Random& random) {
  const std::string hex = to_hex(sha256("machine/" + name));
  bmcsim::BmcOptions options;
  options.name = name;
  options.uuid = fmt::format("{}-{}-4{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3),
                             hex.substr(17, 3), hex.substr(20, 12));
  options.serial = "SIM" + hex.substr(32, 8);
  options.macs = {fmt::format("02:{}:{}:{}:{}:01", hex.substr(40, 2), hex.substr(42, 2), hex.substr(44, 2),
                              hex.substr(46, 2))};
  options.power_time = 2s;
  options.post_time = 20s;
  options.install_time = 1min + random.below(5) * 1min;
  options.os_boot_time = 20s;
  options.media_retry = 3s;
  options.media_give_up = 1min;
  options.read_chunk = image_size / 8;
  options.async_insert = swarm.async_insert;
  options.media_under_systems = swarm.media_under_systems;
  options.calls_back = random.chance(700);
  return options;
}

}  // namespace

SimBmcs::SimBmcs(EventQueue& events, Trace& trace, const Swarm& swarm, Random random, Watch watch)
    : events_(events), trace_(trace), swarm_(swarm), random_(random), watch_(std::move(watch)) {}

Machine& SimBmcs::add(std::string name, std::string address, SimMedia& media) {
  auto machine = std::make_unique<Machine>();
  machine->key_sha256 = to_hex(sha256(swarm_.keys_differ ? "key/" + name : "the vendor's default key"));
  machine->media = &media;
  machine->model = std::make_unique<bmcsim::BmcModel>(options_of(name, swarm_, random_));
  machine->name = std::move(name);
  by_address_[std::move(address)] = machine.get();
  return *machines_.emplace_back(std::move(machine));
}

void SimBmcs::start(const HttpRequest& request, Deliver deliver) {
  auto url = split_url(request.url);
  const auto found = by_address_.find(url.first);
  if (found == by_address_.end()) {
    return events_.after(5ms, [id = request.id, deliver] {
      deliver(HttpFailed{id, HttpFailure::refused, "nothing listens"});
    });
  }
  Machine& machine = *found->second;
  machine.busy = std::max(machine.busy, events_.now()) + 20ms + random_.below(200) * 1ms;
  events_.at(machine.busy, [this, request, url = std::move(url), deliver = std::move(deliver)] {
    arrive(request, url.first, url.second, deliver);
  });
}

void SimBmcs::arrive(const HttpRequest& request, const std::string& address, const std::string& path,
                     const Deliver& deliver) {
  Machine& machine = *by_address_.at(address);
  if (request.trust == TlsTrust::pin && request.pin_sha256 != machine.key_sha256) {
    return deliver(HttpFailed{request.id, HttpFailure::key_changed, machine.key_sha256});
  }
  enum class Fault {
    none,
    refused,
    dropped_before,
    busy,
    conflict,
    timed_out_after,
    dropped_after,
    busy_after,
    count
  };
  Fault fault = Fault::none;
  if (!healthy_ && random_.chance(swarm_.bmc_fault)) {
    fault = static_cast<Fault>(1 + random_.below(static_cast<std::uint64_t>(Fault::count) - 1));
    trace_.line(events_.now(), machine.name, "fault", std::to_string(static_cast<int>(fault)));
  }
  const auto answer = [&](int status, std::string body) {
    deliver(HttpReplied{
        request.id, status, {{"content-type", "application/json"}}, std::move(body), machine.key_sha256});
  };
  switch (fault) {
    case Fault::refused:
      return deliver(HttpFailed{request.id, HttpFailure::refused, "connection refused"});
    case Fault::dropped_before:
      return deliver(HttpFailed{request.id, HttpFailure::dropped, "connection reset"});
    case Fault::busy:
      return answer(503, "{}");
    case Fault::conflict:
      return answer(409, "{}");
    default:
      break;
  }

  bmcsim::RedfishRequest call{request.method, path, {}, request.body};
  for (const auto& [name, value] : request.headers) call.headers.emplace_back(lower(name), value);
  replace(call.body, credential_user_placeholder, machine.model->options().user);
  replace(call.body, credential_password_placeholder, machine.model->options().password);
  bmcsim::RedfishReply reply = machine.model->handle(call, events_.now());
  trace_.line(events_.now(), machine.name, request.method + " " + path, std::to_string(reply.status));
  advance(machine);

  switch (fault) {
    case Fault::timed_out_after:
      return events_.after(request.timeout, [id = request.id, deliver] {
        deliver(HttpFailed{id, HttpFailure::timed_out, "no answer in time"});
      });
    case Fault::dropped_after:
      return deliver(HttpFailed{request.id, HttpFailure::dropped, "connection reset"});
    case Fault::busy_after:
      return answer(503, "{}");
    default:
      break;
  }
  HttpReplied replied{request.id, reply.status, {}, std::move(reply.body), machine.key_sha256};
  for (auto& [name, value] : reply.headers) replied.headers.emplace_back(lower(name), std::move(value));
  deliver(std::move(replied));
}

void SimBmcs::advance(Machine& machine) {
  for (const bmcsim::HostWish& wish : machine.model->advance(events_.now())) want(machine, wish);
  watch_(machine);
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
  if (address != machine.media->address()) return;  // nobody answers there; the host's own patience ends it
  std::string peer;
  for (const auto& [where, who] : by_address_) {
    if (who == &machine) peer = where;
  }
  if (wish.kind == bmcsim::HostWish::Kind::callback) return machine.media->callback(path, peer);
  machine.media->read(
      path, peer, wish.offset, wish.length,
      [this, &machine, ticket = wish.ticket](int status, const std::string& bytes, std::uint64_t size) {
        machine.model->answered(ticket, status, bytes, size, events_.now());
        advance(machine);
      });
}

void SimBmcs::self_reset(Machine& machine) {
  bmcsim::Host& host = machine.model->host();
  trace_.line(events_.now(), machine.name, "resets by itself", host.media_inserted() ? "with a medium" : "");
  if (host.on()) {
    host.reset(events_.now(), false);
  } else {
    host.power_on(events_.now(), false);
  }
  advance(machine);
}

void SimBmcs::swap(const std::string& address, const std::string& other) {
  trace_.line(events_.now(), address, "swapped with", other);
  std::swap(by_address_.at(address), by_address_.at(other));
}

void SimBmcs::set_healthy() { healthy_ = true; }

}  // namespace metalmesh::sim
