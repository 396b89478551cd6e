// What the controller owes a site beyond orders: its settings, the inspections somebody wants, a truthful
// status, and a new beginning after a restore or a lost journal.
#pragma once

#include <string>

#include "controller/core/controller_core.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

/// One link per applied site, none for others.
void ensure_links(Work& work, const RowReader& rows, const ControllerLimits& limits);
/// Sends what is owed to `site`, if it takes commands now.
void serve_site(Work& work, const std::string& site);
/// A line of the event log: an agent is refused because another one under the same name lives.
void note_newcomer(Work& work, const std::string& site, const Newcomer& newcomer);
/// Live status from the link; a site that falls silent or comes back gets a line in the event log.
void refresh_site(Work& work, const std::string& site);
/// Inspections and images that were asked for over a command journal that is gone are asked for anew.
void repeat_wishes(Work& work, const std::string& site);
/// A higher epoch than `seen` and ours; every site is asked what it knows before anything is issued to it.
void raise_epoch(Work& work, std::uint64_t seen);
/// This controller was restored: a higher epoch than any agent has seen, and every site is asked what it
/// knows before anything is issued to it.
void begin_epoch(Work& work, std::uint64_t seen, const std::string& evidence);
/// A new command journal for this site alone: nothing is issued to it before it has reported its fences.
void relearn_site(Work& work, const std::string& name, const std::string& why);
/// Rows of links that changed.
void save_links(Work& work);

}  // namespace metalmesh::controller
