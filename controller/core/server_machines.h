// Which machine an object stands for, and what is known of that machine, shown in the object's status.
//
// An object is bound to the first machine that its BMC reports without contradicting what was registered, and
// stays bound: an edit moves nothing. Until then it stands for a machine that nobody has seen, known by its
// address and by what the manifest says. Another machine behind the same object is a stranger, which nothing
// is ordered for before a person says what happened (machine_acts.cc).
#pragma once

#include <functional>
#include <string>

#include "controller/core/work.h"

namespace metalmesh::controller {

/// After an apply, `old` being what was there before (or null): gives the object a machine, and raises what
/// its spec says. Lowers nothing.
void enlist_machine(Work& work, const std::string& server, const rest::Server* old);
/// After an inspection, or after what it is compared with changed.
void recognise_machine(Work& work, const std::string& server);
/// A person said that the machine is what its BMC reports now: it is known by those names, too.
void take_reported_names(Work& work, const std::string& server);
/// What the BMC reports is not the machine that the object stands for.
bool reports_stranger(const Work& work, const rest::Server& server);
/// Edits the facts and shows them on every object of the machine; nothing when there is no such machine.
void change_machine(Work& work, const std::string& id, const std::function<void(record::Machine&)>& edit);
/// Copies the facts to the status of one object.
void show_machine(Work& work, const std::string& server);

/// The machine that an order of this deployment is, or was, for; empty when nobody knows.
std::string machine_of(const Work& work, const rest::Deployment& deployment);

}  // namespace metalmesh::controller
