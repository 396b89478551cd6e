#include <algorithm>
#include <utility>

#include "common/delivery/presence.h"
#include "common/ports/wire_time.h"

namespace metalmesh::delivery {
namespace {

constexpr std::size_t remembered_hellos = 4;
constexpr std::size_t nonce_bytes = 16;
constexpr Duration soon = std::chrono::milliseconds(500);
constexpr Duration first_retry = std::chrono::seconds(1);
constexpr std::int64_t drift_per_million = 200;

Duration drift(Duration elapsed) { return Duration(elapsed.count() / 1'000'000 * drift_per_million); }

}  // namespace

AgentPresence::AgentPresence(std::string incarnation, Duration hello_interval)
    : incarnation_(std::move(incarnation)), interval_(hello_interval) {}

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

MonoTime AgentPresence::next_hello(const Now& now) const {
  if (!last_sent_) return now.mono;
  Duration wait = interval_;
  if (!proven_) {
    wait = unanswered_ == 0 ? soon : first_retry * (1U << std::min(unanswered_ - 1, 8U));
    wait = std::min(wait, interval_);
  }
  const MonoTime due = *last_sent_ + wait;
  return speak_up_ ? std::min(due, *speak_up_) : due;
}

AgentPresence::Welcomed AgentPresence::on_welcome(const wire::Welcome& welcome, const Now& now) {
  const WallTime clock = from_wire(welcome.clock());
  if (welcome.incarnation() != incarnation_) {
    if (!welcomed_ || clock <= *welcomed_) return Welcomed::ignored;  // may be about an earlier life of ours
    if (welcome.proven()) {
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
  welcomed_ = welcomed_ ? std::max(*welcomed_, clock) : clock;
  if (welcome.has_clock()) learn_time(clock, sent.at, now.mono);
  quarantined_ = welcome.quarantined();
  if (quarantined_) return Welcomed::quarantined;
  if (!welcome.proven()) {
    speak_up_ = std::max(now.mono, *last_sent_ + soon);
    return Welcomed::ok;
  }
  proven_ = true;
  twin_ = false;
  return Welcomed::proven;
}

bool AgentPresence::on_challenge(const wire::Welcome& welcome, const Now& now) {
  const auto answered = std::ranges::find(sent_, welcome.nonce(), &Sent::nonce);
  if (welcome.incarnation() != incarnation_ || answered == sent_.end()) return false;
  sent_.erase(sent_.begin(), answered + 1);
  challenge_ = welcome.challenge();
  speak_up_ = std::max(now.mono, *last_sent_ + soon);
  return true;
}

void AgentPresence::learn_time(WallTime controller, MonoTime sent, MonoTime received) {
  // The controller read its clock somewhere between `sent` and `received`.
  const TimeFix fresh{received, controller, controller + (received - sent)};
  if (fix_) {
    const Duration aged = (fix_->high - fix_->low) + 2 * drift(received - fix_->at);
    if (fresh.high - fresh.low > aged) return;
  }
  fix_ = fresh;
}

bool AgentPresence::proven() const { return proven_ && !twin_ && !quarantined_; }
const std::string& AgentPresence::incarnation() const { return incarnation_; }

std::optional<Now> AgentPresence::corrected(const Now& now) const {
  if (!fix_) return std::nullopt;
  const Duration elapsed = now.mono - fix_->at;
  return Now{now.mono, fix_->low + elapsed - drift(elapsed), fix_->high + elapsed + drift(elapsed)};
}

void AgentPresence::on_bus_down() {
  sent_.clear();
  last_sent_.reset();
  speak_up_.reset();
  unanswered_ = 0;
}

}  // namespace metalmesh::delivery
