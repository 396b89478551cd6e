// Events of the log and changes of rollouts as CloudEvents 1.0: JSON in structured mode, which is what MQTT 3.1.1 has. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/ports/bus.h"
#include "controller/state/mesh_state.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// What is told to several tools is made once; `to` makes each one's message of it.
class CloudEvent {
 public:
  /// `event` has its id.
  static CloudEvent of(const rest::LogEvent& event);
  /// `data`: a rest::Change as JSON, of rollout `name`; `position`: where it stands in the change feed.
  static CloudEvent of_rollout(const std::string& name, const std::string& position, bool deleted,
                               WallTime at, std::string data);

  /// `previous`: the id of the event that this tool was told before; empty: nothing is said of what was before.
  [[nodiscard]] Publish to(const std::string& user, std::string_view previous) const;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  std::string id_;
  std::string below_;  // mm/tools/<user>/
  std::string attributes_;
  std::string data_;
};

}  // namespace metalmesh::controller
