// Stories of bits that turn over in a store.
#include <iterator>

#include "agents/core/row_keys.h"
#include "controller/state/tables.h"
#include "tests/sim/stories.h"
#include "tests/sim/story_marks.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;

namespace {

namespace tables = controller::tables;

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

}  // namespace metalmesh::sim
