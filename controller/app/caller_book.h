// Whose a token of a user is, as the committed rows have it: the turn tells after each commit that changed it, so that
// what was revoked, or whose user was disabled, is unknown as soon as that is durable. Asked on any thread, and without
// waiting for the store.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "controller/api/access.h"

namespace metalmesh::controller {

class CallerBook final : public Authenticator {
 public:
  /// Must outlive it. Whoever `first` knows is not looked for among the users.
  explicit CallerBook(const Authenticator& first) : first_(first) {}

  [[nodiscard]] std::optional<Principal> known(const std::string& sha256) const override {
    if (auto principal = first_.known(sha256)) return principal;
    const std::lock_guard lock(mutex_);
    const auto found = callers_.find(sha256);
    return found == callers_.end() ? std::nullopt : std::optional(found->second);
  }
  void learn(Callers callers) override {
    const std::lock_guard lock(mutex_);
    callers_ = std::move(callers);
  }

 private:
  const Authenticator& first_;
  mutable std::mutex mutex_;
  Callers callers_;
};

}  // namespace metalmesh::controller
