// Stories of stores that went back or got lost, of clocks, and of who is who.
#include "tests/sim/stories.h"

#include <algorithm>

#include "controller/state/deployment_states.h"
#include "tests/sim/story_marks.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;

/// Of an order that the backup knows as not handed out yet, or does not know at all.
void Stories::both_forgot() {
  const Facts& facts = mesh_.witness.facts();
  if (step_ == 0) {
    const auto id = waiting();
    if (variant_ == 0) {
      if (!id) return;
      id_ = *id;
    }
    if (variant_ == 0 || facts.rollouts.empty()) copy_ = mesh_.controller->rows().rows();
    return variant_ == 0 || !facts.rollouts.empty() ? go_on() : void();
  }
  if (step_ == 1) {
    if (id_.empty()) {
      if (const Machine* machine = installing(0s); machine != nullptr)
        id_ = machine->model->host().installs().back().deployment;
    }
    if (id_.empty() || !is_written(id_)) return;
    return go_on(up_to(2min));
  }
  restore_controller();
  mesh_.lose_store(site_of(id_), "its store does not open");
  if (variant_ == 0 && random_.chance(500)) person_aborts(id_);
  struck(story_mark::forgotten);
  is_over();
}

void Stories::unheard_abort() {
  if (step_ == 0) {
    const auto id = waiting();
    if (!id) return;
    id_ = *id;
    copy_ = mesh_.controller->rows().rows();
    return go_on();
  }
  if (!is_written(id_)) return;
  mesh_.bus.partition(site_of(id_).name, 8min);
  restore_controller();
  person_aborts(id_);
  struck(story_mark::aborted_unheard);
  is_over();
}

/// One site was cut off from before the abort until after the restore, and speaks first.
void Stories::first_heard() {
  if (step_ == 0) {
    const auto id = waiting(true);
    if (!id) return;
    id_ = *id;
    copy_ = mesh_.controller->rows().rows();
    mesh_.bus.partition(site_of(id_).name, 6min);
    person_aborts(id_);
    return go_on(330s);
  }
  for (const auto& site : mesh_.sites) {
    if (site.get() != &site_of(id_)) mesh_.bus.partition(site->name, 45s);
  }
  restore_controller();
  struck(story_mark::heard_first);
  is_over();
}

/// First the agent, which finds out and doubts itself, then the controller, which finds no fault with that any more.
void Stories::both_put_back() {
  constexpr std::string_view doubted = "an agent quarantined itself";
  if (step_ == 0) {
    const auto id = begun();
    if (!id) return;
    id_ = *id;
    copy_ = mesh_.controller->rows().rows();
    site_copy_ = site_of(id_).box.node->rows().rows();
    return go_on();
  }
  if (step_ == 1) return is_written(id_) ? go_on(10s) : void();
  if (step_ == 2) {
    Site& site = site_of(id_);
    count_ = mesh_.witness.marks().count(doubted);
    mesh_.witness.marks().hit("an agent's store was put back to an older copy");
    site.box.node->crash_into(site_copy_, "its store is put back to an older copy");
    mesh_.witness.on_store_replaced(site.name, site.box.node->rows());
    return go_on();
  }
  if (mesh_.witness.marks().count(doubted) == count_) return;
  restore_controller();
  person_aborts(id_);
  struck(story_mark::both_older);
  is_over();
}

/// The whole disk of its box was: its image is fetched anew. Whom nobody tells better goes on from there, and nobody hears it.
void Stories::put_back_unarmed() {
  every_ = 200ms;
  const Facts& facts = mesh_.witness.facts();
  if (step_ == 0) {
    const auto id = begun();
    if (!id || facts.deployments.at(*id).stage() >= wire::INSERT) return;
    const JournalCopy* journal = journal_of(site_of(*id));
    if (journal == nullptr) return;
    id_ = *id;
    site_copy_ = site_of(id_).box.node->rows().rows();
    count_ = journal->entries.size();
    return go_on();
  }
  Site& site = site_of(id_);
  if (step_ == 2) {
    const AgentLife& agent = facts.agents.at(site.name);
    if (agent.behind_log && !agent.vouched) return;  // as it should be, until it is enrolled anew
    if (agent.behind_log) mesh_.bus.partition(site.name, 10min);
    return is_over();
  }
  const auto known = facts.deployments.find(id_);
  if (known == facts.deployments.end() || !controller::is_open(known->second.state()) ||
      known->second.stage() >= wire::ARM) {
    step_ = 0;  // it was quicker
    return;
  }
  const auto logged = facts.logged.find(journal_of(site)->journal_id);
  if (logged == facts.logged.end() || logged->second <= count_) return;
  mesh_.witness.marks().hit("an agent's store was put back to an older copy");
  site.box.node->crash_into(site_copy_, "its store is put back to an older copy");
  mesh_.witness.on_store_replaced(site.name, site.box.node->rows());
  site.box.images->lose();
  struck(story_mark::unarmed);
  go_on(mesh_.swarm.down_for + 2s);
}

/// In the backup it waits; what the site told of it since is trimmed. A person gives it up.
void Stories::older_than_kept() {
  const Facts& facts = mesh_.witness.facts();
  if (step_ == 0) {
    const auto id = waiting();
    if (!id) return;
    id_ = *id;
    copy_ = mesh_.controller->rows().rows();
    return go_on();
  }
  const JournalCopy* journal = journal_of(site_of(id_));
  if (journal == nullptr) return is_over();
  if (step_ == 1) {
    const auto known = facts.deployments.find(id_);
    if (known == facts.deployments.end()) return is_over();
    if (controller::is_open(known->second.state()) || !is_written(id_)) return;
    count_ = journal->entries.size();
    return go_on();
  }
  if (journal->deleted < count_) return;
  restore_controller();
  person_aborts(id_);
  struck(story_mark::trimmed);
  is_over();
}

/// Its place is taken while its box is frozen. It wakes in a cut, goes as far as it may, and is refused.
void Stories::given_up_inserts() {
  constexpr Duration frozen = 160s;
  constexpr Duration cut = frozen + 20s;
  if (step_ == 0) {
    const auto id = begun();
    if (!id || mesh_.witness.facts().deployments.at(*id).stage() >= wire::PREFLIGHT) return;
    id_ = *id;
    Site& site = site_of(id_);
    mesh_.start_newcomer(site);
    mesh_.bus.partition(site.name, cut);
    site.box.node->freeze(frozen);
    return go_on(cut + 10s);
  }
  Site& site = site_of(id_);
  if (step_ == 1) {
    machine_ = machine_of(id_);
    const bool inserted = machine_ != nullptr && is_our_medium(machine_->model->host().media_url());
    if (!inserted || is_written(id_)) return is_over();
    mesh_.lose_store(site, "its store does not open");
    struck(story_mark::inserted);
    return go_on(1min);
  }
  mesh_.stop_newcomer(site);
  is_over();
}

void Stories::folder_lost() {
  machine_ = installing(20s);
  if (machine_ == nullptr) return;
  mesh_.lose_store(site_of(machine_->model->host().installs().back().deployment), "its store does not open");
  struck(story_mark::folder);
  is_over();
}

/// The disk of its machine was copied, and the copy is switched on.
void Stories::second_controller() {
  if (step_ == 0) return waiting() && installing(0s) != nullptr ? go_on() : void();
  if (step_ == 1) {
    mesh_.start_second_controller();
    struck(story_mark::second);
    return go_on(10min + up_to(10min));
  }
  mesh_.stop_second_controller();
  is_over();
}

/// Both the controller and the agent that it follows were away; a newcomer was not.
void Stories::woke_late() {
  if (step_ == 0) return go_on(3min + up_to(7min));
  Site& site = *mesh_.sites[random_.below(mesh_.sites.size())];
  if (step_ == 1) {
    if (!mesh_.bus.hears(site.name)) return;
    mesh_.start_newcomer(site);
    const Duration length = 150s + up_to(3min);
    mesh_.freeze_controller(length);
    mesh_.bus.partition(site.name, length + 20s + up_to(15s));
    struck(story_mark::late);
    return go_on(length + 8min);
  }
  for (const auto& each : mesh_.sites) mesh_.stop_newcomer(*each);
  is_over();
}

void Stories::clock_believed() {
  constexpr std::string_view believed = "the controller's clock was set and believed";
  if (step_ == 0) return waiting() ? go_on() : void();
  if (step_ == 1) {
    const Duration by = 3h + up_to(3h);
    mesh_.witness.marks().hit("the controller's clock stepped");
    mesh_.controller->step_clock(-by);  // orders follow one that was set back
    count_ = mesh_.witness.marks().count(believed);
    return go_on();
  }
  if (step_ == 2) return mesh_.witness.marks().count(believed) > count_ ? go_on(up_to(3s)) : void();
  mesh_.controller->crash("dies with what it had just believed");
  for (const auto& site : mesh_.sites) {
    if (random_.chance(700)) site->box.node->crash("restarts at the same time");
  }
  struck(story_mark::new_time);
  is_over();
}

}  // namespace metalmesh::sim
