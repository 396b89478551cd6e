#include "common/base/command_words.h"

namespace metalmesh::commands {
namespace {

std::string joined(std::string_view before, std::string_view name, std::string_view after = {}) {
  std::string out(before);
  out.append(name).append(after);
  return out;
}

}  // namespace

std::string set_credential(std::string_view name) {
  return joined("metalmesh-agent credential set ", name, " --username USER");
}
std::string release_credential(std::string_view name) {
  return joined("metalmesh-agent credential release ", name);
}
std::string settle_fence(std::string_view row, std::uint64_t through) {
  const std::string number = through == 0 ? "NUMBER" : std::to_string(through);
  return joined("metalmesh-agent store settle ", row, " --through " + number + " --note TEXT");
}
std::string settle_row(std::string_view row) {
  return joined("metalmesh-agent store settle ", row, " --note TEXT");
}
std::string on_agent_host(std::string_view command) { return joined("on the site's agent host: ", command); }
std::string mend_credential(std::string_view name) {
  return on_agent_host(set_credential(name)) + ", or, if it is right, " + release_credential(name);
}

std::string inspect(std::string_view server) { return joined("metalmesh inspect ", server, " --wait"); }
std::string accept(std::string_view server) { return joined("metalmesh server accept ", server); }
std::string unprotect(std::string_view server) {
  return joined("metalmesh server unprotect ", server, " --for 4h --reason TEXT");
}
std::string adopt(std::string_view server) { return joined("metalmesh server adopt ", server); }
std::string release_for_install(std::string_view server) {
  return joined("metalmesh server release-for-install ", server, " --reason TEXT");
}
std::string reidentify(std::string_view server) { return joined("metalmesh server reidentify ", server); }
std::string replace(std::string_view server) { return joined("metalmesh server replace ", server); }
std::string install(std::string_view server, std::string_view flags) {
  std::string out = joined("metalmesh install ", server, " --image IMAGE --profile PROFILE");
  return flags.empty() ? out : joined(out, " ", flags);
}
std::string boot_iso(std::string_view image, std::string_view server, std::string_view flags) {
  const std::string out = joined(joined("metalmesh boot-iso ", image, " "), server);
  return flags.empty() ? out : joined(out, " ", flags);
}
std::string power(std::string_view change, std::string_view server) {
  return joined(joined("metalmesh power ", change, " "), server);
}
std::string doctor(std::string_view server, std::string_view flags) {
  const std::string command = joined("metalmesh doctor server ", server);
  return flags.empty() ? command : joined(command, " ", flags);
}
std::string first_contact(std::string_view site, std::string_view network) {
  return joined(joined("metalmesh site first-contact ", site, " --network "), network,
                " --for 4h --reason TEXT");
}
std::string discover(std::string_view site) { return joined("metalmesh discover ", site, " --range RANGE"); }
std::string stop_discovery(std::string_view site) { return joined("metalmesh discover ", site, " --stop"); }
std::string last_discovery(std::string_view site, std::string_view flags) {
  const std::string command = joined("metalmesh discover ", site, " --last");
  return flags.empty() ? command : joined(command, " ", flags);
}
std::string bmc(std::string_view deed, std::string_view server, std::string_view flags) {
  const std::string command = joined(joined("metalmesh bmc ", deed), " ", server);
  return flags.empty() ? command : joined(command, " ", flags);
}
std::string describe(std::string_view kind, std::string_view name) {
  return joined(joined("metalmesh describe ", kind, " "), name);
}
std::string capture_hardware(std::string_view type, std::string_view server) {
  return joined(joined("metalmesh hardware-type capture ", type, " --from "), server, "");
}
std::string inspect_image(std::string_view image) { return joined("metalmesh image inspect ", image); }
std::string prefetch_image(std::string_view image) {
  return joined("metalmesh image prefetch ", image, " --site SITE");
}
std::string list(std::string_view kind) { return joined("metalmesh get ", kind); }
std::string resolve(std::string_view of, std::string_view as) {
  return joined(joined("metalmesh deployment resolve ", of, " --as "), as, " --note TEXT");
}
std::string transcript(std::string_view deployment) {
  return joined("metalmesh deployment transcript ", deployment);
}
std::string resolve_either_way(std::string_view of) {
  return resolve(of, "succeeded") + " (or --as failed, --as cancelled)";
}

std::string settle_damage(std::string_view row) {
  return joined("metalmesh controller settle ", row, " --reason TEXT");
}
std::string renew_revocations() { return "metalmesh pki renew-list --dir DIR"; }
std::string go_on() { return "metalmesh controller continue --reason TEXT"; }
std::string clean(std::string_view server) {
  return joined("metalmesh server clean ", server, " --reason TEXT");
}
std::string clear_quarantine(std::string_view site) {
  return joined("metalmesh site clear-quarantine ", site, " --note TEXT");
}
std::string choose_agent(std::string_view site, std::string_view journal) {
  return joined(joined("metalmesh site clear-quarantine ", site, " --journal "), journal, " --note TEXT");
}
std::string confirm_identity(std::string_view act, std::string_view server, std::string_view serial) {
  return joined(joined(joined("metalmesh server ", act, " "), server, " --confirm "), serial,
                " --reason TEXT");
}

std::string cancel(std::string_view of) {
  return joined("metalmesh deployment cancel ", of, " --reason TEXT");
}
std::string apply() { return "metalmesh apply -f FILE"; }
std::string plan(std::string_view rollout) { return joined("metalmesh rollout plan ", rollout); }
std::string stop(std::string_view rollout) {
  return joined("metalmesh rollout stop ", rollout, " --reason TEXT");
}
std::string pause(std::string_view rollout) {
  return joined("metalmesh rollout pause ", rollout, " --reason TEXT");
}
std::string go_on_with(std::string_view rollout, std::uint32_t wave, std::uint32_t servers,
                       std::uint32_t accept) {
  std::string out = joined("metalmesh rollout continue ", rollout, " --wave ") + std::to_string(wave);
  if (servers > 0) out += " --confirm " + std::to_string(servers);
  if (accept > 0) out += " --accept-failures " + std::to_string(accept);
  return out;
}
std::string skip(std::string_view rollout, std::string_view whom) {
  return joined(joined("metalmesh rollout skip ", rollout, " "), whom, " --reason TEXT");
}
std::string watch(std::string_view rollout) { return joined("metalmesh rollout watch ", rollout); }

}  // namespace metalmesh::commands
