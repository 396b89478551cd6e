// Places in the change feed, as readers hold them, and changes as they are told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "controller/api/api_request.h"
#include "controller/api/change_filter.h"
#include "controller/api/problem.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// How far a reader has got, as text "<life>-<number>". One that began with nothing and has not yet been told of
/// everything needs no tombstones from before it began: "<life>-<floor by then>.<number>".
struct FeedPosition {
  std::uint64_t after = 0;
  std::uint64_t begun = 0;  // the floor when it began with nothing

  static FeedPosition beginning(const MeshState& state) { return {0, state.changes.floor()}; }
  static FeedPosition now(const MeshState& state) { return {state.changes.last(), 0}; }
  /// Deletes that it was not told of are forgotten.
  [[nodiscard]] bool is_lost(const MeshState& state) const;
  [[nodiscard]] std::string text(const MeshState& state) const;
};

/// Refuses with 400 what is none, with 410 what nobody can go on from; "0" is the beginning.
std::expected<FeedPosition, Problem> feed_position(const std::string& text, const std::string& field,
                                                   const MeshState& state);

/// Changes as JSON (rest::Change). What many readers are told in one turn is made once.
class ChangeTeller {
 public:
  explicit ChangeTeller(const MeshState& state) : state_(state) {}

  struct Line {
    std::uint64_t number = 0;
    std::string json;  // empty: nothing of it is for this reader
  };
  /// The next change behind `place`, up to `newest`, to which `place` then moves; nothing when there is none.
  std::optional<Line> next(FeedPosition& place, std::uint64_t newest, const ChangeFilter& filter);
  /// Objects may change from here on.
  void end_turn() { objects_.clear(); }

 private:
  std::string object_of(const ChangeFeed::Change& change, const Principal& who);

  const MeshState& state_;
  std::map<std::uint64_t, std::string> objects_;  // by number: ,"server":{...}
};

/// Changes behind ?after= as one page; `next` is always there. Without `after` it is the place where the feed is now.
ApiResult list_changes(const ApiRequest& request, const MeshState& state);

}  // namespace metalmesh::controller
