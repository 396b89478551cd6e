#include "tests/sim/stories.h"

#include <algorithm>
#include <iterator>

#include "controller/state/deployment_states.h"
#include "tests/sim/story_marks.h"
#include "tests/sim/truth.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;
namespace states = controller::states;

/// Nothing else goes wrong.
void calm(Swarm& swarm, Random& random) {
  Swarm quiet;
  quiet.sites = 1 + static_cast<unsigned>(random.below(2));
  quiet.servers_per_site = 3;
  quiet.faulty_for = 60min;
  quiet.bus_delay = 50ms;
  quiet.clock_error = 500ms;
  quiet.down_for = 5s;
  quiet.image_time = 20s;
  quiet.keys_differ = random.chance(500);
  quiet.async_insert = random.chance(300);
  quiet.media_under_systems = random.chance(500);
  swarm = quiet;
}

void as_rollouts_go(Swarm& swarm, Habit habit) {
  swarm.sites = 2;
  swarm.servers_per_site = 5;
  swarm.running = 0;
  swarm.habit = habit;
}

}  // namespace

/// One story: its seeds' weather, what it does each time it looks, and what is marked when it strikes.
struct Tale {
  std::string_view name;
  Stories::Tick tick;
  void (*prepare)(Swarm&);
  static std::span<const Tale> all();
};

namespace {

/// Stories that follow one another in the table and share a share of the seeds that tell none of those before: a seed tells
/// what it told when a group is added behind.
struct Group {
  std::size_t stories;
  std::uint32_t per_mille;
};
/// What stands behind all of them is told by its name only.
constexpr Group groups[] = {{19, 330}, {1, 110}, {4, 120}, {4, 130}, {2, 120}};

}  // namespace

std::span<const Tale> Tale::all() {
  static constexpr Tale table[] = {
      {"long-cut", &Stories::long_cut,
       [](Swarm& s) {
         s.sites = 1;
         s.servers_per_site = 14;
         s.bulk = true;
       }},
      {"both-forgot", &Stories::both_forgot,
       [](Swarm& s) {
         s.sites = 2;
         s.patient = true;
       }},
      {"unheard-abort", &Stories::unheard_abort, [](Swarm& s) { s.one_by_one = true; }},
      {"first-heard", &Stories::first_heard,
       [](Swarm& s) {
         s.sites = 2;
         s.one_by_one = true;
       }},
      {"both-put-back", &Stories::both_put_back, [](Swarm&) {}},
      {"folder-lost", &Stories::folder_lost, [](Swarm& s) { s.carelessness = 1000; }},
      {"second-controller", &Stories::second_controller, [](Swarm& s) { s.one_by_one = true; }},
      {"word-in-a-cut", &Stories::word_in_a_cut,
       [](Swarm& s) {
         s.sites = 2;
         s.one_by_one = true;
       }},
      {"word-disproved", &Stories::word_disproved, [](Swarm&) {}},
      {"installer-stalls", &Stories::installer_stalls,
       [](Swarm& s) {
         s.one_by_one = true;
         s.carelessness = 1000;  // whose word would free the place
         s.works = 100;          // she looks at what may run on without its job
       }},
      {"refused-again", &Stories::refused_again,
       [](Swarm& s) {
         s.sites = 1;
         s.reinstalls = true;
       }},
      {"one-glimpse", &Stories::one_glimpse, [](Swarm&) {}},
      {"no-proof", &Stories::no_proof,
       [](Swarm& s) {
         s.reachable = 1000;
         s.carelessness = 1000;
         s.reinstalls = true;
         s.tidiness = 300;  // and nobody decides any more what was left unclear
       }},
      {"forgot-reinstall", &Stories::forgot_reinstall,
       [](Swarm& s) {
         s.reinstalls = true;
         s.forgetful = true;
       }},
      {"woke-late", &Stories::woke_late, [](Swarm&) {}},
      {"clock-believed", &Stories::clock_believed, [](Swarm& s) { s.one_by_one = true; }},
      {"changed-places", &Stories::changed_places, [](Swarm& s) { s.keys_differ = false; }},
      {"restart-in-a-cut", &Stories::restart_in_a_cut, [](Swarm&) {}},
      {"odd-days", nullptr,
       [](Swarm& s) {
         s.sites = 2;
         s.odd_wishes = 1000;
         s.trouble_every = 2min;
         s.trouble_restart = 700;
       }},
      // A group of its own: what dozens of BMCs do seldom needs many of them.
      {"odd-fleet", nullptr,
       [](Swarm& s) {
         s.sites = 1;
         s.servers_per_site = 14;
         s.bulk = true;
         s.odd = 1000;
         s.rare_kinds = true;
         s.bout_every = 4min;
         s.trouble_every = 2min;
         s.trouble_restart = 700;
         s.reinstalls = true;
       }},
      {"start-cut-off", &Stories::start_cut_off,
       [](Swarm& s) {
         s.servers_per_site = 6;
         s.planned_at_once = 2;
         s.bulk = true;
       }},
      {"power-beside", &Stories::power_beside,
       [](Swarm& s) {
         s.works = 300;
         s.reinstalls = true;
       }},
      {"known-and-changed", &Stories::changed_places,
       [](Swarm& s) {
         s.known_bmcs = true;
         s.keys_differ = false;
       }},
      {"others-medium", &Stories::others_medium, [](Swarm&) {}},
      {"put-back-unarmed", &Stories::put_back_unarmed, [](Swarm& s) { s.image_time = 3min; }},
      {"older-than-kept", &Stories::older_than_kept,
       [](Swarm& s) {
         s.one_by_one = true;
         s.entries_kept = 2;
         s.works = 100;
       }},
      {"given-up-inserts", &Stories::given_up_inserts, [](Swarm& s) { s.carelessness = 1000; }},
      {"rescue-days", &Stories::rescue_days,
       [](Swarm& s) {
         s.sites = 2;
         s.running = 500;
         s.greedy = true;
         s.works = 300;
         s.rescues = 900;
       }},
      {"site-row-rots", &Stories::site_row_rots, [](Swarm& s) { s.reinstalls = true; }},
      {"mesh-row-rots", &Stories::mesh_row_rots, [](Swarm& s) { s.reinstalls = true; }},
      // By their name only: a seed of the ordinary draw knows none of these.
      {"stolen-box", &Stories::stolen_box,
       [](Swarm& s) {
         s.sites = 3;
         s.servers_per_site = 2;
         s.bulk = true;
         s.running = 0;
         s.stolen_box = true;
       }},
      {"hostile-broker", &Stories::hostile_broker,
       [](Swarm& s) {
         s.sites = 3;
         s.servers_per_site = 2;
         s.hostile = true;
         s.reinstalls = true;
         s.abort = 30;
         s.crash_every = 8min;
         s.freeze_every = 10min;
         s.down_for = 20s;
       }},
      {"installers-ask", &Stories::installers_ask,
       [](Swarm& s) {
         s.sites = 2;
         s.asks = true;
         s.answers_lost = 350;
         s.strange_askers = 250;
         s.reinstalls = true;
         s.down_for = 5min;
       }},
      {"short-time", nullptr, [](Swarm& s) { as_rollouts_go(s, Habit::short_time); }},
      {"person-is-late", nullptr, [](Swarm& s) { as_rollouts_go(s, Habit::person_is_late); }},
      {"sick-wave", &Stories::sick_wave, [](Swarm& s) { as_rollouts_go(s, Habit::sick_wave); }},
      {"hangs-and-restarts", &Stories::hangs_and_restarts,
       [](Swarm& s) {
         s.ending = 1;  // as ESXi
         s.running = 1000;  // whose old system runs again
         s.reachable = 300;
       }},
      {"shut-windows", nullptr, [](Swarm& s) { as_rollouts_go(s, Habit::windows); }},
  };
  return table;
}

void draw_story(Swarm& swarm, Random random, std::string_view wanted) {
  const Tale* tale = nullptr;
  std::span<const Tale> left = Tale::all();
  for (const auto& [stories, per_mille] : groups) {
    const auto group = left.first(stories);
    if (tale == nullptr && random.chance(per_mille)) tale = &group[stories == 1 ? 0 : random.below(stories)];
    left = left.subspan(stories);
  }
  if (!wanted.empty()) tale = &*std::ranges::find(Tale::all(), wanted, &Tale::name);
  if (tale == nullptr) return;
  calm(swarm, random);
  tale->prepare(swarm);
  swarm.story = tale->name;
}

bool is_story(std::string_view name) {
  return std::ranges::find(Tale::all(), name, &Tale::name) != Tale::all().end();
}

std::span<const std::string_view> story_marks() { return story_mark::all; }

void Stories::begin() {
  const auto tale = std::ranges::find(Tale::all(), mesh_.swarm.story, &Tale::name);
  if (tale == Tale::all().end() || tale->tick == nullptr) return;
  tick_ = tale->tick;
  variant_ = static_cast<unsigned>(random_.below(2));
  look_again();
}

void Stories::look_again() {
  mesh_.events.after(every_, [this] {
    if (mesh_.healed() || step_ == over) return;
    if (mesh_.events.now() >= not_before_) (this->*tick_)();
    look_again();
  });
}

void Stories::go_on(Duration wait) {
  ++step_;
  not_before_ = mesh_.events.now() + wait;
}

void Stories::struck(std::string_view mark) {
  mesh_.trace.line(mesh_.events.now(), "story", mark);
  mesh_.witness.marks().hit(mark);
}

Duration Stories::up_to(Duration most) { return random_.below(static_cast<std::uint64_t>(most / 1s)) * 1s; }

Site& Stories::site_of(const std::string& deployment) {
  const std::string& name = mesh_.witness.facts().said.at(deployment).site;
  return **std::ranges::find(mesh_.sites, name, [](const auto& site) { return site->name; });
}

Machine* Stories::machine_of(const std::string& deployment) {
  const std::string& name = mesh_.witness.facts().said.at(deployment).server;
  const auto& all = mesh_.bmcs.machines();
  const auto found = std::ranges::find(all, name, [](const auto& machine) { return machine->name; });
  return found == all.end() ? nullptr : found->get();
}

const JournalCopy* Stories::journal_of(const Site& site) const {
  const Facts& facts = mesh_.witness.facts();
  const auto agent = facts.agents.find(site.name);
  const bool begun = agent != facts.agents.end() && agent->second.copy < facts.copies.size();
  return begun ? &facts.copies[agent->second.copy] : nullptr;
}

bool Stories::is_written(const std::string& deployment) const {
  return !writes_of(mesh_.witness.court().machines, deployment).empty();
}

std::optional<std::string> Stories::begun() {
  for (const auto& [id, deployment] : mesh_.witness.facts().deployments) {
    if (deployment.state() == states::running && !is_written(id)) return id;
  }
  return std::nullopt;
}

std::optional<std::string> Stories::waiting(bool at_one_site) {
  const Facts& facts = mesh_.witness.facts();
  for (const auto& [id, deployment] : facts.deployments) {
    const bool beside = std::ranges::any_of(facts.deployments, [&](const auto& other) {
      return controller::is_in_flight(other.second.state()) && other.second.site() != deployment.site();
    });
    if (at_one_site && beside) continue;
    const auto rollout = facts.rollouts.find(deployment.rollout());
    const bool runs = rollout != facts.rollouts.end() && rollout->second.status().state() == "running";
    if (runs && deployment.state() == states::pending) return id;
  }
  return std::nullopt;
}

bool Stories::next_is_here(const std::string& deployment) const {
  const auto& all = mesh_.witness.facts().deployments;
  const rest::Deployment& one = all.at(deployment);
  return std::ranges::any_of(all, [&](const auto& other) {
    return other.second.rollout() == one.rollout() && other.second.state() == states::pending &&
           other.second.site() == one.site();
  });
}

Machine* Stories::installing(Duration least) {
  for (const auto& machine : mesh_.bmcs.machines()) {
    const bmcsim::Host& host = machine->model->host();
    if (host.state() == bmcsim::HostState::installing &&
        mesh_.events.now() - host.installs().back().launched >= least)
      return machine.get();
  }
  return nullptr;
}

void Stories::restore_controller() {
  mesh_.witness.marks().hit("the controller was restored from an older copy");
  mesh_.controller->crash_into(copy_, "restored from a copy");
  mesh_.witness.on_controller_restored(mesh_.controller->rows());
}

void Stories::person_aborts(const std::string& deployment) {
  const auto known = mesh_.witness.facts().said.find(deployment);
  if (known != mesh_.witness.facts().said.end())
    mesh_.person->wish(controller::StopRollout{known->second.rollout, "thought better of it"});
}

void Stories::person_resolves(const std::string& as) {
  mesh_.person->wish(controller::ResolveDeployment{id_, as, "somebody looked at it"});
}

}  // namespace metalmesh::sim
