// Ceilings that are always on: how many machines may be wiped within an hour, of one site and by one person or tool, across
// all rollouts. Beyond them starts wait; nothing is refused. And two hundred rollouts of one server are one: when installs
// of one person and profile fail behind the wipe while others of hers are under way, the rest is recalled.
//
// What was started is counted in rows of its own (record::StartPace), so that neither a restart nor a deleted rollout
// forgets it. An hour is counted in minutes that begin and end whole: it is never shorter than that.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/actions/action.h"
#include "controller/state/mesh_state.h"
#include "schemas/record/controller.pb.h"

namespace metalmesh::controller {

struct Work;

/// Its starts are counted: they write disks, or may.
inline bool is_paced(const Nature& action) { return action.wipes || action.runs_anything; }

// Whose ceiling it is: the key of its row.
std::string pace_of_site(const std::string& site);
std::string pace_of_actor(const std::string& actor);

/// How many may be handed out now.
std::uint32_t starts_left(const MeshState& mesh, const Now& now, const std::string& whose);
/// Until the last of so many may be, if all of them go as soon as they may.
Duration pace_delay(const MeshState& mesh, const Now& now, const std::string& whose, std::uint32_t starts);
/// "312 > 200/h at par1: +60 min", for each ceiling that a rollout of so many by this actor comes to.
std::vector<std::string> pace_warnings(const MeshState& mesh, const Now& now, const std::string& actor,
                                       const std::map<std::string, std::uint32_t>& sites,
                                       Duration start_within);
/// What a rollout that has more to hand out waits for; empty: for no ceiling.
std::string paced_by(const MeshState& mesh, const Now& now, const rest::Rollout& rollout,
                     const std::vector<std::string>& sites);

/// It is handed out.
void count_start(Work& work, const rest::Deployment& deployment);
/// It ended: whether that counts, beside others that are under way.
void count_end(Work& work, const rest::Deployment& deployment);
/// Why this person starts no more of what this rollout does, for now; nothing: she may.
std::optional<std::string> burst_stopped(const MeshState& mesh, const Now& now, const std::string& actor,
                                         const rest::Rollout& rollout);

/// Why an operator may not unprotect a server by herself now; nothing: she may, and `broke_glass` is told.
std::optional<std::string> glass_refused(const MeshState& mesh, const Now& now);
void broke_glass(Work& work, rest::BreakGlass glass);

/// As people see them, those that count something.
rest::StartPaceList paces_shown(const MeshState& mesh, const Now& now);

}  // namespace metalmesh::controller
