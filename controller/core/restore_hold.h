// A controller that was restored from a backup has forgotten what people did since: aborts, protections,
// resolves. So it holds: running rollouts hand nothing out, none is started, until a person has looked at
// what differs from what the sites tell and lets it go on. Calling back, protecting and resolving work as
// ever.
#pragma once

#include <string>

#include "common/base/command_words.h"
#include "controller/core/work.h"

namespace metalmesh::controller {

/// With another reason beside it when it holds already.
void begin_hold(Work& work, const std::string& reason);

/// Another controller runs with our identity (a copied machine): nothing is handed out until a person said
/// which one goes on, by letting it continue. That one begins a new epoch, which the other one's orders are
/// refused by.
void hold_for_foreign(Work& work, const std::string& site, const ForeignController& foreign);

/// Site `site` was told of an event that this store does not have: it was put back to an older copy. Told once
/// for what is missing.
void hold_for_missing(Work& work, const std::string& site, const std::string& event);

/// The journal of `site` is lost as well: what the store that went back calls pending may have been handed
/// out there since, and nobody can say any more: INDETERMINATE. Nothing unless this controller was restored
/// and had not heard the site since.
void doubt_pending(Work& work, const std::string& site);

/// The same of an agent that came into quarantine: it may have been put back as well. Its machines are doubted
/// once it begins anew.
void doubt_in_quarantine(Work& work, const std::string& site);

/// What is pending at `site` was not handed out, and that is known: its agent was heard in this life of the
/// controller, and one of the two, agent or store, has forgotten nothing.
[[nodiscard]] bool known_unissued(const Work& work, const std::string& site);

/// While it holds: what a site tells otherwise than the store that was restored. The newest word about each
/// deployment (or server, or site) counts; without a hold nothing is noted.
void note_difference(Work& work, rest::HoldDifference difference);

inline rest::HoldDifference difference(const std::string& site, const std::string& server,
                                       const std::string& deployment, const std::string& was,
                                       const std::string& is) {
  rest::HoldDifference one;
  one.set_site(site);
  one.set_server(server);
  one.set_deployment(deployment);
  one.set_was(was);
  one.set_is(is);
  return one;
}

/// Running rollouts of a controller that holds are held.
void hold_rollouts(Work& work);

/// For refusals.
inline std::string after_a_look() {
  return "metalmesh controller status shows what differs; if that is as it should be: " + commands::go_on();
}

}  // namespace metalmesh::controller
