// What an apply or a delete may do to a server, and what a change of its spec sets off.
#pragma once

#include "controller/core/field_rules.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

/// `old` is null when it is new.
rules::Verdict may_change_server(const Work& work, const rest::Server* old, const rest::Server& server,
                                 const IdentitiesToBe* to_be = nullptr);
/// Stores it: what was seen at another address is forgotten, what is known of its machine is not.
void store_server(Work& work, const rest::Server* old, rest::Server server);
/// A server that is more than a name goes only by its serial.
rules::Verdict may_delete_server(const rest::Server& server, const std::string& confirm);

/// What a person types to show which machine she means: its serial; without one its UUID, else its name.
std::string confirmation_of(const rest::Server& server);
/// The same of what its BMC reports now.
std::string confirmation_of(const rest::ServerIdentity& seen);

}  // namespace metalmesh::controller
