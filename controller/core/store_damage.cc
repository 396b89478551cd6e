#include "controller/core/store_damage.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/command_words.h"
#include "common/base/planted.h"
#include "common/ports/row_seal.h"
#include "common/ports/wire_time.h"
#include "common/text/letters.h"
#include "common/text/utf8.h"
#include "controller/core/actions/actions.h"
#include "controller/core/deployment_machine.h"
#include "controller/core/fences.h"
#include "controller/core/identity_judgement.h"
#include "controller/core/order_builder.h"
#include "controller/core/restore_hold.h"
#include "controller/core/rollout_runner.h"
#include "controller/core/server_machines.h"
#include "controller/core/server_phases.h"
#include "controller/core/site_care.h"
#include "controller/core/transcripts.h"
#include "controller/state/deployment_states.h"
#include "controller/state/rollout_states.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

constexpr char object_version[] = "metalmesh/v1";

/// What a row meant, and what a person does; without the latter nobody has to do anything.
struct Meaning {
  std::string what;
  std::string next;
};

/// What can still be made out. It may be wrong: good only for refusing more.
template <class Message>
Message guess(const record::DamagedRow& damage) {
  Message message;
  if (!damage.found().empty() && damage.found().front() == row_version)
    message.ParsePartialFromString(damage.found().substr(1));
  return message;
}

const rest::Deployment* newest_of(const MeshState& mesh, const std::string& server) {
  const rest::Deployment* newest = nullptr;
  for (const auto& [id, deployment] : mesh.deployments) {
    if (deployment.server() != server || !action_of(deployment).changes) continue;
    if (newest == nullptr || from_wire(newest->created()) <= from_wire(deployment.created()))
      newest = &deployment;
  }
  return newest;
}

Meaning lose_server(Work& work, const std::string& name, const record::DamagedRow&) {
  if (!work.mesh().servers.contains(name)) {
    rest::Server server;
    server.set_api_version(object_version);
    server.set_kind("Server");
    server.mutable_metadata()->set_name(name);
    auto& status = *server.mutable_status();
    status.set_phase(phases::registered);
    status.set_use("inUse");
    status.set_blocked("its row in the controller's store was damaged: what was registered is not known");
    if (const rest::Deployment* last = newest_of(work.mesh(), name)) {
      server.mutable_spec()->set_site(last->site());
      status.set_machine(last->machine());
      status.set_deployment(last->id());
      status.set_generation(last->generation());
    }
    work.ledger.put(std::move(server));
  }
  return {"server " + name +
              " is blocked: what was registered of it is lost; what is known of its machine is not",
          "metalmesh apply -f FILE, with its manifest"};
}

Meaning lose_rollout(Work& work, const std::string& name, const record::DamagedRow&) {
  if (!work.mesh().rollouts.contains(name)) {
    rest::Rollout rollout;
    rollout.set_api_version(object_version);
    rollout.set_kind("Rollout");
    rollout.mutable_metadata()->set_name(name);
    set_state(rollout, RolloutState::stopped);
    rollout.mutable_status()->set_stop_reason(
        "its row in the controller's store was damaged: its plan is lost, it starts no more servers");
    work.ledger.put(std::move(rollout));
  }
  return {
      "rollout " + name + " is stopped: its plan is lost, and whether a person stopped it; what runs goes on",
      commands::stop(name)};
}

Meaning lose_object(const std::string& kind, const std::string& name) {
  return {kind + " " + name + " is lost", "metalmesh apply -f FILE, with its manifest"};
}
Meaning lose_site(Work&, const std::string& name, const record::DamagedRow&) {
  Meaning meaning = lose_object("site", name);
  meaning.what += ": its agent is not heard and gets nothing; what it has accepted goes on there";
  return meaning;
}
/// Of any other kind: `row` is that behind all_objects.
Meaning lose_any_object(Work&, const std::string& row, const record::DamagedRow&) {
  const std::string key = tables::row(tables::all_objects, row);
  const auto meaning = with_kind_that(
      ObjectKinds{}, [&]<class T>() { return key.starts_with(Kind<T>::table); },
      [&]<class T>() {
        std::string word(Kind<T>::word);
        word.front() = to_lower(word.front());
        return lose_object(word, key.substr(Kind<T>::table.size()));
      });
  return meaning.value_or(lose_object("object", row));
}
Meaning lose_profile(Work&, const std::string& name, const record::DamagedRow&) {
  return lose_object("profile", name);
}
Meaning lose_blob(Work&, const std::string& name, const record::DamagedRow&) {
  return {"the content of a profile (" + name.substr(0, 12) +
              ") is lost: orders that need it wait at their sites",
          "metalmesh apply -f FILE, with the profiles' manifests"};
}

/// The server that a deployment was for, as other rows tell.
const rest::Server* server_of(const Work& work, const std::string& deployment) {
  const MeshState& mesh = work.mesh();
  const auto order = work.ledger.inner().orders.find(deployment);
  if (order != work.ledger.inner().orders.end()) {
    const auto found = mesh.servers.find(agreed_in(order->second).server());
    if (found != mesh.servers.end()) return &found->second;
  }
  for (const auto& [name, server] : mesh.servers) {
    const auto& unresolved = server.status().unresolved();
    if (server.status().deployment() == deployment ||
        std::ranges::find(unresolved, deployment) != unresolved.end())
      return &mesh.servers.at(name);  // what a walk shows is good until its next step
  }
  return nullptr;
}

void doubt(Work& work, const std::string& id, const std::string& row) {
  const rest::Deployment& deployment = work.mesh().deployments.at(id);
  const SiteLink* link = work.link(deployment.site());
  const bool handed_out = is_in_flight(deployment.state());
  move_deployment(work, id, Happening::lost, [&](rest::Deployment& d) {
    outcome_unknown(d, "row " + row + " of the controller's store was damaged: how far it came is not known");
    d.set_keeps_place(handed_out);
  });
  owe_fence(work, id, "row " + row + " of the controller's store was damaged",
            link == nullptr ? std::string() : link->event_journal());
  work.ledger.note(line_about(work.mesh().deployments.at(id), "ended",
                              "INDETERMINATE: row " + row + " of the controller's store was damaged"),
                   work.now.wall());
}

/// Whoever counts its servers counts one too few, perhaps the canary: nothing more starts until a person has looked. Meant is the
/// rollout that can be made out, or else each that has fewer deployments than its plan has servers.
void stop_rollouts_of(Work& work, const std::string& id, const std::string& rollout) {
  if (planted(Defect::lost_row_goes_on)) return;
  std::vector<std::string> meant;
  for (const auto& [name, one] : work.mesh().rollouts) {
    const RolloutState state = state_of(one);
    const bool starts = state == RolloutState::running || state == RolloutState::paused;
    const bool its = rollout.empty()
                         ? work.ledger.board().rollout(name).total < one.status().plan().server_count()
                         : name == rollout;
    if (starts && its) meant.push_back(name);
  }
  for (const std::string& name : meant)
    stop_by_itself(
        work, name,
        "what was known of deployment " + id + " is lost: its row in the controller's store was damaged");
}

Meaning lose_deployment(Work& work, const std::string& id, const record::DamagedRow& damage) {
  const rest::Server* server = server_of(work, id);
  if (server == nullptr)
    return {"deployment " + id + " had ended, and no server rests on it: its history is lost", ""};
  if (!work.mesh().deployments.contains(id)) {
    const auto guessed = guess<rest::Deployment>(damage);
    rest::Deployment deployment;
    deployment.set_id(id);
    deployment.set_server(server->metadata().name());
    deployment.set_site(server->spec().site());
    if (work.mesh().rollouts.contains(guessed.rollout())) {
      deployment.set_rollout(guessed.rollout());
      deployment.set_wave(guessed.wave());
    }
    deployment.set_machine(server->status().machine());
    const auto order = work.ledger.inner().orders.find(id);
    if (order != work.ledger.inner().orders.end())
      deployment.set_action(std::string(action_of(agreed_in(order->second)).name));
    deployment.set_generation(std::max<std::uint64_t>(
        server->status().generation(),
        order == work.ledger.inner().orders.end() ? 0 : order->second.order().issue().generation()));
    deployment.set_state(std::string(states::running));
    deployment.set_fence(std::string(fences::none));
    *deployment.mutable_created() = to_wire(work.now.wall());
    const std::string rollout = deployment.rollout();
    work.ledger.put(std::move(deployment));
    doubt(work, id, damage.row());
    stop_rollouts_of(work, id, rollout);
  }
  return {"deployment " + id + " of server " + server->metadata().name() + " is INDETERMINATE", ""};
}

Meaning lose_order(Work& work, const std::string& id, const record::DamagedRow& damage) {
  const auto found = work.mesh().deployments.find(id);
  if (found == work.mesh().deployments.end() || !is_open(found->second.state()))
    return {"what deployment " + id + ", which has ended, was ordered with is lost", ""};
  doubt(work, id, damage.row());
  return {"what deployment " + id + " was ordered with is lost: it is INDETERMINATE", ""};
}

Meaning lose_fence(Work& work, const std::string& id, const record::DamagedRow& damage) {
  if (work.mesh().deployments.contains(id)) {
    const auto order = work.ledger.inner().orders.find(id);
    owe_fence(work, id, "row " + damage.row() + " of the controller's store was damaged",
              order == work.ledger.inner().orders.end() ? std::string() : order->second.event_journal());
  }
  if (work.mesh().fences.contains(id)) return {"the fence of deployment " + id + " is owed again", ""};
  return {"whether the site has confirmed that nothing of deployment " + id + " starts any more is not known",
          "look at its server and make sure that nothing runs there"};
}

Meaning lose_link(Work& work, const std::string& site, const record::DamagedRow& damage) {
  return {"what was known of the agent of site " + site + " is lost: it is in quarantine",
          work.mesh().sites.contains(site) ? "metalmesh site clear-quarantine " + site + " --note TEXT"
                                           : commands::settle_damage(damage.row())};
}

/// "s/<site>/"
Meaning lose_commands(Work& work, const std::string& rest_of_key, const record::DamagedRow& damage) {
  const std::string site = rest_of_key.substr(0, rest_of_key.find('/'));
  relearn_site(work, site, "row " + damage.row() + " of the controller's store was damaged");
  return {"commands to site " + site + " begin anew", ""};
}

Meaning lose_machine(Work& work, const std::string& id, const record::DamagedRow& damage) {
  record::Machine machine;
  const auto guessed = guess<record::Machine>(damage);
  std::set<std::string> names(guessed.names().begin(), guessed.names().end());
  std::uint64_t generation = 0;
  std::string servers;
  for (const auto& [name, server] : work.mesh().servers) {
    if (server.status().machine() != id) continue;
    servers += (servers.empty() ? "" : ", ") + name;
    for (const auto* identity :
         {&server.spec().identity(), &server.status().pinned(), &server.status().seen()})
      for (const std::string& one : machines::names_of(*identity)) names.insert(one);
    generation = std::max<std::uint64_t>(generation, server.status().generation());
  }
  for (const auto& [deployment_id, deployment] : work.mesh().deployments) {
    if (deployment.machine() == id) generation = std::max<std::uint64_t>(generation, deployment.generation());
  }
  machine.mutable_names()->Assign(names.begin(), names.end());
  machine.set_seen(!names.empty());
  machine.set_use(record::Machine::IN_USE);
  machine.set_use_note("row " + damage.row() +
                       " of the controller's store was damaged: what is on it is not known");
  *machine.mutable_use_since() = to_wire(work.now.wall());
  machine.set_protected_(true);
  machine.set_generation(generation);
  machine.set_blocked("what was known of its machine is lost (row " + damage.row() +
                      " of the controller's store was damaged)");
  const bool nameless = names.empty();
  work.ledger.put_machine(id, std::move(machine));
  std::vector<std::string> shown;
  for (const std::string& name : work.ledger.machines().servers_of(id)) shown.push_back(name);
  for (const std::string& name : shown) show_machine(work, name);
  if (nameless) {
    // Any machine that comes may be it.
    begin_hold(work, "what was known of a machine is lost, and which one it was (row " + damage.row() + ")");
    return {"which machine was protected, in use or unclear is not known: this controller holds",
            commands::go_on() + ", once you know that no plan takes what it must not"};
  }
  return {
      "what was known of the machine of " + (servers.empty() ? "no server" : servers) +
          " is lost: it is in use, protected and blocked",
      shown.empty() ? commands::settle_damage(damage.row()) : commands::release_for_install(shown.front())};
}

Meaning lose_generation(Work& work, const std::string& machine, const record::DamagedRow&) {
  std::uint64_t highest = 0;
  for (const auto& [id, order] : work.ledger.inner().orders) {
    if (machine_of(order.identity()) == machine)
      highest = std::max<std::uint64_t>(highest, order.order().issue().generation());
  }
  for (const auto& [name, server] : work.mesh().servers) {
    if (machine_of(server) == machine)
      highest = std::max<std::uint64_t>(highest, server.status().generation());
  }
  if (highest > 0) work.ledger.raise_generation(machine, highest);
  return {"the highest order of machine " + machine + " is at least " + std::to_string(highest) +
              "; its site refuses what is too low",
          ""};
}

Meaning lose_event(Work&, const std::string&, const record::DamagedRow& damage) {
  return {damage.what(), commands::settle_damage(damage.row())};
}

Meaning forget(Work&, const std::string&, const record::DamagedRow&) {
  return {"it is learned again, or asked for again", ""};
}

Meaning lose_piece(Work& work, const std::string& name, const record::DamagedRow&) {
  fetch_transcript_again(work, name.substr(0, name.find('/')));
  return {"a piece of the transcript of deployment " + name.substr(0, name.find('/')) +
              " is fetched again, if its site still has it",
          ""};
}

Meaning lose_plan_page(Work&, const std::string& name, const record::DamagedRow&) {
  return {"page " + name + " of a plan cannot be read any more; its digest and its orders are not touched",
          ""};
}

Meaning lose_token(Work&, const std::string&, const record::DamagedRow&) {
  return {"a token of a user is not known any more: whoever has it is refused", ""};
}

Meaning lose_pace(Work&, const std::string& whose, const record::DamagedRow&) {
  return {"what " + whose + " started within the hour is not counted, and its ceiling is the usual one", ""};
}

Meaning lose_tombstone(Work&, const std::string&, const record::DamagedRow&) {
  return {"whoever follows the change feed lists everything again", ""};
}

Meaning lose_applied(Work&, const std::string&, const record::DamagedRow& damage) {
  return {"of objects that were just being applied at least one is lost: apply them again",
          commands::settle_damage(damage.row())};
}

struct Table {
  std::string_view table;
  Meaning (*act)(Work&, const std::string& name, const record::DamagedRow&);
};
/// In the order in which they are looked at: sites and servers before what rests on them.
constexpr std::array all_tables = {Table{tables::sites, lose_site},
                                   Table{tables::servers, lose_server},
                                   Table{tables::rollouts, lose_rollout},
                                   Table{tables::machines, lose_machine},
                                   Table{tables::profiles, lose_profile},
                                   Table{tables::versions, lose_profile},
                                   Table{tables::blobs, lose_blob},
                                   Table{tables::deployments, lose_deployment},
                                   Table{tables::orders, lose_order},
                                   Table{tables::fences, lose_fence},
                                   Table{tables::links, lose_link},
                                   Table{"s/", lose_commands},
                                   Table{tables::generations, lose_generation},
                                   Table{tables::transcripts, lose_piece},
                                   Table{tables::events, lose_event},
                                   Table{tables::tombstones, lose_tombstone},
                                   Table{tables::tokens, lose_token},
                                   Table{tables::paces, lose_pace},
                                   Table{tables::plans, lose_plan_page},
                                   Table{tables::all_objects, lose_any_object},
                                   Table{tables::applying, lose_applied},
                                   Table{tables::applied, lose_applied},
                                   Table{"", forget}};

void act_on(Work& work, const Table& table, const std::string& row) {
  record::DamagedRow damage = work.mesh().damage.at(row);
  const std::string key = key_of_printable(row).value_or(row);
  const std::string named = key.substr(std::min(key.size(), table.table.size()));
  // Names become text of objects and messages, which have to be read again.
  const Meaning meaning = table.act(work, valid_utf8(named) == named ? named : printable_key(named), damage);
  rest::LogEvent line;
  line.set_type("store");
  line.set_message("row " + row + " of the controller's store was damaged: " + meaning.what +
                   (meaning.next.empty() ? "" : ". Next: " + meaning.next));
  work.ledger.note(std::move(line), work.now.wall());
  if (meaning.next.empty()) return work.ledger.erase_damage(row);
  damage.set_acted_on(true);
  damage.set_what(meaning.what);
  damage.set_next(meaning.next);
  *damage.mutable_at() = to_wire(work.now.wall());
  work.ledger.put_damage(row, std::move(damage));
}

const Table& table_of(const std::string& row) {
  return *std::ranges::find_if(all_tables, [&](const Table& table) { return row.starts_with(table.table); });
}

}  // namespace

void act_on_damage(Work& work) {
  // Nobody was told that an object is gone, or of what lay in the tombstone of another.
  if (std::ranges::any_of(work.mesh().damage, [](const auto& row) { return !row.second.acted_on(); }))
    work.ledger.break_off_changes();
  for (const Table& table : all_tables) {
    std::vector<std::string> rows;
    for (const auto& [row, damage] : work.mesh().damage) {
      if (!damage.acted_on() && &table_of(row) == &table) rows.push_back(row);
    }
    for (const std::string& row : rows) act_on(work, table, row);
  }
  // What must be there with others, and is not: gone without a trace.
  std::vector<std::string> orderless;
  for (const auto& [id, deployment] : work.mesh().deployments) {
    if (deployment.state() == states::pending && !work.ledger.inner().orders.contains(id))
      orderless.push_back(id);
  }
  for (const std::string& id : orderless) doubt(work, id, printable_key(tables::row(tables::orders, id)));
  for (const auto& [name, link] : work.links) {
    if (link->lacks_commands()) relearn_site(work, name, "its command journal is gone");
  }
}

}  // namespace metalmesh::controller
