#include "tests/sim/event_queue.h"

#include <algorithm>
#include <utility>

namespace metalmesh::sim {
namespace {

constexpr auto later = [](const auto& a, const auto& b) {
  return a.when != b.when ? a.when > b.when : a.order > b.order;
};

}  // namespace

void EventQueue::at(MonoTime when, std::function<void()> what) {
  heap_.push_back({std::max(when, now_), next_order_++, std::move(what)});
  std::ranges::push_heap(heap_, later);
}

bool EventQueue::run_one(MonoTime until) {
  if (heap_.empty() || heap_.front().when > until) {
    now_ = std::max(now_, until);
    return false;
  }
  std::ranges::pop_heap(heap_, later);
  const Event event = std::move(heap_.back());
  heap_.pop_back();
  now_ = event.when;
  ++ran_;
  event.what();
  return true;
}

}  // namespace metalmesh::sim
