// Reads that are no objects: deployments, the event log as JSON, version and health.
#pragma once

#include <string>

#include "common/base/time.h"
#include "common/families/family_catalogue.h"
#include "common/ports/store.h"
#include "controller/api/api_request.h"
#include "controller/api/problem.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

ApiResult list_deployments(const ApiRequest& request, const MeshState& state);
ApiResult get_deployment(const ApiRequest& request, const MeshState& state);
/// JSON lines, as the site wrote them; 503 while they are coming.
ApiResult get_transcript(const ApiRequest& request, const MeshState& state, const RowReader& rows);
/// All of a plan, page by page; ?after= names the last page that was read.
ApiResult get_plan(const ApiRequest& request, const MeshState& state, const RowReader& rows);
/// Committed events after ?after=, filtered. A page may be shorter than `limit` and still have a `next`: a
/// request reads a bounded part of the log.
ApiResult list_events(const ApiRequest& request, const MeshState& state, const RowReader& rows,
                      const Now& now);
/// The OS families this controller knows. They are few and have no labels: always all, in one page. A site
/// may know more.
/// One of reference_texts(), as a document that needs nothing else.
ApiReply get_reference_text(std::string_view name, std::string_view type);
ApiResult list_families(const ApiRequest& request, const families::FamilyCatalogue& families);
ApiResult get_family(const ApiRequest& request, const families::FamilyCatalogue& families);
/// What a site found the last time it was asked which BMCs stand there; while it looks, how far it is.
ApiResult get_discovery(const ApiRequest& request, const MeshState& state);
/// Ceilings of starts, and what of them is used; servers that were unprotected without an approver.
ApiReply get_limits(const ApiRequest& request, const MeshState& state, const Now& now);
/// Whether it was restored and holds, and what differs.
ApiReply get_controller(const ApiRequest& request, const MeshState& state);
ApiReply get_version(const std::string& version, const MeshState& state);
/// What a support bundle needs and no other request tells: configuration, sizes of the tables, clocks.
ApiReply get_support(const std::string& version, const std::string& configuration, const MeshState& state,
                     const Now& now);
/// 503 only for what keeps the controller from taking work; a broker that is away is shown, not counted,
/// because restarting the controller would not bring it back.
/// `unreadable`: what could not be read of the store since the start; damage costs no more than itself, so that it is
/// shown and not counted either. Names of rows, and so of servers, are for those who may see all sites.
ApiReply get_health(const Principal& who, const MeshState& state, bool bus_up, const std::string& unreadable);

}  // namespace metalmesh::controller
