// What becomes of the boxes that agents and the controller run on: they are cloned, stolen, emptied, given up, switched on beside one
// another.
#include <fmt/format.h>

#include "controller/core/controller_core.h"
#include "tests/sim/mesh.h"

namespace metalmesh::sim {

using namespace std::chrono_literals;

void Mesh::clone_box(Site& site) {
  if (site.twin.node || !bus.hears(site.name)) return;
  for (Machine* machine : site.machines) {  // the copy may leave things behind
    machine->displaced = true;
    machine->forgotten = false;
  }
  trace.line(events.now(), site.name, "is cloned");
  witness.marks().hit("two agents had one identity");
  const std::string name = site.name + "-twin";
  site.twin = build_box(site, name);
  site.twin.node->rows().replace(site.box.node->rows().rows());
  if (swarm.one_client_id) bus.share_id(name, site.name);
  witness.on_agent_started(name, site.name, site.twin.node->rows());
  witness.on_store_replaced(name, site.twin.node->rows());
  site.twin.node->start();
}

void Mesh::start_newcomer(Site& site) {
  if (healed_ || site.twin.node || !bus.hears(site.name)) return;
  trace.line(events.now(), site.name, "gets an empty newcomer beside it");
  witness.marks().hit("an empty agent ran under the name of a site that lived");
  const std::string name = site.name + "-twin";
  site.twin = build_box(site, name);
  site.twin_was_empty = true;
  witness.on_agent_started(name, site.name, site.twin.node->rows());
  witness.on_store_replaced(name, site.twin.node->rows());
  site.twin.node->start();
}

void Mesh::stop_newcomer(Site& site) {
  if (!site.twin.node || !site.twin_was_empty) return;
  trace.line(events.now(), site.name, "is alone again");
  site.twin.node->stop();
  site.twin.media->crash();
}

void Mesh::steal_box(Site& site) {
  trace.line(events.now(), site.name, "is a thief's");
  site.box.node->stop();
  site.box.media->crash();
  for (Machine* machine : site.machines) machine->model->host().power_cut(events.now(), {});
  witness.on_stolen(site.name);
}

void Mesh::enrol_anew(Site& site) {
  trace.line(events.now(), site.name, "is enrolled anew");
  if (site.twin.node) {
    site.twin.node->stop();
    site.twin.media->crash();
  }
  site.box.media->lose_power();
  site.box.images->lose();
  lose_store(site, "its folder is emptied");
}

void Mesh::lose_store(Site& site, std::string_view why) {
  for (Machine* machine : site.machines) {
    machine->forgotten = machine->forgotten || !machine->displaced;
    machine->displaced = true;
  }
  site.box.node->crash_into({}, why);
  witness.on_store_replaced(site.name, site.box.node->rows());
}

void Mesh::revive_twin(Site& site) {
  if (!site.twin.node || site.twin.node->alive()) return;
  witness.marks().hit("a box that was given up came back");
  site.twin.node->revive();
}

void Mesh::start_second_controller() {
  if (healed_ || second) return;
  trace.line(events.now(), "controller", "is cloned");
  const std::string name = "controller-twin";
  Surroundings around;
  around.clock_error = 500ms;
  around.publish = [this, name](Publish message) {
    for (const auto& site : sites) {
      if (message.topic == topics::down(SiteName(site->name)))
        witness.on_published_by_second(name, site->name, message, second->rows());
    }
    bus.publish(name, std::move(message));
  };
  around.durable = [](const Batch&) {};
  around.came_up = [this, name](const Surroundings::Deliver&) { bus.connect(name); };
  around.went_down = [this, name] { bus.disconnect(name); };
  around.log_line = [](std::string_view) {};
  second = std::make_unique<SimNode>(
      name, events, trace, swarm, random_.fork(),
      [this](const RowReader& rows, Entropy& entropy) {
        return std::make_unique<controller::ControllerCore>(rows, keys_.signer("controller"),
                                                            keys_.verifier(), entropy);
      },
      std::move(around));
  second->rows().replace(controller->rows().rows());
  bus.attach(
      name, std::string(topics::every_up), [this](Input input) { second->deliver(std::move(input)); },
      [](const MessageArrived&) {});
  second->start();
}

void Mesh::stop_second_controller() {
  if (second) second->stop();
}

}  // namespace metalmesh::sim
