#include "tests/bmcsim/model/tasks.h"

#include <utility>

#include "tests/bmcsim/model/replies.h"

namespace metalmesh::bmcsim {
namespace {

constexpr std::string_view service = "/redfish/v1/TaskService";
constexpr std::string_view monitors = "/redfish/v1/TaskService/TaskMonitors/";

}  // namespace

RedfishReply Tasks::begin(Task task, MonoTime now) {
  const auto id = std::to_string(next_id_++);
  tasks_[id] = std::move(task);
  auto reply = read(std::string(service) + "/Tasks/" + id, now);
  reply.status = 202;
  reply.headers.emplace_back("Location", std::string(monitors) + id);
  return reply;
}

void Tasks::end(Task::Ends ends, const std::string& failure, MonoTime now) {
  for (auto& [id, task] : tasks_) {
    if (task.ends != ends || task.due) continue;
    task.due = now;
    task.failure = failure;
  }
}

RedfishReply Tasks::read(const std::string& path, MonoTime now) const {
  if (path == service) {
    return json_reply({{"@odata.id", path},
                       {"@odata.type", "#TaskService.v1_2_0.TaskService"},
                       {"Id", "TaskService"},
                       {"Name", "Tasks"},
                       {"Tasks", link(path + "/Tasks")}});
  }
  if (path == std::string(service) + "/Tasks") {
    std::vector<std::string> members;
    for (const auto& [id, entry] : tasks_) members.push_back(path + "/" + id);
    return json_reply(collection(path, "TaskCollection", "Tasks", members));
  }
  const bool monitor = path.starts_with(monitors);
  const auto it = tasks_.find(path.substr(path.rfind('/') + 1));
  if (it == tasks_.end()) return error_reply(404, "ResourceMissingAtURI", "no such task");
  const Task& known = it->second;
  const bool done = known.due && *known.due <= now;
  const bool failed = done && !known.failure.empty();
  if (monitor && done && !failed) return no_content();
  if (monitor && failed && known.failed_as != "Completed")
    return error_reply(500, "GeneralError", known.failure);
  boost::json::object value{{"@odata.id", std::string(service) + "/Tasks/" + it->first},
                            {"@odata.type", "#Task.v1_7_0.Task"},
                            {"Id", it->first},
                            {"Name", known.name},
                            {"TaskState", failed ? known.failed_as
                                          : done ? std::string("Completed")
                                                 : known.until_then},
                            {"TaskStatus", failed ? "Critical" : "OK"},
                            {"TaskMonitor", std::string(monitors) + it->first}};
  if (failed) {
    value["Messages"] = boost::json::array{boost::json::object{{"MessageId", "Base.1.13.GeneralError"},
                                                               {"Message", known.failure},
                                                               {"Severity", "Critical"},
                                                               {"Resolution", "See the message."}}};
  }
  return json_reply(std::move(value), monitor && !done ? 202 : 200);
}

}  // namespace metalmesh::bmcsim
