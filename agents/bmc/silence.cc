#include "agents/bmc/silence.h"

#include <algorithm>
#include <string>
#include <utility>

#include "agents/redfish/error_info.h"
#include "common/base/backoff.h"

namespace metalmesh::bmc {
namespace {

constexpr Backoff retry_pace{.first = std::chrono::seconds(2), .most = std::chrono::seconds(15)};

}  // namespace

void Silence::not_answered(Turn& turn, MonoTime since, std::string_view seen) {
  ++failures_;
  if (!silent_since_) silent_since_ = since;
  const Duration silent = turn.now.mono - std::max(*silent_since_, turn.alive);
  if (turn.patience && silent >= *turn.patience) {
    turn.fail({.code = wire::BMC_UNREACHABLE, .seen = std::string(seen), .span = silent, .tries = failures_});
    return;
  }
  pause_ = turn.now.mono + retry_pace.delay(failures_, turn.random);
}

void Silence::could_not_ask(Turn& turn, std::string_view why) {
  silent_since_.reset();
  if (turn.out_of_patience(unasked_since_)) {
    const Duration span = turn.now.mono - *std::exchange(unasked_since_, std::nullopt);
    turn.fail({.code = wire::AGENT_EXHAUSTED, .seen = std::string(why), .span = span});
    return;
  }
  pause_ = turn.now.mono + retry_pace.delay(++failures_, turn.random);
}

void Silence::unreadable(Turn& turn, std::string_view seen, const HttpReplied& reply) {
  if (turn.out_of_patience(unreadable_since_)) {
    const Duration span = turn.now.mono - *std::exchange(unreadable_since_, std::nullopt);
    turn.fail({.code = wire::BMC_PROTOCOL,
               .expected = "a resource that can be read",
               .seen = std::string(seen),
               .detail = redfish::parse_error(reply.body).text(),
               .span = span});
    return;
  }
  pause_ = turn.now.mono + retry_pace.delay(++failures_, turn.random);
  turn.wait(pause_);
}

void Silence::ended() {
  silent_since_.reset();
  failures_ = 0;
}

void Silence::skip(Duration gap) {
  if (silent_since_) *silent_since_ += gap;
  if (unreadable_since_) *unreadable_since_ += gap;
  if (unasked_since_) *unasked_since_ += gap;
}

}  // namespace metalmesh::bmc
