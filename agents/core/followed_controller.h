// Which controller this agent obeys. Every start of a controller draws an instance; a restart of the one that
// is followed says that it comes after it, and is followed at once. Two that live with one identity (a copied
// machine) are told apart by that: while the one that is followed was heard within minutes, another one is
// refused, and both controllers learn of each other from this agent's Hellos. A higher epoch is a person's
// word and outranks that. Pure.
#pragma once

#include <optional>
#include <string>

#include "common/base/time.h"
#include "schemas/record/agent.pb.h"
#include "schemas/wire/frames.pb.h"

namespace metalmesh::agent {

class FollowedController {
 public:
  /// `patience`: how long the followed one may be silent before another one is followed.
  explicit FollowedController(Duration patience) : patience_(patience) {}

  /// The followed one gets its time, whenever this agent last heard it.
  void on_started(const record::LinkState& state, const Now& now);

  enum class Verdict { obey, followed, refused };
  /// Of a Welcome that answers a Hello of ours. `followed`: `state` has changed, another one is obeyed from
  /// now on.
  Verdict judge(const wire::Welcome& welcome, record::LinkState& state, const Now& now);
  /// May a frame of this instance be taken (empty: of a controller that says none)?
  [[nodiscard]] static bool is_followed(const std::string& instance, const record::LinkState& state);

  /// The part of a Hello that is about controllers.
  void fill(wire::Hello& hello, const record::LinkState& state, const Now& now) const;
  /// The one that is refused now; empty: none is.
  [[nodiscard]] std::string refused(const Now& now) const;

 private:
  struct Other {
    std::string instance;
    google::protobuf::Timestamp since;
    MonoTime heard;
  };
  [[nodiscard]] bool lives(const Now& now) const;
  void follow(const wire::Welcome& welcome, record::LinkState& state, const Now& now);

  Duration patience_;
  std::optional<MonoTime> heard_;  // the followed one
  std::optional<Other> other_;
};

}  // namespace metalmesh::agent
