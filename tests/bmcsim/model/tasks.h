// The task service: what was answered 202, and how it ended.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/bmcsim/model/redfish_message.h"

namespace metalmesh::bmcsim {

struct Task {
  enum class Ends {
    at_due,     // at `due`
    with_host,  // when the host has inserted, or could not
    at_reset,   // with the host's next reset
  } ends = Ends::at_due;
  std::optional<MonoTime> due{};
  std::string failure{};                // why it failed; empty: it did not
  std::string failed_as = "Exception";  // its TaskState then
  std::string until_then = "Running";   // its TaskState before
  std::string name = "Insert";
};

class Tasks {
 public:
  /// 202 with the task and its monitor.
  RedfishReply begin(Task task, MonoTime now);
  [[nodiscard]] RedfishReply read(const std::string& path, MonoTime now) const;
  /// What waited for this end has ended.
  void end(Task::Ends ends, const std::string& failure, MonoTime now);
  void forget_all() { tasks_.clear(); }

 private:
  std::map<std::string, Task> tasks_;
  std::uint64_t next_id_ = 1;
};

}  // namespace metalmesh::bmcsim
