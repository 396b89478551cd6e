#include "controller/up/supervisor.h"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <ranges>

namespace metalmesh::up {
namespace {

using namespace std::chrono_literals;

constexpr Duration start_patience = 90s;  // a controller may have much to load
constexpr Duration stop_patience = 10s;
constexpr Duration probe_pause = 100ms;
constexpr Duration idle_pause = 1s;
constexpr std::size_t lines_at_once = 5;
constexpr std::size_t last_lines = 10;

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&set, number);
  return set;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

struct Supervisor::Kept {
  enum class State { starting, ready, dead };

  Kept(Ward given, std::uint64_t seed) : ward(std::move(given)), tail(ward.command.log), plan(seed) {}

  Status start(MonoTime now) {
    ward.starting();
    plan.started(now);
    since = now;
    auto started = Child::start(ward.command);
    if (!started) return std::unexpected(started.error());
    child = std::make_unique<Child>(std::move(*started));
    state = State::starting;
    return {};
  }

  Ward ward;
  LogTail tail;
  RestartPlan plan;
  std::unique_ptr<Child> child;
  State state = State::dead;
  MonoTime since{};     // the start, or the death
  MonoTime again_at{};  // when dead
};

Supervisor::Supervisor(Clock& clock, std::function<void(const std::string&)> say)
    : clock_(clock), say_(std::move(say)) {
  const sigset_t set = awaited_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}
Supervisor::~Supervisor() = default;

void Supervisor::wait(Duration patience) {
  const sigset_t set = awaited_signals();
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(patience);
  const timespec timeout{whole.count(), (patience - whole).count()};
  const int number = sigtimedwait(&set, nullptr, &timeout);
  if (number > 0 && number != SIGCHLD) ++stop_signals_;
}

Status Supervisor::start(Ward ward) {
  const MonoTime begin = clock_.now().mono;
  Kept& kept = *kept_.emplace_back(
      std::make_unique<Kept>(std::move(ward), static_cast<std::uint64_t>(begin.time_since_epoch().count())));
  const std::string& name = kept.ward.name;
  if (auto started = kept.start(begin); !started) return started;
  const auto failed = [&](ErrorKind kind, std::string what) {
    what = fmt::format("{} {}; the end of {}:", name, what, kept.ward.command.log.string());
    for (const std::string& line : kept.tail.last(last_lines)) what += "\n  " + line;
    return fail(kind, std::move(what));
  };
  for (;;) {
    if (const auto end = kept.child->ended()) {
      kept.child.reset();
      return failed(ErrorKind::conflict, "did not come up: " + *end);
    }
    if (kept.ward.ready()) break;
    const Duration waited = clock_.now().mono - begin;
    if (waited > start_patience) {
      return failed(ErrorKind::conflict, fmt::format("runs, but was not ready in {:.0f} s", seconds(waited)));
    }
    wait(probe_pause);
    if (stop_signals_ > 0) return fail(ErrorKind::unavailable, "stopped while " + name + " was starting");
  }
  kept.state = Kept::State::ready;
  say_(fmt::format("{} is ready (pid {}, {:.1f} s)", name, kept.child->pid(),
                   seconds(clock_.now().mono - begin)));
  return {};
}

void Supervisor::watch() {
  while (stop_signals_ == 0) {
    bool settled = true;
    for (const auto& kept : kept_) {
      look_after(*kept);
      show_news(*kept);
      settled = settled && kept->state == Kept::State::ready;
    }
    wait(settled ? idle_pause : probe_pause);
  }
}

void Supervisor::look_after(Kept& kept) {
  const MonoTime now = clock_.now().mono;
  const std::string& name = kept.ward.name;
  if (kept.child != nullptr) {
    if (const auto end = kept.child->ended()) {
      kept.child.reset();
      kept.state = Kept::State::dead;
      kept.since = now;
      kept.again_at = kept.plan.ended(now);
      say_(fmt::format("{} ended ({}); starting it again in {:.1f} s", name, *end,
                       seconds(kept.again_at - now)));
    }
  }
  if (kept.state == Kept::State::dead && now >= kept.again_at) {
    if (auto started = kept.start(now); !started) {
      kept.again_at = kept.plan.ended(now);
      say_(
          fmt::format("{}; trying again in {:.1f} s", started.error().message, seconds(kept.again_at - now)));
    }
  }
  if (kept.state == Kept::State::starting && kept.ward.ready()) {
    kept.state = Kept::State::ready;
    say_(fmt::format("{} is ready again (pid {}, {:.1f} s)", name, kept.child->pid(),
                     seconds(clock_.now().mono - kept.since)));
  }
}

void Supervisor::show_news(Kept& kept) {
  for (const std::string& line : kept.tail.news(lines_at_once))
    say_(fmt::format("{} | {}", kept.ward.name, line));
}

void Supervisor::stop() {
  const unsigned signals_before = stop_signals_;
  for (const auto& kept : kept_ | std::views::reverse) {
    if (stop_signals_ > signals_before) break;  // the rest is killed
    let_end(*kept);
  }
  kept_.clear();
}

void Supervisor::let_end(Kept& kept) {
  if (kept.child == nullptr) return;
  const unsigned signals_before = stop_signals_;
  const MonoTime begin = clock_.now().mono;
  kept.child->signal(SIGTERM);
  for (;;) {
    if (const auto end = kept.child->ended()) {
      kept.child.reset();
      return say_(fmt::format("{} stopped{}", kept.ward.name,
                              *end == "exit code 0" ? std::string() : " (" + *end + ")"));
    }
    if (stop_signals_ > signals_before) return;
    if (clock_.now().mono - begin > stop_patience) {
      kept.child.reset();
      return say_(
          fmt::format("{} did not stop in {:.0f} s and was killed", kept.ward.name, seconds(stop_patience)));
    }
    wait(probe_pause);
  }
}

}  // namespace metalmesh::up
