// What a site tells beyond its deployments: inspections, credentials, images, and its fences after a restore.
#pragma once

#include <cstdint>
#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// Whether this machine can have got an order of that number; one that no controller has given says nothing.
bool is_possible_generation(const Work& work, const std::string& machine, std::uint64_t told);
void fold_inspected(Work& work, const std::string& site, const wire::Event& event);
/// What an order to inspect learned; the order ends by an event of its own.
void fold_ordered_inspection(Work& work, const rest::Deployment& deployment, const wire::Inspected& seen);
void fold_credential(Work& work, const std::string& site, const wire::Event& event);
void fold_image(Work& work, const std::string& site, const wire::ImageAtSite& report);
/// What its agent found when it looked at itself; an answer to an older question is nobody's.
void fold_site_diagnosed(Work& work, const std::string& site, const wire::SiteDiagnosed& answer);
/// All that wait at the site do so for one reason.
void fold_site_held(Work& work, const std::string& site, const wire::Held& held);
/// After a restore: raises every fence to what the site knows; with the last piece decides about orders in
/// doubt.
void fold_state_report(Work& work, const std::string& site, const wire::StateReport& report);

}  // namespace metalmesh::controller
