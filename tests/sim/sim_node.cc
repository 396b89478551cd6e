#include "tests/sim/sim_node.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t quartz_ppm = 100;

Duration scaled(Duration span, std::int64_t ppm) { return span + Duration(span.count() / 1'000'000 * ppm); }

}  // namespace

SimNode::SimNode(std::string name, EventQueue& events, Trace& trace, const Swarm& swarm, Random random,
                 MakeCore make_core, Surroundings around)
    : name_(std::move(name)),
      events_(events),
      trace_(trace),
      swarm_(swarm),
      random_(random),
      entropy_(random_.fork()),
      make_core_(std::move(make_core)),
      around_(std::move(around)) {
  const auto error = static_cast<std::uint64_t>(around_.clock_error.count());
  clock_offset_ = Duration(static_cast<std::int64_t>(random_.below(2 * error + 1))) - around_.clock_error;
  fast_ppm_ = static_cast<std::int64_t>(random_.below(2 * quartz_ppm + 1)) - quartz_ppm;
  boot_machine();
}

void SimNode::boot_machine() {
  booted_at_ = events_.now();
  mono_at_boot_ = MonoTime(random_.below(1'000'000) * 1s);
  boot_ = random_.next() | 1U;
}

MonoTime SimNode::true_time(MonoTime mono) const {
  MonoTime at = booted_at_ + scaled(mono - mono_at_boot_, -fast_ppm_);
  while (own_time(at) < mono) at += mono - own_time(at);  // never early: a timer that fires is due
  return at;
}

MonoTime SimNode::own_time(MonoTime at) const { return mono_at_boot_ + scaled(at - booted_at_, fast_ppm_); }

Now SimNode::now() const {
  const WallTime shown = events_.wall() + clock_offset_;
  return {.mono = own_time(events_.now()),
          .wall_low = shown - around_.clock_error,
          .wall_high = shown + around_.clock_error,
          .awake_since = own_time(awake_since_),
          .boot = boot_};
}

void SimNode::reboot(std::string_view why) {
  if (!life_) return;
  crash(why);
  boot_machine();
}

void SimNode::freeze(Duration length) {
  if (!life_) return;
  trace_.line(events_.now(), name_, "is frozen");
  frozen_until_ = std::max(frozen_until_, events_.now() + length);
  events_.at(frozen_until_, [this, life = lives_] {
    if (!life_ || life != lives_ || events_.now() < frozen_until_) return;
    trace_.line(events_.now(), name_, "wakes");
    awake_since_ = events_.now();
    if (std::exchange(life_->turn_due, false) || !life_->inbox.empty()) schedule_turn();
  });
}

void SimNode::start() {
  if (life_ || starting_) return;
  ++lives_;
  dying_ = false;
  effects_left_.reset();
  trace_.line(events_.now(), name_, "start");
  awake_since_ = events_.now();
  frozen_until_ = {};
  care_for_rows();
  life_ = std::make_unique<Life>();
  Store& store = *this;
  life_->core = make_core_(store, entropy_);
  life_->turn = std::make_unique<Turn>(*life_->core, store,
                                       Ports{.bus = this,
                                             .http = this,
                                             .timers = this,
                                             .exchanges = nullptr,
                                             .images = this,
                                             .media = this,
                                             .prober = this,
                                             .log = this});
  deliver(Started{});
  around_.came_up(to_this_life());
}

void SimNode::stop() {
  stopped_ = true;
  if (!life_) return;
  life_.reset();
  around_.went_down();
}

void SimNode::revive() {
  stopped_ = false;
  start();
}

void SimNode::crash_into(SimStore::Rows rows, std::string_view why) {
  crash(why);
  rows_.replace(std::move(rows));
}

void SimNode::rot(std::string key, std::string_view why) {
  crash(why);
  rows_.rot(std::move(key));
}

void SimNode::care_for_rows() {
  if (!rows_.any_rotten()) return;
  const Batch batch = around_.care(rows_);
  MM_CHECK(rows_.commit(batch));
  around_.cared(batch);
}

void SimNode::crash(std::string_view why) {
  if (!life_) return;
  ++crashes_;
  trace_.line(events_.now(), name_, "crash", why);
  life_.reset();
  rows_.crash();
  around_.went_down();
  starting_ = true;
  const Duration most = healthy_ ? Duration(1s) : swarm_.down_for;
  events_.after(
      1s + Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.count())))),
      [this] {
        starting_ = false;
        if (!stopped_) start();
      });
}

Surroundings::Deliver SimNode::to_this_life() {
  return [this, life = lives_](Input input) {
    if (life_ && life == lives_) deliver(std::move(input));
  };
}

void SimNode::deliver(Input input) {
  if (!life_) return;
  life_->inbox.push_back(std::move(input));
  schedule_turn();
}

void SimNode::try_bad(MessageArrived message, std::function<void(bool ignored)> judged) {
  if (!life_ || events_.now() < frozen_until_) return judged(true);
  life_->bad.emplace_back(std::move(message), std::move(judged));
}

void SimNode::schedule_turn() {
  if (std::exchange(life_->turn_due, true)) return;
  // Inputs that come while an earlier commit is in flight go into one turn.
  events_.after(random_.below(4) * 1ms, [this, life = lives_] {
    if (life_ && life == lives_ && events_.now() >= frozen_until_) run_turn();
  });
}

void SimNode::run_turn() {
  life_->turn_due = false;
  std::vector<Input> inputs = std::exchange(life_->inbox, {});
  for (const Input& input : inputs) trace_.line(events_.now(), name_, name_of(input));
  const Status status = life_->turn->step(std::move(inputs), now());
  if (!status || dying_) return crash(status ? "between effects" : status.error().message);
  for (const auto& [message, judged] : std::exchange(life_->bad, {})) {
    const Outcome outcome = life_->core->handle(message, now());
    judged(outcome.rows.empty() && outcome.effects.empty());
  }
}

Status SimNode::commit(const Batch& batch) {
  bool unheard = false;
  if (!healthy_ && random_.chance(swarm_.crash_at_commit)) {
    switch (random_.below(3)) {
      case 0:
        rows_.arm(SimStore::Fault::torn);
        break;
      case 1:
        rows_.arm(SimStore::Fault::durable_but_unheard);
        unheard = true;
        break;
      default:
        effects_left_ = random_.below(4);
        break;
    }
  } else if (!healthy_ && random_.chance(swarm_.disk_full)) {
    rows_.arm(SimStore::Fault::disk_full);
  }
  const Status status = rows_.commit(batch);
  for (const RowWrite& row : batch) {
    trace_.mix(row.key);
    if (row.value) trace_.mix(*row.value);
  }
  if (status || unheard) around_.durable(batch);
  return status;
}

bool SimNode::leaves() {
  if (dying_) return false;
  if (effects_left_ && (*effects_left_)-- == 0) dying_ = true;
  return !dying_;
}

void SimNode::publish(Publish message) {
  if (leaves()) around_.publish(std::move(message));
}

void SimNode::start(HttpRequest request) {
  if (!leaves()) return;
  trace_.line(events_.now(), name_, request.method, request.url);
  around_.http(request, to_this_life());
}

void SimNode::arm(TimerArm timer) {
  if (!leaves()) return;
  const unsigned version = ++timer_version_;
  life_->timers[timer.token] = version;
  events_.at(true_time(timer.at), [this, life = lives_, version, token = timer.token] {
    if (!life_ || life != lives_) return;
    const auto found = life_->timers.find(token);
    if (found == life_->timers.end() || found->second != version) return;
    life_->timers.erase(found);
    deliver(TimerFired{token});
  });
}

void SimNode::disarm(TimerDisarm timer) {
  if (leaves()) life_->timers.erase(timer.token);
}

void SimNode::fetch(ImageFetch fetch) {
  if (leaves()) around_.fetch(fetch, to_this_life());
}

void SimNode::drop(ImageDrop drop) {
  if (leaves()) around_.drop(drop);
}

void SimNode::verify(ImageVerify verify) {
  if (leaves()) around_.verify(verify, to_this_life());
}

void SimNode::send(MediaSend message) {
  if (leaves()) around_.media(message.command);
}

void SimNode::probe(ProbeStart probe) {
  if (leaves()) around_.probe(probe, to_this_life());
}

void SimNode::write(const LogLine& line) {
  std::string text = line.message;
  for (const auto& [key, value] : line.fields) text.append("  ").append(key).append("=").append(value);
  around_.log_line(text);
  trace_.remark(events_.now(), name_, text);
}

void SimNode::set_healthy() { healthy_ = true; }

}  // namespace metalmesh::sim
