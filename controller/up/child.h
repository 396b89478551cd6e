// One program run as a child. It reads nothing, writes to a log file, has a process group of its own (so that
// ctrl-C reaches only us, and we stop the children in order) and dies with us, even if we are killed.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace metalmesh::up {

struct Command {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::filesystem::path log;  // appended to
};

class Child {
 public:
  /// Call it on the main thread only: a child dies with the thread that started it.
  static Result<Child> start(const Command& command);
  Child(Child&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }
  Child& operator=(Child&& other) noexcept;
  /// Kills it, if it still runs.
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// How it ended, once: "exit code 2", "killed by signal 9 (Killed)". Nothing while it runs.
  std::optional<std::string> ended();

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;  // -1: ended and reaped
};

}  // namespace metalmesh::up
