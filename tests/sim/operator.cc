#include "tests/sim/operator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "controller/state/deployment_states.h"
#include "tests/sim/endings.h"
#include "tests/sim/named_object.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;
using namespace controller;

constexpr unsigned most_works = 12;
constexpr Duration inspect_again = 5min;
constexpr std::uint32_t imports_again = 5;  // per mille of her looks
constexpr Duration thinks_about_quarantine = 3min;
constexpr Duration thinks_about_restore = 2min;
constexpr Duration thinks_about_damage = 3min;

}  // namespace

void Operator::look(ControllerCore& core, const Now& now, Outcome& out) {
  register_all(core, now, out);
  ask_as_wished(core, now, out);
  care_for_restore(core, now, out);
  care_for_damage(core, now, out);
  care_for_sites(core, now, out);
  care_for_servers(core, now, out);
  if (!resting_ && habits_.chance(swarm_.haste)) colleague(core, now, out);
  if (!resting_ && habits_.chance(swarm_.odd_wishes)) edit(core, now, out);
  if (!resting_ && random_.chance(imports_again)) import_again(core, now, out);
  if (!resting_ && random_.chance(swarm_.meddling)) meddle(core, now, out);
  if (!resting_ && random_.chance(swarm_.tidiness)) tidy_up(core, now, out);
  care_for_waves(core, now, out);
  care_for_rollouts(core, now, out);
  if (!resting_ && works_ < most_works && fingers_.chance(swarm_.works)) begin_work(core, now, out);
  if (!resting_) end_a_session(core, now, out);
  if (!resting_ && swarm_.thief) steal(core, now, out);
  if (!resting_ && eyes_.chance(swarm_.discoveries)) find_bmcs(core, now, out);
}

bool Operator::ask(ControllerCore& core, const Now& now, Outcome& out, decltype(OperatorRequest::body) body) {
  const bool by_key = !resting_ && habits_.chance(swarm_.haste);
  const OperatorRequest request{"operator", by_key ? "key-" + std::to_string(++keys_) : "", std::move(body)};
  const OperatorResult result = core.operate(request, now, out);
  take(request, result);
  if (by_key) ask_again(core, now, out, request, result.has_value());
  return result.has_value();
}

void Operator::ask_as_wished(ControllerCore& core, const Now& now, Outcome& out) {
  for (auto& body : std::exchange(wishes_, {})) {
    const auto* abort = std::get_if<StopRollout>(&body);
    const std::string aborts = abort == nullptr ? std::string() : abort->rollout;
    if (ask(core, now, out, std::move(body)) && !aborts.empty()) aborted_.insert(aborts);
  }
}

void Operator::ask_again(ControllerCore& core, const Now& now, Outcome& out, const OperatorRequest& request,
                         bool granted) {
  if (granted) {
    marks_.hit("a request was repeated by its key");
    if (!core.operate(request, now, out))
      trace_.violation(events_.now(), "answers_hold",
                       "a request that was granted is refused by the same key");
  }
  constexpr std::size_t most = 20;
  const bool harmless = std::holds_alternative<PlanRollout>(request.body) ||
                        std::holds_alternative<StartRollout>(request.body) ||
                        std::holds_alternative<StopRollout>(request.body) ||
                        std::holds_alternative<ResolveDeployment>(request.body) ||
                        std::holds_alternative<ProtectServer>(request.body);
  if (harmless && asked_.size() < most) asked_.push_back({"colleague", "", request.body});
}

void Operator::colleague(ControllerCore& core, const Now& now, Outcome& out) {
  if (asked_.empty()) return;
  const std::size_t which = habits_.below(asked_.size());
  const OperatorRequest request = asked_[which];
  asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(which));
  marks_.hit("a second person asked the same later");
  take(request, core.operate(request, now, out));
}

void Operator::take(const OperatorRequest& request, const OperatorResult& result) {
  if (!result) {
    trace_.remark(events_.now(), "operator",
                  "refused: " + result.error().field + ": " + result.error().message);
  } else if (result->later != 0) {
    waiting_.insert_or_assign(result->later, request);
  } else {
    grant(request);
  }
}

void Operator::hear(ControllerCore& core) {
  for (const auto& [number, result] : core.take_answers()) {
    marks_.hit("a plan was made in slices");
    const auto asked = waiting_.extract(number);
    if (asked.empty()) continue;
    take(asked.mapped(), result);
    const auto* plan = std::get_if<PlanRollout>(&asked.mapped().body);
    if (!result || plan == nullptr || !plan->rollout.starts_with("w")) continue;
    const rest::Plan& made = core.state().rollouts.at(plan->rollout).status().plan();
    if (made.server_count() > 0) wish(StartRollout{plan->rollout, made.digest(), made.server_count()});
  }
}

void Operator::grant(const OperatorRequest& request) {
  if (const auto* protect = std::get_if<ProtectServer>(&request.body)) {
    if (protect->protect) {
      protected_.insert(protect->server);
    } else {
      protected_.erase(protect->server);
    }
  }
  if (const auto* release = std::get_if<ReleaseServer>(&request.body)) protected_.erase(release->server);
  granted_(request);
}

/// What the answer file says of a server, in the middle of whatever happens to it.
void Operator::edit(ControllerCore& core, const Now& now, Outcome& out) {
  const auto& servers = core.state().servers;
  const auto found = servers.find(servers_[habits_.below(servers_.size())].name);
  if (found == servers.end()) return;
  rest::Server server = found->second;
  const std::string note = "edit " + std::to_string(++edits_);
  (*server.mutable_spec()->mutable_vars())["note"] = note;
  const bool under_way = !server.status().deployment().empty() && server.status().phase() == "installing";
  if (under_way) marks_.hit("a server was edited while its order was under way");
  server.clear_status();
  if (ask(core, now, out, Apply{server, {}})) notes_[server.metadata().name()] = note;
}

void Operator::register_all(ControllerCore& core, const Now& now, Outcome& out) {
  const MeshState& mesh = core.state();
  for (const std::string& name : sites_) {
    if (mesh.sites.contains(name)) continue;
    auto site = named<rest::Site>("Site", name);
    site.mutable_spec()->mutable_limits()->set_parallel(
        swarm_.bulk ? 10 : 1 + static_cast<std::uint32_t>(random_.below(3)));
    ask(core, now, out, Apply{site, {}});
  }
  if (!mesh.credentials.contains("bmc"))
    ask(core, now, out, Apply{named<rest::Credential>("Credential", "bmc"), {}});
  if (!mesh.images.contains("linux")) {
    auto image = named<rest::Image>("Image", "linux");
    image.mutable_spec()->set_family(std::string(endings[swarm_.ending].family));
    image.mutable_spec()->mutable_iso()->add_urls("https://images.example.net/linux.iso");
    image.mutable_spec()->mutable_iso()->set_sha256(image_sha256);
    ask(core, now, out, Apply{image, {}});
  }
  if (!mesh.profiles.contains("base")) {
    auto profile = named<rest::Profile>("Profile", "base");
    profile.mutable_spec()->set_family(std::string(endings[swarm_.ending].family));
    profile.mutable_spec()->mutable_template_()->set_inline_(answer_template(endings[swarm_.ending]));
    if (swarm_.asks) {
      profile.mutable_spec()->set_verify_in_installer(habits_.chance(500) ? "require" : "ifReachable");
      profile.mutable_spec()->mutable_template_()->set_inline_(answer_template(endings[swarm_.ending]) +
                                                               "{{{check.script}}}\n");
    }
    profile.mutable_spec()->mutable_max_run()->set_seconds(3600);
    profile.mutable_spec()->mutable_stall_after()->set_seconds(1200);
    auto& proof = *profile.mutable_spec()->mutable_proof();
    constexpr const char* proofs[] = {"poweroff", "poweroff", "booted", "booted", "reachable"};
    proof.set_minimum(proofs[random_.below(std::size(proofs))]);
    if (habits_.chance(swarm_.reachable)) proof.set_minimum("reachable");
    if (proof.minimum() == "reachable") {
      proof.set_port(22);
      proof.set_host_var("address");
    }
    proof.mutable_within()->set_seconds(600);
    if (swarm_.typed) {
      wire::Link& link = *profile.mutable_spec()->mutable_host()->mutable_network()->add_links();
      link.set_role("prod0");
      link.set_dhcp(true);
    }
    ask(core, now, out, Apply{profile, {}});
  }
  if (swarm_.typed && !mesh.hardware_types.contains("all")) {
    auto type = named<rest::HardwareType>("HardwareType", "all");
    type.mutable_spec()->set_manufacturer("*");
    type.mutable_spec()->set_model("Simulated Server");
    auto& memory = *type.mutable_spec()->mutable_expect()->mutable_memory();
    memory.set_size(std::uint64_t{wanted_memory_gib} << 30U);
    memory.set_must(true);
    (*type.mutable_spec()->mutable_nics())["prod0"];  // the only one there is
    ask(core, now, out, Apply{type, {}});
  }
  for (const ServerToRegister& wanted : servers_) {
    const auto found = mesh.servers.find(wanted.name);
    if (found == mesh.servers.end()) {
      register_server(core, now, out, wanted, !wanted.holds_system);
    } else if (found->second.spec().site() != wanted.site) {
      if (ask(core, now, out, MoveServer{wanted.name, wanted.site, wanted.address, ""}))
        marks_.hit("a server was moved with all that is known of it");
    }
  }
}

void Operator::register_server(ControllerCore& core, const Now& now, Outcome& out,
                               const ServerToRegister& wanted, bool as_new) {
  auto server = named<rest::Server>("Server", wanted.name);
  auto& spec = *server.mutable_spec();
  spec.set_site(wanted.site);
  spec.mutable_bmc()->set_address(wanted.address);
  spec.mutable_bmc()->set_credential("bmc");
  spec.mutable_identity()->set_uuid(wanted.uuid);
  spec.mutable_identity()->set_serial(wanted.serial);
  spec.set_protected_(wanted.precious && !wanted.holds_system);
  (*spec.mutable_vars())["address"] = wanted.name;
  if (const auto note = notes_.find(wanted.name); note != notes_.end())
    (*spec.mutable_vars())["note"] = note->second;
  if (as_new) spec.set_state("new");
  ask(core, now, out, Apply{server, {}});
}

void Operator::import_again(ControllerCore& core, const Now& now, Outcome& out) {
  const ServerToRegister& wanted = servers_[random_.below(servers_.size())];
  if (!core.state().servers.contains(wanted.name)) return;
  if (!ask(core, now, out, Delete{"Server", wanted.name, {}, wanted.serial})) return;
  marks_.hit("a server was deleted and imported again as new");
  register_server(core, now, out, wanted, true);
}

void Operator::care_for_machine(ControllerCore& core, const Now& now, Outcome& out,
                                ServerToRegister& wanted) {
  const rest::ServerStatus status = core.state().servers.at(wanted.name).status();
  const auto identified = std::ranges::find(status.conditions(), "Identified", &rest::Condition::type);
  if (identified != status.conditions().end() && identified->reason() == "MISMATCH" &&
      status.seen().serial() == wanted.serial && status.seen().uuid() != wanted.uuid) {
    if (ask(core, now, out, ReidentifyServer{wanted.name, wanted.serial, "it got another board"})) {
      marks_.hit("a server with another board was reidentified");
      wanted.uuid = status.seen().uuid();
    }
  }
  if (status.phase() != "inUse") return;
  if (!wanted.precious) {
    if (ask(core, now, out, ReleaseServer{wanted.name, "nobody needs it"}))
      marks_.hit("a server in use was released");
  } else if (!status.protected_() || random_.chance(100)) {
    ask(core, now, out, AdoptServer{wanted.name, "it is somebody's"});
  }
}

void Operator::moved(const std::string& server, const std::string& site, const std::string& address) {
  for (ServerToRegister& wanted : servers_) {
    if (wanted.name != server) continue;
    wanted.site = site;
    wanted.address = address;
  }
}

void Operator::care_for_restore(ControllerCore& core, const Now& now, Outcome& out) {
  if (!core.state().hold) {
    held_since_.reset();
    return;
  }
  if (!held_since_) held_since_ = events_.now();  // the controller's machine may start anew meanwhile
  if (events_.now() - *held_since_ < thinks_about_restore) return;
  // She remembers what the store forgot.
  for (const std::string& name : aborted_)
    ask(core, now, out, StopRollout{name, "aborted before the restore"});
  for (const std::string& name : std::set<std::string>(protected_))
    ask(core, now, out, ProtectServer{name, true, "protected before the restore", 0});
  ask(core, now, out, ContinueController{"looked at what differs"});
}

void Operator::care_for_damage(ControllerCore& core, const Now& now, Outcome& out) {
  const auto known = core.state().damage;
  std::erase_if(damaged_, [&](const auto& row) { return !known.contains(row.first); });
  for (const auto& [row, damage] : known) {
    const auto [since, fresh] = damaged_.try_emplace(row, events_.now());
    if (!damage.acted_on() || fresh || events_.now() - since->second < thinks_about_damage) continue;
    const auto server = std::ranges::find_if(
        servers_, [&](const auto& one) { return row == tables::row(tables::servers, one.name); });
    if (server != servers_.end()) {
      register_server(core, now, out, *server, false);
    } else if (row.starts_with(tables::rollouts)) {
      ask(core, now, out, StopRollout{row.substr(tables::rollouts.size()), "its plan is lost"});
    } else if (!row.starts_with(tables::links) && !row.starts_with(tables::machines)) {
      ask(core, now, out, SettleDamage{row, "looked at it"});
    }
    if (!core.state().damage.contains(row)) marks_.hit("a person settled a damaged row of the controller");
  }
}

void Operator::care_for_sites(ControllerCore& core, const Now& now, Outcome& out) {
  std::vector<std::string> to_clear;
  for (const auto& [name, site] : core.state().sites) {
    if (!site.status().quarantined()) {
      quarantined_.erase(name);
      continue;
    }
    const auto [since, fresh] = quarantined_.try_emplace(name, events_.now());
    if (fresh) marks_.hit("a site was quarantined");
    if (events_.now() - since->second >= thinks_about_quarantine) to_clear.push_back(name);
  }
  for (const std::string& name : to_clear) {
    quarantined_.erase(name);
    vouch_(name);
    ask(core, now, out, ClearSiteQuarantine{name, "the other one is stopped, the site starts anew"});
  }
}

void Operator::meddle(ControllerCore& core, const Now& now, Outcome& out) {
  std::vector<std::string> open;
  for (const auto& [id, deployment] : core.state().deployments) {
    if (is_in_flight(deployment.state())) open.push_back(id);
  }
  if (open.empty()) return;
  const std::string id = open[random_.below(open.size())];
  if (random_.chance(150)) {
    const std::string server = core.state().deployments.at(id).server();
    if (ask(core, now, out, ProtectServer{server, true, "not this one", 0}))
      marks_.hit("a server was protected while its order was under way");
    return;
  }
  marks_.hit("an operator resolved a deployment that still ran");
  constexpr const char* words[] = {"cancelled", "cancelled", "cancelled", "failed", "failed", "succeeded"};
  ask(core, now, out, ResolveDeployment{id, words[random_.below(std::size(words))], "cannot wait"});
}

/// What is over is cleared away; what it left open must not be forgotten with it.
void Operator::tidy_up(ControllerCore& core, const Now& now, Outcome& out) {
  std::vector<std::string> over;
  for (const auto& [name, rollout] : core.state().rollouts) {
    if (rollout.status().state() == "done") over.push_back(name);
  }
  if (over.empty()) return;
  if (ask(core, now, out, Delete{"Rollout", over[random_.below(over.size())], {}}))
    marks_.hit("a rollout was deleted");
}

void Operator::care_for_servers(ControllerCore& core, const Now& now, Outcome& out) {
  for (ServerToRegister& wanted : servers_) {
    const auto found = core.state().servers.find(wanted.name);
    if (found == core.state().servers.end()) continue;
    if (!resting_) care_for_machine(core, now, out, wanted);
    const std::string phase = found->second.status().phase();
    const bool ready = phase == "ready" || phase == "installing";
    const auto last = inspected_.find(wanted.name);
    if (!resting_ && !ready && (last == inspected_.end() || events_.now() - last->second >= inspect_again)) {
      inspected_[wanted.name] = events_.now();
      if ((phase == "unproven" || phase == "failed") && !habits_.chance(swarm_.carelessness)) {
        ask(core, now, out, ResolveDeployment{found->second.status().deployment(), "failed", "looked at it"});
      }
      ask(core, now, out, InspectServer{wanted.name});
    }
  }
}

}  // namespace metalmesh::sim
