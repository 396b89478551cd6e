// What a discovery comes to: servers as they could be applied, and how they compare with what was bought. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

/// A machine that should be there, by the number on its label.
struct ExpectedMachine {
  std::string serial;
  std::string name;  // that its server is to have; empty: whatever comes
};
/// One a line: its serial, or `serial,name`. A first line with those words says which column is which; other columns, empty
/// lines and what follows a # at the beginning of a line count for nothing. Kind invalid: with the line.
Result<std::vector<ExpectedMachine>> parse_serials(std::string_view text);

struct Proposal {
  struct Line {
    const rest::FoundServer* found = nullptr;
    bool expected = false;
  };
  std::vector<Line> lines;               // all that answers, in the order of the addresses
  std::vector<rest::Server> servers;     // that nobody has registered
  std::vector<ExpectedMachine> missing;  // nobody told these serials
  std::vector<std::string> unexpected;   // "SERIAL at ADDRESS"
  std::size_t untold = 0;                // BMCs that tell no serial without a login
};
/// `registered`: the serials of the site's servers, by name. Refers into `discovery`.
Proposal propose(const rest::Discovery& discovery, const std::string& site,
                 const std::vector<ExpectedMachine>& expected,
                 const std::map<std::string, std::string>& registered);

/// What was found, as a table and a few sentences; `compared`: with a list of serials.
std::string discovery_text(const rest::Discovery& discovery, const Proposal& proposal, bool compared);
/// The proposed servers as `metalmesh apply -f` takes them, those that are registered as remarks.
std::string proposal_yaml(const rest::Discovery& discovery, const Proposal& proposal);
/// "64 of 254 addresses looked at, 3 answer".
std::string progress_text(const rest::Discovery& discovery);

}  // namespace metalmesh::cli
