// Grounds against a server that several actions have. Pure.
#pragma once

#include <optional>
#include <ranges>
#include <string>

#include "controller/core/actions/action.h"

namespace metalmesh::controller {

struct Candidate {
  const PlanInput& plan;
  const rest::Server& server;
};

/// Why this candidate stays out, or nothing.
using Ground = std::optional<std::string>;

/// A row of the table that each action has of its grounds. `Of` is what the ground looks at.
template <class Of>
struct Rule {
  const char* reason;
  Ground (*ground)(const Of&);
  bool may_have_changed = false;
};

template <class Of, std::ranges::range Rules>
std::optional<Exclusion> first_of(const Rules& rules, const Of& of) {
  for (const Rule<Of>& rule : rules) {
    if (Ground ground = rule.ground(of))
      return Exclusion{rule.reason, std::move(*ground), rule.may_have_changed};
  }
  return std::nullopt;
}

namespace grounds {
Ground excluded_by_name(const Candidate& c);
Ground retired(const Candidate& c);
Ground site_unknown(const Candidate& c);
/// Outside of the networks that its site names.
Ground bmc_not_allowed(const Candidate& c);
Ground busy(const Candidate& c);
Ground blocked(const Candidate& c);
Ground not_fenced(const Candidate& c);
/// Not said of what was never inspected.
Ground not_identified(const Candidate& c);
Ground never_inspected(const Candidate& c);
Ground key_unknown(const Candidate& c);
/// Its power is the installer's business, also when the order has ended and its medium is in still.
Ground may_still_run(const Candidate& c);
// Of what goes in by virtual media.
Ground no_virtual_media(const Candidate& c);
/// Against poweredOn: refuse.
Ground powered_on(const Candidate& c);
/// Against poweredOn: graceful.
Ground no_shutdown(const Candidate& c);
}  // namespace grounds

/// The deployment that has to end before this action may be ordered of the server; nullptr: none.
const rest::Deployment* in_the_way(const MeshState& mesh, const rest::Server& server, const Action& action);

}  // namespace metalmesh::controller
