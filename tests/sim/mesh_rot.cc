// Rows that rot on the boxes' disks, and whoever cares for a site's box: looks at what was damaged, and settles it.
#include <algorithm>

#include "agents/core/row_keys.h"
#include "agents/core/row_settle.h"
#include "common/base/check.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "schemas/record/damage.pb.h"
#include "tests/sim/mesh.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;

namespace tables = controller::tables;

constexpr Duration looks_at_damage = 4min;
constexpr Duration looks_again = 1min;

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
