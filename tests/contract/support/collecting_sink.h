// A sink that keeps what arrives and lets a test wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/ports/sink.h"

namespace metalmesh::contract {

class CollectingSink : public Sink {
 public:
  void deliver(Input input) override {
    const std::scoped_lock lock(mutex_);
    inputs_.push_back(std::move(input));
    news_.notify_all();
  }

  /// The first input of type T that `accept` likes, waiting for it at most `patience`; it is removed.
  template <class T>
  std::optional<T> next(
      std::function<bool(const T&)> accept = [](const T&) { return true; },
      std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    std::optional<T> found;
    news_.wait_for(lock, patience, [&] {
      for (auto it = inputs_.begin(); it != inputs_.end(); ++it) {
        if (auto* value = std::get_if<T>(&*it); value != nullptr && accept(*value)) {
          found = std::move(*value);
          inputs_.erase(it);
          return true;
        }
      }
      return false;
    });
    return found;
  }

  /// How many of type T lie here now.
  template <class T>
  std::size_t count() {
    const std::scoped_lock lock(mutex_);
    std::size_t found = 0;
    for (const Input& input : inputs_) found += std::holds_alternative<T>(input) ? 1 : 0;
    return found;
  }

  std::vector<Input> all() {
    const std::scoped_lock lock(mutex_);
    return inputs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  std::vector<Input> inputs_;
};

}  // namespace metalmesh::contract
