// The table of actions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "controller/core/actions/action.h"

namespace metalmesh::controller {

/// In the order in which they are told.
std::span<const Action* const> all_actions();
/// nullptr: there is none of this name.
const Action* action_named(std::string_view name);
/// Of a rollout that was checked. Without a name it is an install: who does not say what it does may wipe.
const Action& action_of(const rest::RolloutSpec& spec);
const Action& action_of(const rest::Deployment& deployment);
const Action& action_of(const wire::Agreed& agreed);

/// The first field of another action that this spec has.
rules::Verdict check_fields(const Action& action, const rest::RolloutSpec& spec);

/// What cannot have happened is not kept, whoever told it: an action that wipes nothing leaves the disk as it was, and
/// of one that may wipe an end that nobody knows leaves it unknown.
void keep_to_nature(rest::Deployment& deployment);
/// Nobody knows what became of it: disk and fault say so, and what a person does; `first` of all.
void outcome_unknown(rest::Deployment& deployment, const std::string& seen,
                     const std::string& first = "look at the server");

}  // namespace metalmesh::controller
