// Stories of people, machines and installers.
#include <algorithm>

#include "agents/core/row_keys.h"
#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"
#include "schemas/record/job.pb.h"
#include "tests/sim/stories.h"
#include "tests/sim/story_marks.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;
namespace states = controller::states;

/// What waits behind the cut is more than may be under way at once.
void Stories::long_cut() {
  if (mesh_.witness.facts().handed_out.size() < mesh_.bmcs.machines().size()) return;
  mesh_.bus.partition(mesh_.sites.front()->name, 40min);
  struck(story_mark::in_the_dark);
  is_over();
}

/// Nobody vouches for its new life before the time to start is over.
void Stories::restart_in_a_cut() {
  const auto id = begun();
  if (!id || mesh_.witness.facts().deployments.at(*id).stage() >= wire::ARM) return;
  Site& site = site_of(*id);
  mesh_.bus.partition(site.name, 40min);
  site.box.node->crash("restarts in the dark");
  struck(story_mark::in_the_dark_anew);
  is_over();
}

/// One at a time: who waits is at a site that is heard, and must not begin by that word.
void Stories::word_in_a_cut() {
  if (step_ == 0) {
    const auto id = begun();
    if (!id || next_is_here(*id)) return;
    id_ = *id;
    mesh_.bus.partition(site_of(id_).name, 6min);
    person_resolves("cancelled");
    return go_on();
  }
  if (step_ == 1) return is_written(id_) ? go_on(30s + up_to(1min)) : void();
  mesh_.lose_store(site_of(id_), "its store does not open");
  struck(story_mark::word_alone);
  is_over();
}

/// The second time nobody hears the site, either.
void Stories::word_disproved() {
  if (step_ == 0) {
    const auto id = begun();
    if (!id) return;
    id_ = *id;
    mesh_.bus.partition(site_of(id_).name, 200s);
    person_resolves("cancelled");
    return go_on();
  }
  const auto known = mesh_.witness.facts().deployments.find(id_);
  if (known == mesh_.witness.facts().deployments.end()) return is_over();
  const bool open = controller::is_open(known->second.state());
  if (step_ == 1) return open ? void() : go_on();
  if (!is_written(id_)) return;
  machine_of(id_)->model->options().install_time = 25min;
  if (!open) return;
  mesh_.bus.partition(site_of(id_).name, 10min);
  person_resolves("failed");
  struck(story_mark::said_again);
  is_over();
}

/// It is given up while it may still write; it is in custody, and its place is taken.
void Stories::installer_stalls() {
  if (step_ == 0) {
    machine_ = installing(0s);
    if (machine_ == nullptr) return;
    machine_->model->options().stops_reading_at = 50;
    return go_on();
  }
  if (mesh_.witness.marks().count("told INSTALLER_STALLED") == 0) return;
  struck(story_mark::stalled);
  is_over();
}

/// All do well at the first site, and nobody at the second.
void Stories::sick_wave() {
  for (Machine* machine : mesh_.sites.back()->machines) machine->model->options().stops_reading_at = 50;
  is_over();
}

/// The first of its kind hangs before it writes, is quiet, and its host starts anew by itself.
void Stories::hangs_and_restarts() {
  const auto hangs = [](const auto& machine) {
    return machine->model->host().state() == bmcsim::HostState::booting_media;
  };
  if (step_ == 0) {
    const auto found = std::ranges::find_if(mesh_.bmcs.machines(), hangs);
    if (found == mesh_.bmcs.machines().end()) return;
    machine_ = found->get();
    machine_->model->options().stops_reading_at = 40 + static_cast<unsigned>(random_.below(60));
    machine_->model->options().boot_progress = true;
    return go_on(3min + up_to(5min));
  }
  if (!hangs(machine_)) return;
  mesh_.bmcs.self_reset(*machine_);
  struck("an installer hung, and its host started anew");
  is_over();
}

/// Its machine was busy with what is still cleaned up after a person gave it up; once that is done the same order
/// comes again.
void Stories::refused_again() {
  const Facts& facts = mesh_.witness.facts();
  if (step_ == 0) {
    machine_ = installing(0s);
    if (machine_ == nullptr) return;
    machine_->model->options().stops_reading_at = 50;
    return go_on();
  }
  if (step_ == 1) {
    if (mesh_.witness.marks().count("told INSTALLER_STALLED") == 0) return;
    machine_->model->options().stops_reading_at = 0;
    mesh_.bmcs.set_fault(*machine_, "silent");
    return go_on();
  }
  if (step_ == 2) {
    for (const auto& [id, deployment] : facts.deployments) {
      if (deployment.fault().code() == wire::MACHINE_BUSY) id_ = id;
    }
    if (id_.empty()) return;
    mesh_.bmcs.clear_fault(*machine_, "silent");
    return go_on();
  }
  const Site& site = site_of(id_);
  const auto jobs = site.box.node->rows().scan(agent::rows::job, agent::rows::after(agent::rows::job), 1);
  if (!jobs || !jobs->empty()) return;
  for (const auto& [key, command] : facts.commands) {
    if (!command.has_order() || command.order().issue().deployment_id() != id_) continue;
    if (mesh_.repeat_command(site, wire::Command(command))) struck(story_mark::again);
    return is_over();
  }
}

void Stories::one_glimpse() {
  constexpr std::string_view fault = "power_state_off_once";
  if (step_ == 0) {
    for (const auto& machine : mesh_.bmcs.machines()) machine->model->options().install_time = 6min;
    return go_on();
  }
  Machine* machine = installing(1min);
  if (machine == nullptr || machine == machine_) return;
  machine_ = machine;
  mesh_.bmcs.set_fault(*machine, fault);
  mesh_.events.after(2min, [this, machine, fault] { mesh_.bmcs.clear_fault(*machine, fault); });
  struck(story_mark::glimpsed);
}

void Stories::no_proof() {
  if (step_ == 0) {
    for (const auto& machine : mesh_.bmcs.machines()) mesh_.bmcs.set_fault(*machine, "final_on_ignored");
    return go_on();
  }
  const auto& deployments = mesh_.witness.facts().deployments;
  if (std::ranges::none_of(deployments,
                           [](const auto& entry) { return entry.second.state() == states::unproven; })) {
    return;
  }
  struck(story_mark::unproven);
  is_over();
}

void Stories::forgot_reinstall() {
  const auto& rollouts = mesh_.witness.facts().rollouts;
  if (rollouts.size() < 2) return;
  struck(story_mark::unsaid);
  is_over();
}

/// Whoever has looked at a machine finds another one behind its address when it acts.
void Stories::changed_places() {
  every_ = 100ms;
  for (const auto& site : mesh_.sites) {
    const SimStore& rows = site->box.node->rows();
    const auto jobs = rows.scan(agent::rows::job, agent::rows::after(agent::rows::job), 100);
    if (!jobs) continue;
    for (const Row& row : *jobs) {
      record::Job job;
      const bool looked = row.value && job.ParseFromString(*row.value) && !job.armed() &&
                          job.stage() >= wire::INSERT && job.stage() <= wire::ARM;
      Machine* machine = looked ? machine_of(job.issue().deployment_id()) : nullptr;
      if (machine == nullptr || machine == machine_) continue;
      machine_ = machine;
      const auto other =
          std::ranges::find_if(site->machines, [&](const auto* each) { return each->name != machine->name; });
      if (other == site->machines.end()) continue;
      mesh_.bmcs.swap(machine->address, (*other)->address);
      struck(story_mark::places);
      return;
    }
  }
}

/// A technician's rescue image in one slot of each site.
void Stories::others_medium() {
  if (step_ == 0) {
    for (const auto& site : mesh_.sites) {
      site->machines[random_.below(site->machines.size())]->model->insert_foreign(
          "https://elsewhere.example/rescue.iso", mesh_.events.now());
    }
    return go_on();
  }
  if (mesh_.witness.marks().count("told FOREIGN_MEDIA") == 0) return;
  struck(story_mark::others);
  is_over();
}

/// Some for servers in use as well, some not.
void Stories::rescue_days() {
  const Facts& facts = mesh_.witness.facts();
  const bool ordered =
      std::ranges::any_of(facts.said, [](const auto& entry) { return entry.second.action == "bootIso"; });
  if (!ordered || facts.precious.empty()) return;
  struck(story_mark::rescued);
  is_over();
}

/// The power goes between two slices of a start: with some of its orders made, and before the next ones are.
void Stories::start_cut_off() {
  if (step_ != 0) return;
  count_ = 1 + random_.below(mesh_.bmcs.machines().size() - 1);
  mesh_.controller_committed = [this] {
    const Facts& facts = mesh_.witness.facts();
    if (step_ != 1 || mesh_.healed()) return;
    for (const auto& [name, rollout] : facts.rollouts) {
      if (rollout.status().state() != "starting") continue;
      const auto of_it = [&](const auto& one) { return one.second.rollout() == name; };
      if (static_cast<std::uint64_t>(std::ranges::count_if(facts.deployments, of_it)) < count_) continue;
      mesh_.controller->rows().arm(SimStore::Fault::torn);
      struck(story_mark::cut_off);
      return is_over();
    }
  };
  go_on();
}

/// A controller that has lost count repeats an old order to switch a machine, under a number above that of the install that
/// it runs there.
void Stories::power_beside() {
  if (step_ == 0) {
    for (const auto& machine : mesh_.bmcs.machines()) machine->model->options().install_time = 6min;
    return go_on();
  }
  Machine* machine = installing(5s);
  if (machine == nullptr) return;
  const Facts& facts = mesh_.witness.facts();
  const auto running = facts.launched.find(machine->model->host().installs().back().deployment);
  if (running == facts.launched.end()) return;
  for (const auto& [key, old] : facts.commands) {
    wire::Agreed agreed;
    if (!old.has_order() || !agreed.ParseFromString(old.order().agreed()) || !agreed.has_power() ||
        agreed.server() != machine->name) {
      continue;
    }
    const Site& site = site_of(running->first);
    const AgentLife& agent = facts.agents.at(site.name);
    wire::Command command = old;
    command.set_journal_id(facts.copies[agent.copy].journal_id);
    command.set_controller_epoch(agent.epoch);
    wire::Issue& issue = *command.mutable_order()->mutable_issue();
    issue.set_generation(running->second + 1);
    *issue.mutable_start_by() = to_wire(mesh_.events.wall() + 1h);
    mesh_.witness.on_order_altered(command.order());
    if (mesh_.repeat_command(site, command)) struck(story_mark::beside);
    return is_over();
  }
}

}  // namespace metalmesh::sim
