#include <algorithm>
#include <utility>

#include "common/base/planted.h"
#include "common/delivery/presence.h"
#include "common/ports/wire_time.h"

namespace metalmesh::delivery {
namespace {

constexpr std::size_t remembered_lives = 8;
constexpr std::size_t challenge_bytes = 16;
constexpr std::size_t life_bytes = 16;
constexpr std::size_t remembered_past = 16;

/// Who spoke while we were not awake is heard only now: nobody's silence began before we were.
MonoTime since_awake(MonoTime heard, const Now& now) {
  return planted(Defect::late_wake_ignored) ? heard : std::max(heard, now.awake_since);
}

}  // namespace

SitePresence::SitePresence(std::string current_incarnation, std::vector<std::string> past, Duration settle,
                           Duration silent_after)
    : current_(std::move(current_incarnation)),
      past_(std::move(past)),
      settle_(settle),
      silent_after_(silent_after) {}

const SitePresence::Life* SitePresence::find(const std::string& incarnation) const {
  const auto found = std::ranges::find(lives_, incarnation, &Life::incarnation);
  return found == lives_.end() ? nullptr : &*found;
}

SitePresence::Life& SitePresence::life_of(const std::string& incarnation, MonoTime at) {
  const auto found = std::ranges::find(lives_, incarnation, &Life::incarnation);
  if (found != lives_.end()) return *found;
  if (lives_.size() == remembered_lives) {
    // Forgetting one is safe: when it speaks again it starts as unheard, which proves less, never more.
    const auto oldest = std::ranges::min_element(lives_, {}, [this](const Life& life) {
      return std::pair(life.incarnation == current_, life.last_heard);
    });
    lives_.erase(oldest);
  }
  Life& life = lives_.emplace_back();
  life.incarnation = incarnation;
  life.first_heard = at;
  life.succeeded = std::ranges::find(past_, incarnation) != past_.end();
  return life;
}

std::optional<MonoTime> SitePresence::made_at(const Life& life, const std::string& echo) {
  if (echo.empty()) return std::nullopt;
  if (echo == life.challenge) return life.challenge_at;
  if (echo == life.previous_challenge) return life.previous_challenge_at;
  return std::nullopt;
}

bool SitePresence::alone(const Life& life, const Now& now) const {
  return std::ranges::all_of(lives_, [&](const Life& other) {
    return &other == &life || other.last_heard < life.first_heard ||
           now.mono - since_awake(other.last_heard, now) >= settle_;
  });
}

const SitePresence::Life* SitePresence::twin_of(const Life& life) const {
  const auto found = std::ranges::find_if(lives_, [&](const Life& other) {
    return &other != &life && other.alive_after && *other.alive_after >= life.first_heard &&
           *life.alive_after >= other.first_heard;
  });
  return found == lives_.end() ? nullptr : &*found;
}

void SitePresence::make_current(const std::string& incarnation) {
  if (incarnation == current_) return;
  if (!current_.empty()) past_.push_back(current_);
  if (past_.size() > remembered_past) past_.erase(past_.begin());
  current_ = incarnation;
}

wire::Welcome SitePresence::on_hello(const wire::Hello& hello, const Now& now, Entropy& entropy) {
  wire::Welcome welcome;
  welcome.set_incarnation(hello.incarnation());
  welcome.set_nonce(hello.nonce());
  *welcome.mutable_clock() = to_wire(now.wall());
  if (life_.empty()) life_ = entropy.bytes(life_bytes);
  welcome.set_life(life_);
  *welcome.mutable_uptime() = to_wire(now.mono.time_since_epoch());

  Life& life = life_of(hello.incarnation(), now.mono);
  life.last_heard = now.mono;
  const auto alive = made_at(life, hello.echo());
  bool is_current = false;
  if (alive) {
    heard_ = now.mono;
    life.alive_after = life.alive_after ? std::max(*life.alive_after, *alive) : *alive;
    if (!quarantined() && !planted(Defect::twin_not_noticed)) {
      if (life.succeeded) {
        quarantine("two agents run under this site's name: incarnation " + life.incarnation +
                   " lives, although " + current_ + " came after it");
      } else if (const Life* other = twin_of(life)) {
        quarantine("two agents run under this site's name: incarnations " + life.incarnation + " and " +
                   other->incarnation + " were alive at the same time");
      }
    }
    const Life* current = find(current_);
    if (current == nullptr || *alive >= current->first_heard) make_current(life.incarnation);
    is_current = current_ == life.incarnation;
  }
  if (quarantined()) {
    welcome.set_quarantined(true);
    welcome.set_quarantine_reason(quarantine_reason_);
  } else {
    welcome.set_proven(is_current && now.mono - since_awake(life.first_heard, now) >= settle_ &&
                       alone(life, now));
  }
  life.previous_challenge = std::exchange(life.challenge, entropy.bytes(challenge_bytes));
  life.previous_challenge_at = std::exchange(life.challenge_at, now.mono);
  welcome.set_challenge(life.challenge);
  return welcome;
}

const std::string& SitePresence::current() const { return current_; }
bool SitePresence::quarantined() const { return !quarantine_reason_.empty(); }
const std::string& SitePresence::quarantine_reason() const { return quarantine_reason_; }
void SitePresence::quarantine(std::string reason) { quarantine_reason_ = std::move(reason); }
void SitePresence::clear_quarantine() {
  quarantine_reason_.clear();
  lives_.clear();  // whoever speaks now proves itself anew
  past_.clear();
}

bool SitePresence::silent(const Now& now) const {
  return !heard_ || now.mono - since_awake(*heard_, now) >= silent_after_;
}
std::optional<MonoTime> SitePresence::last_heard() const { return heard_; }

}  // namespace metalmesh::delivery
