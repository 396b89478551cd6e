#include "common/turn/turn.h"

#include <string>
#include <type_traits>
#include <utility>

#include "common/base/check.h"
#include "common/base/planted.h"
#include "common/turn/gathering.h"

namespace metalmesh {
namespace {

constexpr std::size_t inputs_per_turn = 256;
constexpr int commits_per_turn = 16;
constexpr Duration patience = std::chrono::seconds(5);
constexpr Duration disk_interval = std::chrono::seconds(5);

template <class Port>
Port& present(Port* port) {
  MM_CHECK(port != nullptr);
  return *port;
}

}  // namespace

Turn::Turn(DecisionCore& core, Store& store, Ports ports) : core_(core), store_(store), ports_(ports) {
  MM_CHECK(ports_.log != nullptr);
}

Status Turn::step(std::vector<Input> inputs, const Now& now) {
  if (std::exchange(owes_committed_, false)) inputs.insert(inputs.begin(), Committed{});
  look_at_disk(inputs, now, false);
  for (int commits = 0;; ++commits) {
    Outcome outcome;
    for (const Input& input : inputs) outcome.merge(core_.handle(input, now));
    const bool has_rows = !outcome.rows.empty();
    if (const Status done = commit_and_release(std::move(outcome)); !done) return done;
    if (!has_rows) return {};
    if (commits + 1 == commits_per_turn) {
      owes_committed_ = true;  // a core that always has more to write must not keep inputs waiting
      return {};
    }
    inputs.assign(1, Committed{});
    look_at_disk(inputs, now, true);
  }
}

Status Turn::read(const std::vector<Input>& reads, const Now& now) {
  for (const Input& input : reads) {
    Outcome outcome = core_.handle(input, now);
    MM_CHECK(outcome.rows.empty());
    if (const Status done = commit_and_release(std::move(outcome)); !done) return done;
  }
  return {};
}

void Turn::look_at_disk(std::vector<Input>& inputs, const Now& now, bool at_once) {
  if (!at_once && disk_seen_ && now.mono - *disk_seen_ < disk_interval) return;
  disk_seen_ = now.mono;
  const StoreSpace space = store_.space();
  if (disk_low_ == space.low) return;
  disk_low_ = space.low;
  inputs.emplace_back(DiskLevel{space.low, space.free_bytes});
}

Status Turn::commit_and_release(Outcome outcome) {
  if (planted(Defect::effects_before_commit)) {
    for (Effect& effect : std::exchange(outcome.effects, {})) {
      if (Status released = release(std::move(effect)); !released) return released;
    }
  }
  if (!outcome.rows.empty()) {
    if (Status committed = store_.commit(outcome.rows); !committed) {
      ports_.log->write({LogLevel::error,
                         "commit failed, nothing of this turn was done: " + committed.error().message,
                         {{"kind", std::string(to_string(committed.error().kind))}}});
      return committed;
    }
  }
  for (const LogLine& line : outcome.logs) ports_.log->write(line);
  for (Effect& effect : outcome.effects) {
    if (Status released = release(std::move(effect)); !released) return released;
  }
  return {};
}

Status Turn::release(Effect effect) {
  return std::visit(
      [this]<class E>(E&& e) -> Status {
        using T = std::remove_cvref_t<E>;
        if constexpr (std::is_same_v<T, Publish>) {
          present(ports_.bus).publish(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, HttpRequest>) {
          present(ports_.http).start(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, TimerArm>) {
          present(ports_.timers).arm(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, TimerDisarm>) {
          present(ports_.timers).disarm(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, ExchangeReply>) {
          present(ports_.exchanges).reply(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, ExchangeChunk>) {
          present(ports_.exchanges).chunk(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, ImageFetch>) {
          present(ports_.images).fetch(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, ImageDrop>) {
          present(ports_.images).drop(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, ImageVerify>) {
          present(ports_.images).verify(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, ImageLimit>) {
          present(ports_.images).limit(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, MediaSend>) {
          present(ports_.media).send(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, ProbeStart>) {
          present(ports_.prober).probe(std::forward<E>(e));
        } else if constexpr (std::is_same_v<T, BackupStart>) {
          present(ports_.backups).begin(std::forward<E>(e));
        } else {
          static_assert(std::is_same_v<T, Halt>);
          ports_.log->write({LogLevel::error, "halting: " + e.reason, {}});
          return fail(ErrorKind::internal, e.reason);
        }
        return {};
      },
      std::move(effect));
}

Now Turn::look_at(Clock& clock) {
  Now now = clock.now();
  if (const auto away = wakes_.wake(now.mono)) {
    const auto seconds = std::chrono::round<std::chrono::seconds>(*away).count();
    ports_.log->write({LogLevel::warning,
                       "woke late: nothing could be done for " + std::to_string(seconds) +
                           " s (suspended, stopped, or no processor or disk); that time is nobody's silence",
                       {}});
  }
  now.awake_since = wakes_.awake_since();
  return now;
}

Status Turn::run(InputQueue& queue, Clock& clock, const std::stop_token& stop) {
  Status status = step({Started{}}, look_at(clock));
  while (status && !stop.stop_requested()) {
    InputQueue::Taken taken =
        queue.take(inputs_per_turn, owes_committed_ ? Duration::zero() : patience, stop);
    const Now now = look_at(clock);
    const std::size_t inputs = taken.others.size();
    status = read(taken.reads, now);
    if (status) status = step(std::move(taken.others), now);
    if (status && gathering::pays(inputs)) status = gather(queue, clock, stop);
  }
  return status;
}

Status Turn::gather(InputQueue& queue, Clock& clock, const std::stop_token& stop) {
  const MonoTime end = clock.now().mono + gathering::breath;
  for (MonoTime at = clock.now().mono; at < end; at = clock.now().mono) {
    const std::vector<Input> reads = queue.gather(gathering::worth_a_write, end - at, stop);
    if (reads.empty()) break;
    if (Status done = read(reads, look_at(clock)); !done) return done;
  }
  return {};
}

}  // namespace metalmesh
