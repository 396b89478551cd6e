#include "agents/core/followed_controller.h"

#include <algorithm>

#include "common/base/planted.h"

namespace metalmesh::agent {
namespace {

constexpr int past_kept = 16;

bool names(const google::protobuf::RepeatedPtrField<std::string>& instances, const std::string& instance) {
  return std::ranges::find(instances, instance) != instances.end();
}

}  // namespace

void FollowedController::on_started(const record::LinkState& state, const Now& now) {
  if (!state.controller_instance().empty()) heard_ = now.mono;
}

bool FollowedController::lives(const Now& now) const {
  return heard_ && now.mono - std::max(*heard_, now.awake_since) < patience_;
}

bool FollowedController::is_followed(const std::string& instance, const record::LinkState& state) {
  return instance.empty() || state.controller_instance().empty() || instance == state.controller_instance() ||
         planted(Defect::any_controller_obeyed);
}

FollowedController::Verdict FollowedController::judge(const wire::Welcome& welcome, record::LinkState& state,
                                                      const Now& now) {
  const std::string& instance = welcome.instance();
  if (instance.empty()) return Verdict::obey;
  if (instance == state.controller_instance()) {
    heard_ = now.mono;
    return Verdict::obey;
  }
  const bool newer_epoch = welcome.controller_epoch() > state.controller_epoch();
  const bool restarted = names(welcome.predecessors(), state.controller_instance()) &&
                         !names(state.past_controllers(), instance);
  if (state.controller_instance().empty() || newer_epoch || restarted || !lives(now) ||
      planted(Defect::any_controller_obeyed)) {
    follow(welcome, state, now);
    return Verdict::followed;
  }
  other_ = Other{instance, welcome.instance_since(), now.mono};
  return Verdict::refused;
}

void FollowedController::follow(const wire::Welcome& welcome, record::LinkState& state, const Now& now) {
  if (!state.controller_instance().empty()) {
    *state.add_past_controllers() = state.controller_instance();
    if (state.past_controllers_size() > past_kept) state.mutable_past_controllers()->DeleteSubrange(0, 1);
  }
  state.set_controller_instance(welcome.instance());
  *state.mutable_controller_since() = welcome.instance_since();
  heard_ = now.mono;
  if (other_ && other_->instance == welcome.instance()) other_.reset();
}

std::string FollowedController::refused(const Now& now) const {
  const bool lately = other_ && now.mono - std::max(other_->heard, now.awake_since) < patience_;
  return lately ? other_->instance : std::string();
}

void FollowedController::fill(wire::Hello& hello, const record::LinkState& state, const Now& now) const {
  hello.set_controller_instance(state.controller_instance());
  *hello.mutable_controller_since() = state.controller_since();
  hello.set_controller_lives(lives(now));
  if (refused(now).empty()) return;
  hello.set_other_instance(other_->instance);
  *hello.mutable_other_since() = other_->since;
}

}  // namespace metalmesh::agent
