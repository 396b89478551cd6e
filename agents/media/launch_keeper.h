// Which media a media process that is started again may serve before, or without, its agent: what the agent's orders
// mean for that. Pure; MediaClient puts it down in the data folder, the simulation in memory.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "schemas/wire/media.pb.h"

namespace metalmesh::media {

class LaunchKeeper {
 public:
  struct Keep {
    wire::Mount mount;  // LAUNCHED
  };
  struct Remove {
    std::string token;
  };
  struct RemoveAllBut {
    std::set<std::string> tokens;
  };
  using Step = std::variant<Keep, Remove, RemoveAllBut>;

  /// To be done before the process hears of the order, so that it never finds more than may be served.
  std::optional<Step> on_command(const wire::MediaCommand& command);

 private:
  std::map<std::string, wire::Mount> open_;  // what a verdict launches, by token
};

}  // namespace metalmesh::media
