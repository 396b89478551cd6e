// PUT, GET, DELETE and list, the same for all six kinds of objects. PUT never starts anything.
#pragma once

#include "common/ports/store.h"
#include "controller/api/api_request.h"
#include "controller/api/operate.h"
#include "controller/api/problem.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

ApiResult list_objects(const ApiRequest& request, const MeshState& state);
ApiResult get_object(const ApiRequest& request, const MeshState& state);
/// What servers are made of, as their rows have it; those of which nothing was read are not in the list.
ApiResult list_inventories(const ApiRequest& request, const MeshState& state, const RowReader& rows);
ApiResult get_inventory(const ApiRequest& request, const MeshState& state, const RowReader& rows);
/// Servers beside their hardware types; with ?type= those of one. Those that no type matches are not in the list.
ApiResult list_hardware(const ApiRequest& request, const MeshState& state, const RowReader& rows);
ApiResult get_hardware(const ApiRequest& request, const MeshState& state, const RowReader& rows);
ApiResult get_profile_version(const ApiRequest& request, const MeshState& state, const RowReader& rows);
/// What an install with this profile ("name" or "name@version") would make of ?server=, from ?image= if that is given.
ApiResult render_profile(const ApiRequest& request, const MeshState& state, const RowReader& rows);
ApiResult put_object(const ApiRequest& request, const MeshState& state, const Operate& operate);
ApiResult delete_object(const ApiRequest& request, const MeshState& state, const Operate& operate);

/// To a write that had to wait, as it would have been answered at once.
ApiReply written_reply(const ApiRequest& request, const Answer& answer);
Problem write_problem(const ApiRequest& request, Refusal why);

/// An object as clients see it, with its ETag; apiVersion and kind are always filled in.
ApiReply object_reply(const Object& object, int status);

}  // namespace metalmesh::controller
