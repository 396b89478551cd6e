// The commands that messages, faults, plans and help texts advise: one place makes them, and a test parses
// each with the grammar of the program it names, as it does every command in other texts. Pure.
//
// What only the reader knows is an upper-case word (USER, TEXT) in the place of a value, so that a command
// parses as it stands. Names may be placeholders of a caller's own ("{server}").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace metalmesh::commands {

// On the agent's host of a site: BMC passwords are there and nowhere else.
std::string set_credential(std::string_view name);
std::string release_credential(std::string_view name);
/// "on the site's agent host: <command>"
std::string on_agent_host(std::string_view command);
/// What to do about a credential that BMCs refuse: both of the above.
std::string mend_credential(std::string_view name);

/// Of the agent's store: orders of this machine up to a number that the person knows are over.
/// `through`: 0 leaves the number to the reader.
std::string settle_fence(std::string_view row, std::uint64_t through = 0);
/// Of the agent's store: a person looked, and what was lost with the row is as it should be.
std::string settle_row(std::string_view row);

// Anywhere with a token.
std::string inspect(std::string_view server);
std::string accept(std::string_view server);
std::string unprotect(std::string_view server);
/// It is in use: never in a plan.
std::string adopt(std::string_view server);
/// What it holds may go.
std::string release_for_install(std::string_view server);
std::string reidentify(std::string_view server);
std::string replace(std::string_view server);
/// Takes away what a lost agent left on its BMC.
std::string clean(std::string_view server);
/// `flags`: more of `metalmesh install`, such as "--reinstall".
std::string install(std::string_view server, std::string_view flags = {});
/// `flags`: more of `metalmesh boot-iso`, such as "--in-use".
std::string boot_iso(std::string_view image, std::string_view server, std::string_view flags = {});
/// `change` as it is typed: "off", "bmc-reset", ...
std::string power(std::string_view change, std::string_view server);
/// What stands in the way of an install; `flags`: more of it, such as "--mount-test".
std::string doctor(std::string_view server, std::string_view flags = {});
/// BMCs of a network are logged in to for a while, whatever key they show.
std::string first_contact(std::string_view site, std::string_view network);
/// Which BMCs stand in a range of a site's addresses.
std::string discover(std::string_view site);
std::string stop_discovery(std::string_view site);
/// What was found the last time; `flags`: more of it, such as "-o yaml".
std::string last_discovery(std::string_view site, std::string_view flags = {});
/// `deed` as it is typed: "clear-jobs", "set-clock", ...
std::string bmc(std::string_view deed, std::string_view server, std::string_view flags = {});
/// A hardware type, as `server` is.
std::string capture_hardware(std::string_view type, std::string_view server);
/// What sites found in an image.
std::string inspect_image(std::string_view image);
/// Sites fetch it, and look into it.
std::string prefetch_image(std::string_view image);
/// `kind` as `metalmesh get` takes it.
std::string describe(std::string_view kind, std::string_view name);
std::string list(std::string_view kind);
/// Decides what nobody can know; `of` is a server's name or a deployment's id.
std::string resolve(std::string_view of, std::string_view as = "failed");
/// The same where the reader decides: names the other outcomes, too.
std::string resolve_either_way(std::string_view of);

/// After a restore.
std::string go_on();
/// Where the authority's key is.
std::string renew_revocations();
/// A row of the controller's store that was damaged: what rested on it was put right.
std::string settle_damage(std::string_view row);
/// Vouches for the agent that lives.
std::string clear_quarantine(std::string_view site);
/// Of two agents under one site's name, the one that has this journal is the right one.
std::string choose_agent(std::string_view site, std::string_view journal);
/// `serial` is what its BMC reports now.
std::string confirm_identity(std::string_view act, std::string_view server, std::string_view serial);

/// What was said with its BMC.
std::string transcript(std::string_view deployment);
/// Calls one back; `of` is a server's name or a deployment's id.
std::string cancel(std::string_view of);
std::string plan(std::string_view rollout);
/// The reader has the file.
std::string apply();
std::string stop(std::string_view rollout);
std::string pause(std::string_view rollout);
/// The next wave, or what is left of this one; `accept`: failures that count no more.
std::string go_on_with(std::string_view rollout, std::uint32_t wave, std::uint32_t servers,
                       std::uint32_t accept = 0);
/// `whom`: "--site par1", "--server s1".
std::string skip(std::string_view rollout, std::string_view whom);
std::string watch(std::string_view rollout);

}  // namespace metalmesh::commands
