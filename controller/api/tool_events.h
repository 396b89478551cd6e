// What happens, told to tools over the broker as CloudEvents: the events of the log in their order, and rollouts as they are by
// now, to each tool what it may see by REST, below its own name. Pure but for reading the log.
//
// At least once to the broker, with ids that stay the same: what is said goes out in batches between two words of the
// controller to itself. When both have come back the next batch follows; when they have not, the same is said again,
// once the broker is seen to carry anything. So one batch is on its way at most, a slow broker slows nothing but this,
// and nothing is held for it but a place in the log and in the change feed.
//
// In memory alone: after a start it begins a little before the end of the log, and whoever missed more sees that by `previousid`.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/ports/store.h"
#include "common/turn/outcome.h"
#include "controller/api/change_page.h"
#include "controller/api/cloud_event.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

class ToolEvents {
 public:
  static constexpr std::string_view timer_prefix = "tools/";
  static constexpr Duration echo_within = std::chrono::seconds(5);
  /// Nothing is kept at the broker for who comes later: rollouts that are under way are told again so often.
  static constexpr Duration again_every = std::chrono::minutes(1);
  static constexpr std::uint64_t told_again_after_start = 256;

  /// References must outlive it; `state` is what the rows say.
  ToolEvents(const RowReader& rows, const MeshState& state);

  /// What memory holds is durable.
  void committed();
  /// True when the message was the controller's own.
  bool echoed(const MessageArrived& message, Outcome& out);
  void fired(std::string_view token);
  /// Says what there is to say. Cheap when that is nothing.
  void pump(const Now& now, Outcome& out);

 private:
  struct Place {
    std::uint64_t event = 0;                      // told up to here
    std::uint64_t change = 0;                     // likewise
    std::map<std::string, std::string> previous;  // tool -> the id of the event it was told last
    std::set<std::string> again;                  // rollouts that are to be told again
  };
  [[nodiscard]] bool has_more() const;
  void say_events(const std::vector<Principal>& tools, std::vector<Publish>& batch);
  void say_changes(const std::vector<Principal>& tools, std::vector<Publish>& batch);
  void say_again(const std::vector<Principal>& tools, std::vector<Publish>& batch);
  void say_rollout(const std::vector<Principal>& tools, std::uint64_t number, std::vector<Publish>& batch);
  [[nodiscard]] Publish mark(std::string_view end) const;

  const RowReader& rows_;
  const MeshState& state_;
  ChangeTeller teller_;
  std::uint64_t newest_event_ = 0;
  std::uint64_t newest_change_ = 0;
  Place confirmed_;
  Place told_;
  std::uint64_t batch_ = 0;  // the number of the last one
  bool waiting_ = false;     // for its echo
  bool begun_ = false;       // its first word came back
  bool carries_ = false;     // the broker carried the last one
  bool ticks_ = false;
};

}  // namespace metalmesh::controller
