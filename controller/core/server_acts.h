// What the acts upon servers have in common.
#pragma once

#include <expected>
#include <string>

#include "controller/core/field_rules.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

std::expected<const rest::Server*, Refusal> server_named(const Work& work, const std::string& name);
/// `what` is a participle: "server s cannot be <what> now: ..."
rules::Verdict not_while_open(const Work& work, const rest::Server& server, const std::string& what);
/// A text for the audit log: at most 1024 bytes, and there if `needed`.
rules::Verdict note_verdict(const std::string& field, const std::string& text, bool needed);

/// What a BMC reported, without a vendor's placeholders.
rest::ServerIdentity usable_part(const rest::ServerIdentity& seen);
/// How many of uuid, serial and macs it has.
int fields_of(const rest::ServerIdentity& identity);

}  // namespace metalmesh::controller
