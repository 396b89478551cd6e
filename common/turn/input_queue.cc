#include "common/turn/input_queue.h"

#include <utility>

namespace metalmesh {
namespace {

bool is_expendable(const Input& input) {
  return std::holds_alternative<MessageArrived>(input) || std::holds_alternative<ImageProgress>(input);
}

std::size_t bytes_of(const Input& input) {
  const auto* message = std::get_if<MessageArrived>(&input);
  return message == nullptr ? 0 : message->topic.size() + message->payload.size();
}

}  // namespace

InputQueue::InputQueue(QueueLimits limits) : limits_(limits) {}

bool InputQueue::full() const { return inputs_.size() >= limits_.inputs || bytes_ >= limits_.bytes; }

void InputQueue::deliver(Input input) {
  bool enough = false;
  {
    const std::lock_guard lock(mutex_);
    if (full() && is_expendable(input)) {
      ++dropped_;
      return;
    }
    bytes_ += bytes_of(input);
    inputs_.push_back(std::move(input));
    enough = inputs_.size() >= awaited_;
  }
  if (enough) arrived_.notify_one();
}

void InputQueue::gather(std::size_t enough, Duration at_most, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  awaited_ = enough;
  arrived_.wait_for(lock, stop, at_most, [&] { return inputs_.size() >= enough; });
  awaited_ = 1;
}

std::vector<Input> InputQueue::take(std::size_t most, Duration patience, const std::stop_token& stop) {
  std::vector<Input> taken;
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, stop, patience, [this] { return !inputs_.empty(); });
  while (!inputs_.empty() && taken.size() < most) {
    bytes_ -= bytes_of(inputs_.front());
    taken.push_back(std::move(inputs_.front()));
    inputs_.pop_front();
  }
  return taken;
}

std::uint64_t InputQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace metalmesh
