// Beyond the thirteen: what is still inserted when all is over is owned up to as a debt, or as an outcome
// that nobody knows. Where the agent lost its folder in the middle of a deployment it is looked for: there the
// outcome that nobody knows does not say it.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "controller/state/deployment_states.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/words.h"

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
  void on_store_changed(const std::string& node) override {
    for (const auto& [id, deployment] : facts_.deployments) {
      const std::string& state = deployment.state();
      const bool inserts = facts_.installs(id) || deployment.action() == "bootIso";
      if (inserts && deployment.site() == facts_.agents[node].site &&
          (state == "RUNNING" || state == "ISSUED"))
        cut_off_[deployment.server()] = id;
    }
  }
  void on_order(const wire::Command&, const orders::Parts& order) override {
    if (order.issue.generation() != 0) cut_off_.erase(order.agreed.server());
  }
  void at_end() override {
    for (const Machine* machine : court_.machines) {
      const bmcsim::Host& host = machine->model->host();
      const bool has_ours = host.media_inserted() && is_our_medium(host.media_url());
      if (has_ours && machine->forgotten) judge_forgotten(*machine);
      if (!has_ours || machine->displaced) continue;
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
  void judge_forgotten(const Machine& machine) {
    const auto cut_off = cut_off_.find(machine.name);
    if (cut_off == cut_off_.end()) return;
    const auto known = facts_.deployments.find(cut_off->second);
    if (known == facts_.deployments.end() || known->second.state() != controller::states::indeterminate)
      return;
    mark("a medium was left in by an agent that lost its folder");
    if (known->second.debts_size() == 0 && !told_.contains(machine.name))
      object(machine.name + " still holds the medium of " + known->first +
             ", whose agent lost its folder, and nobody looked for it");
  }

  std::map<std::string, std::string> cut_off_;  // by server: the deployment whose agent lost its store
  std::set<std::string> told_;                  // servers of which somebody owned up to something, in the log
};

}  // namespace

std::unique_ptr<Invariant> nothing_left_behind(Court& court) {
  return std::make_unique<NothingLeftBehind>(court);
}

}  // namespace metalmesh::sim
