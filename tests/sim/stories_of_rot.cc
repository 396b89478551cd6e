// Stories of bits that turn over in a store: a row is damaged while its node is down, and a person settles it later.
#include <algorithm>
#include <iterator>

#include "agents/core/row_keys.h"
#include "agents/core/row_settle.h"
#include "common/base/check.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "schemas/record/damage.pb.h"
#include "tests/sim/stories.h"
#include "tests/sim/story_marks.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;

namespace {

namespace tables = controller::tables;

constexpr Duration looks_at_damage = 4min;
constexpr Duration looks_again = 1min;

constexpr std::string_view site_kinds[] = {
    agent::rows::fence,    agent::rows::fence, agent::rows::job,   agent::rows::job,     agent::rows::link,
    agent::rows::site,     agent::rows::clock, agent::rows::image, agent::rows::inspect, agent::rows::bmc,
    agent::rows::commands, "s/events/e",       "s/events/m",       agent::rows::reads,   agent::rows::blob};

constexpr std::string_view mesh_kinds[] = {tables::controller,
                                           tables::servers,
                                           tables::rollouts,
                                           tables::deployments,
                                           tables::deployments,
                                           tables::orders,
                                           tables::orders,
                                           tables::fences,
                                           tables::links,
                                           tables::machines,
                                           tables::machines,
                                           "s/",
                                           "r/",
                                           tables::generations,
                                           tables::events,
                                           tables::plans,
                                           tables::paces,
                                           tables::clock,
                                           tables::versions,
                                           tables::blobs};

}  // namespace

/// Of an agent that has begun something, or whose installer runs.
void Stories::site_row_rots() {
  if (step_ == 0) {
    if (variant_ == 0) {
      const auto id = begun();
      if (!id) return;
      id_ = *id;
    } else {
      const Machine* machine = installing(0s);
      if (machine == nullptr) return;
      id_ = machine->model->host().installs().back().deployment;
    }
    if (!mesh_.witness.facts().said.contains(id_)) return;
    return go_on(up_to(1min));
  }
  if (!mesh_.rot_row(site_of(id_), site_kinds[random_.below(std::size(site_kinds))])) return;
  struck(story_mark::site_row);
  // A second one, much later: of another site, or of the same.
  if (step_ == 1 && random_.chance(300)) {
    step_ = 0;
    not_before_ = mesh_.events.now() + 15min;
    return;
  }
  is_over();
}

void Stories::mesh_row_rots() {
  if (step_ == 0) {
    const auto id = variant_ == 0 ? begun() : waiting();
    if (!id) return;
    return go_on(up_to(2min));
  }
  if (!mesh_.rot_controller_row(mesh_kinds[random_.below(std::size(mesh_kinds))])) return;
  struck(story_mark::mesh_row);
  is_over();
}

namespace {

/// One of the rows whose keys begin so.
std::optional<std::string> row_of(const SimStore& rows, std::string_view kind, Random& random) {
  std::vector<std::string> keys;
  for (auto row = rows.rows().lower_bound(std::string(kind)); row != rows.rows().end(); ++row) {
    if (!row->first.starts_with(kind)) break;
    if (kind != tables::controller || row->first == kind) keys.push_back(row->first);
  }
  if (keys.empty()) return std::nullopt;
  return keys[random.below(keys.size())];
}

}  // namespace

bool Mesh::rot_row(Site& site, std::string_view kind) {
  const auto key = row_of(site.box.node->rows(), kind, random_);
  if (!key || !site.box.node->alive()) return false;
  trace.line(events.now(), site.name, "row rots", *key);
  site.box.node->rot(*key, "its disk gives back another bit");
  events.after(looks_at_damage, [this, &site] { settle_damage(site); });
  return true;
}

bool Mesh::rot_controller_row(std::string_view kind) {
  const auto key = row_of(controller->rows(), kind, random_);
  if (!key || !controller->alive()) return false;
  trace.line(events.now(), "controller", "row rots", *key);
  controller->rot(*key, "its disk gives back another bit");
  return true;
}

/// Nobody says that an order is over while its installer runs.
bool Mesh::may_be_settled(const Site& site) {
  return std::ranges::none_of(site.machines, [](const Machine* machine) {
    return machine->model->host().state() == bmcsim::HostState::installing;
  });
}

void Mesh::settle_damage(Site& site) {
  SimNode& node = *site.box.node;
  const auto found =
      node.rows().scan(agent::rows::damaged, agent::rows::after(agent::rows::damaged), SIZE_MAX).value();
  if (found.empty()) return;
  const auto again = [&] { events.after(looks_again, [this, &site] { settle_damage(site); }); };
  for (const Row& row : found) {
    record::DamagedRow damage;
    MM_CHECK(damage.ParseFromString(row.value.value()));
    if (!damage.acted_on() || !may_be_settled(site)) return again();
  }
  for (const Row& row : found) {
    agent::RowWord word{row.key.substr(std::string_view(agent::rows::damaged).size()), {}, "looked at it"};
    if (word.row.starts_with(agent::rows::fence)) {
      word.through = 0;
      // As `describe server` shows it.
      const auto known = controller->rows().find(
          tables::row(tables::generations, word.row.substr(std::string_view(agent::rows::fence).size())));
      record::Generation highest;
      if (known && controller::decode_row(*known, highest)) word.through = highest.generation();
    }
    node.stop();
    const auto batch = agent::settle_row(node.rows(), word, node.now().wall());
    MM_CHECK(batch.has_value());
    MM_CHECK(node.rows().commit(*batch));
    witness.on_agent_durable(node.name(), *batch);
    witness.marks().hit("a person settled a damaged row of an agent");
    trace.line(events.now(), site.name, "is told what is true of", word.row);
  }
  node.revive();
}

}  // namespace metalmesh::sim
