// Who may do what, and see what: the one place that every way into the controller asks, REST today and tools on the bus
// later. Pure: a caller, what is asked for, and the mesh as it is.
//
// Beyond the role: who is bound to sites sees and changes what is of those alone, and reads what all share; what is not
// hers to see is not there. Who is bound to actions orders those, and stops things. What stops something is asked for no
// more than to be seen.
#pragma once

#include <optional>
#include <string>

#include "controller/api/access.h"
#include "controller/api/routes.h"
#include "controller/core/operator_request.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Why a route is not for this caller, whatever it is asked for; nothing: it is.
std::optional<Refusal> route_refused(const Principal& who, const Route& route);
/// Why this caller may not ask for that; nothing: the core decides.
std::optional<Refusal> request_refused(const Principal& who, const OperatorRequest& request,
                                       const MeshState& mesh);

inline bool sees(const Principal& who, const Reach& reach) { return reach.is_within(who.sites); }
/// Any object or deployment.
template <class T>
bool sees(const Principal& who, const MeshState& mesh, const T& object) {
  return who.sites.empty() || sees(who, reach_of(mesh, object));
}
/// Of what nobody can tell any more whom it concerned, who is bound is not told.
bool sees(const Principal& who, const MeshState& mesh, const rest::LogEvent& event);

/// The object as this caller sees it: what all share says nothing of others' sites.
rest::Image shown_to(const Principal& who, rest::Image image);
rest::Controller shown_to(const Principal& who, rest::Controller controller);
rest::StartPaceList shown_to(const Principal& who, rest::StartPaceList paces);

}  // namespace metalmesh::controller
