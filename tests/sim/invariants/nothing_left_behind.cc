// Beyond the thirteen: what is still inserted when all is over is owned up to as a debt, or as an outcome
// that nobody knows.
#include <algorithm>

#include "controller/state/deployment_states.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class NothingLeftBehind final : public Invariant {
 public:
  explicit NothingLeftBehind(Court& court) : Invariant("nothing_left_behind", court) {}

  void on_logged(const Logged& logged) override {
    const wire::Event& event = logged.event;
    const bool owes = event.ended().debts_size() > 0 || event.released().debts_size() > 0 ||
                      event.ended().outcome() == wire::Ended::INDETERMINATE;
    if (owes) told_.insert(event.server());
    // Whoever inserts has seen the slot empty.
    if (event.stage().stage() == wire::INSERT) told_.erase(event.server());
  }

  void on_controller_rows(const Batch& batch) override {
    for (const RowWrite& row : batch) {
      rest::LogEvent line;
      if (row.value && row.key.starts_with(controller::tables::events) &&
          controller::decode_row(*row.value, line) && line.type() == "doubted") {
        mark("nobody knows what was done to a machine between a backup and a lost journal");
        told_.insert(line.server());
      }
    }
  }
  void at_end() override {
    for (const Machine* machine : court_.machines) {
      if (!machine->model->host().media_inserted() || machine->displaced) continue;
      const auto owned_up = [&](const auto& item) {
        const rest::Deployment& deployment = item.second;
        return deployment.server() == machine->name &&
               (deployment.debts_size() > 0 || deployment.state() == controller::states::indeterminate ||
                deployment.resolved_from() == controller::states::indeterminate);
      };
      // Or it is in the log alone: its rollout was deleted.
      if (!told_.contains(machine->name) && std::ranges::none_of(facts_.deployments, owned_up))
        object(machine->name + " still holds our medium, and nobody owns up to it");
    }
  }

 private:
  std::set<std::string> told_;  // servers of which somebody owned up to something, in the log
};

}  // namespace

std::unique_ptr<Invariant> nothing_left_behind(Court& court) {
  return std::make_unique<NothingLeftBehind>(court);
}

}  // namespace metalmesh::sim
