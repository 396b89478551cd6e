#include <algorithm>
#include <utility>

#include "common/delivery/presence.h"
#include "common/ports/wire_time.h"

namespace metalmesh::delivery {
namespace {

constexpr std::size_t remembered_hellos = 4;
constexpr std::size_t nonce_bytes = 16;
constexpr Duration soon = std::chrono::milliseconds(500);
/// A proof takes a few answers; who needs more waits for something else, perhaps for a person.
constexpr unsigned usual_answers = 10;
constexpr Duration first_retry = std::chrono::seconds(1);
/// One odd answer is not believed, nor are several that come in one breath.
constexpr Duration clock_settle = std::chrono::minutes(1);

}  // namespace

AgentPresence::AgentPresence(std::string incarnation, Duration hello_interval)
    : incarnation_(std::move(incarnation)), interval_(hello_interval), clock_(clock_settle) {}

wire::Hello AgentPresence::hello(const Now& now, Entropy& entropy) {
  wire::Hello hello;
  hello.set_incarnation(incarnation_);
  hello.set_nonce(entropy.bytes(nonce_bytes));
  hello.set_echo(challenge_);
  *hello.mutable_clock() = to_wire(now.wall());
  sent_.push_back({hello.nonce(), now.mono});
  if (sent_.size() > remembered_hellos) sent_.pop_front();
  last_sent_ = now.mono;
  speak_up_.reset();
  ++unanswered_;
  return hello;
}

Duration AgentPresence::pace() const {
  const unsigned more = unproven_ > usual_answers ? std::min(unproven_ - usual_answers, 8U) : 0;
  return std::min<Duration>(interval_, soon * (1U << more));
}

MonoTime AgentPresence::next_hello(const Now& now) const {
  if (!last_sent_) return now.mono;
  Duration wait = interval_;
  // Who is in quarantine waits for a person: each answer is the same one.
  if (!proven_ && !quarantined_) {
    wait = unanswered_ == 0 ? pace() : first_retry * (1U << std::min(unanswered_ - 1, 8U));
    wait = std::min(wait, interval_);
  }
  const MonoTime due = *last_sent_ + wait;
  return speak_up_ ? std::min(due, *speak_up_) : due;
}

bool AgentPresence::answers_us(const wire::Welcome& welcome) const {
  return welcome.incarnation() == incarnation_ &&
         std::ranges::find(sent_, welcome.nonce(), &Sent::nonce) != sent_.end();
}

void AgentPresence::ask_soon(const Now& now) {
  if (last_sent_ && !speak_up_) speak_up_ = std::max(now.mono, *last_sent_ + soon);
}

AgentPresence::Welcomed AgentPresence::on_welcome(const wire::Welcome& welcome, const Now& now) {
  const Duration uptime = from_wire(welcome.uptime());
  if (welcome.incarnation() != incarnation_) {
    if (!welcomed_) return Welcomed::ignored;  // it may be about an earlier life of ours
    // Of another life of the controller nobody knows whether it is newer: it finds out by hearing us.
    const bool same_life = welcome.life() == welcomed_->life;
    if (same_life && uptime <= welcomed_->uptime) return Welcomed::ignored;
    if (same_life && welcome.proven()) {
      twin_ = true;
      return Welcomed::twin;
    }
    if (!speak_up_ && last_sent_) speak_up_ = std::max(now.mono, *last_sent_ + soon);
    return Welcomed::ignored;
  }
  const auto answered = std::ranges::find(sent_, welcome.nonce(), &Sent::nonce);
  if (answered == sent_.end()) return Welcomed::ignored;
  const Sent sent = *answered;
  sent_.erase(sent_.begin(), answered + 1);  // older answers that come later say nothing new
  unanswered_ = 0;
  challenge_ = welcome.challenge();
  welcomed_ = Newest{welcome.life(), uptime};
  if (welcome.has_clock()) learn_time(welcome, sent.at, now.mono);
  quarantined_ = quarantined_ || welcome.quarantined();
  if (welcome.quarantined()) return Welcomed::quarantined;
  const bool said_before_it_slept = sent.at < now.awake_since;
  if (!welcome.proven() || said_before_it_slept) {
    ++unproven_;
    speak_up_ = std::max(now.mono, *last_sent_ + pace());
    return Welcomed::ok;
  }
  unproven_ = 0;
  proven_ = true;
  vouched_at_ = sent.at;
  twin_ = quarantined_ = false;
  return Welcomed::proven;
}

bool AgentPresence::wake(const Now& now) {
  if (!proven_ || now.awake_since <= vouched_at_) return false;
  proven_ = false;
  return true;
}

bool AgentPresence::on_challenge(const wire::Welcome& welcome, const Now& now, Duration within) {
  const auto answered = std::ranges::find(sent_, welcome.nonce(), &Sent::nonce);
  if (welcome.incarnation() != incarnation_ || answered == sent_.end()) return false;
  sent_.erase(sent_.begin(), answered + 1);
  challenge_ = welcome.challenge();
  speak_up_ = std::max(now.mono, *last_sent_ + within);
  return true;
}

void AgentPresence::learn_time(const wire::Welcome& welcome, MonoTime sent, MonoTime received) {
  // The controller read its clock somewhere between `sent` and `received`.
  const WallTime clock = from_wire(welcome.clock());
  const WallFix fresh{received, clock, clock + (received - sent)};
  const Duration by = from_wire(welcome.clock_steps()) - clock_.steps();
  if (clock_.line(received) && by < Duration::zero()) {
    TimeKeeper moved = clock_;
    moved.stepped(by);
    if (moved.hear(fresh) == TimeKeeper::Heard::fits) {  // two clocks agree that it was set by so much
      clock_news_ = {clock_.doubt() ? TimeKeeper::Heard::cleared : TimeKeeper::Heard::fits, by};
      clock_ = moved;
      return;
    }
  }
  clock_news_.learned = !clock_.line(received);
  if (clock_news_.learned) clock_.resume(std::nullopt, from_wire(welcome.clock_steps()));
  const Duration steps = clock_.steps();
  clock_news_.heard = clock_.hear(fresh);
  clock_news_.stepped = clock_.steps() - steps;
  // Whatever became of its account (it may have been restored): from here on its steps are counted as it
  // does.
  if (clock_.doubt()) return;
  clock_.resume(clock_.line(received), from_wire(welcome.clock_steps()));
  // A leap ahead that was not believed here may have been there, and orders made by it.
  clock_news_.stepped = std::min(clock_news_.stepped, clock_.steps() - steps);
}

bool AgentPresence::proven() const { return proven_ && !twin_ && !quarantined_; }
const std::string& AgentPresence::incarnation() const { return incarnation_; }

std::optional<Now> AgentPresence::corrected(const Now& now) const {
  const auto fix = clock_.at(now.mono);
  if (!fix) return std::nullopt;
  Now known = now;
  known.wall_low = fix->low;
  known.wall_high = fix->high;
  return known;
}

void AgentPresence::on_bus_down() {
  sent_.clear();
  last_sent_.reset();
  speak_up_.reset();
  unanswered_ = unproven_ = 0;
}

}  // namespace metalmesh::delivery
