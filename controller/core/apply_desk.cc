#include "controller/core/apply_desk.h"

#include <utility>
#include <variant>

namespace metalmesh::controller {
namespace {

/// Nobody waits to be stopped.
bool stops_something(const OperatorRequest& request) {
  const auto* protect = std::get_if<ProtectServer>(&request.body);
  return std::holds_alternative<StopRollout>(request.body) ||
         std::holds_alternative<PauseRollout>(request.body) ||
         std::holds_alternative<CancelDeployment>(request.body) || (protect != nullptr && protect->protect);
}

}  // namespace

void ApplyDesk::started(Work& work) {
  act_ = ApplyAct::left_over(work);
  carry_on(work);
}

bool ApplyDesk::holds(const OperatorRequest& request) const {
  return std::holds_alternative<ApplyMany>(request.body) || (is_busy() && !stops_something(request));
}

std::optional<std::uint64_t> ApplyDesk::enqueue(Work& work, OperatorRequest request) {
  if (line_.size() >= most_waiting) return std::nullopt;
  line_.push_back({++last_, std::move(request)});
  carry_on(work);
  return last_;
}

std::optional<ApplyDesk::Done> ApplyDesk::go_on(Work& work, std::size_t objects) {
  if (act_ == nullptr && !line_.empty()) {
    const auto* many = std::get_if<ApplyMany>(&line_.front().request.body);
    if (many == nullptr) return std::nullopt;
    of_act_ = std::move(line_.front());
    line_.pop_front();
    act_ = std::make_unique<ApplyAct>(std::get<ApplyMany>(of_act_.request.body),
                                      Applicant{of_act_.request.actor, of_act_.request.token});
  }
  if (act_ == nullptr) return std::nullopt;
  auto report = act_->go_on(work, objects);
  if (report == nullptr) return std::nullopt;
  Done done{of_act_.number, std::exchange(of_act_, {}).request, std::move(report), act_->audit()};
  act_ = nullptr;
  return done;
}

std::optional<ApplyDesk::Waiting> ApplyDesk::next() {
  if (act_ != nullptr || line_.empty() || std::holds_alternative<ApplyMany>(line_.front().request.body))
    return std::nullopt;
  Waiting first = std::move(line_.front());
  line_.pop_front();
  return first;
}

void ApplyDesk::carry_on(Work& work) const {
  if (is_busy()) work.out.emit(TimerArm{token, work.now.mono});
}

}  // namespace metalmesh::controller
