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

InputQueue::InputQueue(QueueLimits limits, OnlyReads only_reads) : limits_(limits), only_reads_(only_reads) {}

bool InputQueue::full() const { return inputs_.size() >= limits_.inputs || bytes_ >= limits_.bytes; }

void InputQueue::deliver(Input input) {
  const bool reads = only_reads_ != nullptr && only_reads_(input);
  bool enough = reads;
  {
    const std::lock_guard lock(mutex_);
    if (reads) {
      reads_.push_back(std::move(input));
    } else if (full() && is_expendable(input)) {
      ++dropped_;
    } else {
      bytes_ += bytes_of(input);
      inputs_.push_back(std::move(input));
      enough = inputs_.size() >= awaited_;
    }
  }
  if (enough) arrived_.notify_one();
}

std::vector<Input> InputQueue::gather(std::size_t enough, Duration at_most, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  awaited_ = enough;
  arrived_.wait_for(lock, stop, at_most, [&] { return !reads_.empty() || inputs_.size() >= enough; });
  awaited_ = 1;
  return std::exchange(reads_, {});
}

InputQueue::Taken InputQueue::take(std::size_t most, Duration patience, const std::stop_token& stop) {
  Taken taken;
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, stop, patience, [this] { return !reads_.empty() || !inputs_.empty(); });
  taken.reads = std::exchange(reads_, {});
  while (!inputs_.empty() && taken.others.size() < most) {
    bytes_ -= bytes_of(inputs_.front());
    taken.others.push_back(std::move(inputs_.front()));
    inputs_.pop_front();
  }
  return taken;
}

std::uint64_t InputQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace metalmesh
