#include "controller/core/settle.h"

#include <string>
#include <utility>
#include <vector>

#include "controller/core/rollout_runner.h"
#include "controller/core/site_care.h"

namespace metalmesh::controller {

void settle(Work& work) {
  if (std::exchange(work.moved, false)) run_rollouts(work);
  save_links(work);
  for (const rest::LogEvent& line : work.ledger.flush(work.out.rows, work.now.wall())) {
    std::vector<std::pair<std::string, std::string>> fields = {{"event", std::to_string(line.number())},
                                                               {"type", line.type()}};
    const auto add = [&](const char* name, const std::string& value) {
      if (!value.empty()) fields.emplace_back(name, value);
    };
    add("site", line.site());
    add("server", line.server());
    add("deployment", line.deployment());
    add("rollout", line.rollout());
    add("actor", line.actor());
    work.out.log(LogLevel::info, line.message(), std::move(fields));
  }
}

}  // namespace metalmesh::controller
