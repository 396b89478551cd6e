// What is known of one machine, and the rules by which two accounts of it become one. The facts hang on the
// machine, never on the object that stands for it: objects come and go, and its disks do not care.
//
// Every rule errs to the careful side: what is put together is at least as much in use, protected and unclear
// as each part was. Only a person's decision about this very machine lowers a fact. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schemas/record/controller.pb.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller::machines {

using Names = std::vector<std::string>;  // "uuid=...", "serial=...", "mac=...", "address=site/host", "id=..."

/// The usable ones, normal and sorted.
Names names_of(const rest::ServerIdentity& identity);
/// The name of what stands at an address and was never seen.
std::string address_name(const std::string& site, const std::string& address);
/// Both have a UUID, or both a serial, and none in common: two machines, or one with another board.
bool contradicts(const Names& one, const Names& other);
bool share_a_name(const Names& one, const Names& other);
Names names_of(const record::Machine& machine);

/// `into` becomes at least what `from` is. Names stay as they are, and a block is for whom it was said.
void inherit(record::Machine& into, const record::Machine& from);
/// Both are one machine: as inherit, with the names of both. What is only said gives way to what was seen.
void join(record::Machine& into, const record::Machine& from);
/// Raises the use, never lowers it; the note is that of the higher one.
void raise_use(record::Machine& machine, record::Machine::Use use, const std::string& note,
               const google::protobuf::Timestamp& since);

/// Never in a plan before somebody who knows it says so.
bool is_protected(const record::Machine& machine);
/// The phase that its facts give an object; empty: they give none, identity decides.
std::string_view phase_of(const record::Machine& machine);
/// What is on it, for people: "rocky-9 since 2026-03-02 04:10:07 UTC", "in use, not ours", "empty".
std::string holds(const record::Machine& machine);
/// "new", "released", "inUse"
std::string_view word_of(record::Machine::Use use);

}  // namespace metalmesh::controller::machines
