// Which changes of objects a reader wants: ?kind=Server,Rollout ?site= ?rollout= ?server= ?state= ?labelSelector=, all of
// which must match, as in the lists.
//
// Labels, the site of a server or a credential, and the state of a deployment may change, and a reader's position says
// nothing of what it was shown: a change of an object that does not match by those is told as a delete. Whoever was
// never shown it ignores that. What cannot change (its kind, whose deployment it is) hides it altogether. So does what
// the reader may not see: it is told of a delete where the object, or where it was moved from, was hers to see.
#pragma once

#include <set>
#include <string>

#include "controller/api/api_request.h"
#include "controller/api/label_selector.h"
#include "controller/api/problem.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

class ChangeFilter {
 public:
  /// Refuses with 400.
  static std::expected<ChangeFilter, Problem> of(const ApiRequest& request);

  enum class Told { object, gone, nothing };
  [[nodiscard]] const Principal& who() const { return who_; }
  [[nodiscard]] Told of(const MeshState& state, const ChangeFeed::Change& change) const;

 private:
  [[nodiscard]] bool concerns(const ChangeFeed::Object& object) const;
  [[nodiscard]] Told told(const rest::Deployment& deployment) const;
  template <class T>
  [[nodiscard]] Told told(const T& object) const;

  Principal who_;
  std::set<ChangeKind> kinds_;  // empty: all
  std::string site_;            // empty: any
  std::string rollout_;
  std::string server_;
  std::string state_;
  LabelSelector labels_;
};

}  // namespace metalmesh::controller
