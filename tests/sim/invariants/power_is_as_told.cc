// Works beside installs, by what happened to machines: what a power order is told to have done was done, what must not be
// repeated was done once, and whoever only looks changes nothing.
#include <algorithm>
#include <set>
#include <utility>

#include "agents/core/row_keys.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/job.pb.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

using wire::Power;

class PowerIsAsTold final : public Invariant {
 public:
  explicit PowerIsAsTold(Court& court) : Invariant("power_is_as_told", court) {}

  void on_order(const wire::Command&, const orders::Parts& order) override {
    const Machine* machine = machine_of(order);
    const bool on = machine != nullptr && machine->model->host().on();
    ordered_.try_emplace(order.issue.deployment_id(), Ordered{court_.events.now(), on});
    if (order.agreed.has_inspect() && order.issue.generation() != 0)
      object("an order that only reads has a generation: " + order.issue.deployment_id());
  }

  void on_call(const BmcCall& call) override {
    const std::string id = deployment_of(call.request.id);
    const orders::Parts* order = latest(id);
    if (order == nullptr) return;
    const bool logs_in_or_out = call.request.url.contains("/Sessions");
    if (order->agreed.has_inspect() && call.request.method != "GET" && !logs_in_or_out)
      object(call.request.method + " " + call.request.url + " by an order that only reads: " + id);
    if (call.request.method == "POST" && call.request.url.contains("Reset"))
      last_reset_[order->agreed.bmc().address()] = id;
  }

  void on_store_changed(const std::string& node) override { open_.erase(node); }
  void on_agent_rows(const std::string& node, const Batch& batch) override {
    for (const RowWrite& row : batch) {
      if (row.key.starts_with(agent::rows::job)) take_job(node, row);
      record::Fence fence;
      if (!row.value || !row.key.starts_with(agent::rows::fence) || !fence.ParseFromString(*row.value))
        continue;
      const orders::Parts* order = latest(fence.deployment_id());
      if (order != nullptr && order->agreed.has_inspect())
        object("a fence at " + node + " rose for an order that only reads: " + fence.deployment_id());
    }
  }

  /// What only switches, or only looks, changes nothing of what is told of disks.
  /// But for an order's own doubt: while a restored controller did not know what an order was, it may have been an install.
  void on_controller_rows(const Batch& batch) override {
    const auto moved = [&](const std::string& server, bool installs) {
      std::set<std::string> ids;
      for (const DeploymentMove& move : facts_.moves)
        if (move.now->server() == server && facts_.installs(move.now->id()) == installs)
          ids.insert(move.now->id());
      return ids;
    };
    for (const RowWrite& row : batch) {
      if (!row.key.starts_with(controller::tables::servers)) continue;
      const std::string name = row.key.substr(controller::tables::servers.size());
      rest::Server server;
      const bool is_there = row.value && controller::decode_row(*row.value, server);
      const std::set<std::string> switched = moved(name, false);
      Phase& phase = phases_[name];
      const std::string before = std::exchange(phase.told, is_there ? server.status().phase() : "");
      const std::set<std::string> was_by = phase.by;
      if (phase.told != before) phase.by = taken_for_installs(name);
      const bool told_of_disk = before == "installed" || before == "failed" || before == "unproven";
      const bool by_another =
          std::ranges::any_of(switched, [&](const std::string& id) { return !was_by.contains(id); });
      if (told_of_disk && phase.told == "ready" && by_another && moved(name, true).empty())
        object(name + " was told to be " + before + ", and is ready after an order that touches no disk");
    }
  }
  void on_controller_restored() override { phases_.clear(); }

  void on_machine(const Machine& machine) override {
    const auto& acts = machine.model->host().acts();
    std::size_t& seen = acts_seen_[machine.name];
    for (; seen < acts.size(); ++seen) {
      const auto caller = last_reset_.find(machine.address);
      if (acts[seen].what != "reset call" || caller == last_reset_.end()) continue;
      const orders::Parts* order = latest(caller->second);
      if (order == nullptr || order->agreed.power().change() != Power::CYCLE) continue;
      if (++cycled_[caller->second] > 1) object(machine.name + " was cycled twice by " + caller->second);
    }
  }

  void on_told(const Told& told) override {
    if (!told.event.has_ended()) return;
    const std::string& id = told.event.deployment_id();
    const orders::Parts* order = latest(id);
    if (order == nullptr || order->agreed.has_install() || order->agreed.has_boot_iso()) return;
    const wire::Ended& end = told.event.ended();
    if (end.disk() != wire::DISK_UNTOUCHED) object("an order that touches no disk ended with another: " + id);
    const Machine* machine = machine_of(*order);
    if (machine == nullptr) return;
    if (order->agreed.has_inspect()) {
      if (end.outcome() == wire::Ended::SUCCEEDED &&
          machine->model->host().state() == bmcsim::HostState::installing)
        mark("a machine was inspected while it was installed");
      return;
    }
    if (!order->agreed.has_power()) return;
    if (end.fault().code() == wire::OUTCOME_UNKNOWN) mark("nobody knows whether a machine was cycled");
    if (end.outcome() != wire::Ended::SUCCEEDED) return;
    mark("a machine was switched by an order");
    if (!is_so(*machine, order->agreed.power().change(), id))
      object(id + " is told " + Power::Change_Name(order->agreed.power().change()) + ", and " +
             machine->name + " was not");
  }

 private:
  /// Of those that moved: the controller does not know their action, though they touch no disk.
  [[nodiscard]] std::set<std::string> taken_for_installs(const std::string& server) const {
    std::set<std::string> ids;
    for (const DeploymentMove& move : facts_.moves)
      if (move.now->server() == server && move.now->action().empty() && !facts_.installs(move.now->id()))
        ids.insert(move.now->id());
    return ids;
  }
  /// Of works that change a machine there is one at a time.
  void take_job(const std::string& node, const RowWrite& row) {
    record::Job job;
    auto& open = open_[node];
    open.erase(row.key);
    if (!row.value || !job.ParseFromString(*row.value) || job.ended() || job.issue().generation() == 0)
      return;
    const auto beside =
        std::ranges::find(open, job.machine(), [](const auto& other) { return other.second; });
    if (beside != open.end())
      object(node + " took " + job.issue().deployment_id() + " beside an open order for the same machine");
    open.emplace(row.key, job.machine());
  }
  /// Of "job/<deployment>/<n>".
  static std::string deployment_of(const std::string& request) {
    if (!request.starts_with("job/")) return {};
    const std::size_t end = request.find('/', 4);
    return request.substr(4, end == std::string::npos ? end : end - 4);
  }
  [[nodiscard]] const orders::Parts* latest(const std::string& id) const {
    const auto found = facts_.handed_out.find(id);
    return found == facts_.handed_out.end() || found->second.empty() ? nullptr
                                                                     : &found->second.rbegin()->second;
  }
  [[nodiscard]] const Machine* machine_of(const orders::Parts& order) const {
    const auto found = std::ranges::find(court_.machines, order.agreed.server(), &Machine::name);
    return found == court_.machines.end() ? nullptr : *found;
  }

  /// It is in that state, or was since it was ordered.
  bool is_so(const Machine& machine, Power::Change change, const std::string& id) const {
    const bmcsim::Host& host = machine.model->host();
    const auto since = [&](std::initializer_list<std::string_view> begins) {
      return std::ranges::any_of(host.acts(), [&](const bmcsim::Act& act) {
        return act.at >= ordered_.at(id).at && std::ranges::any_of(begins, [&](std::string_view begin) {
                 return act.what.starts_with(begin);
               });
      });
    };
    switch (change) {
      case Power::ON:
        return host.on() || ordered_.at(id).was_on || since({"power on", "reset"});
      case Power::OFF:
      case Power::GRACEFUL:
        return !host.on() || !ordered_.at(id).was_on || since({"power off", "power cut"});
      case Power::CYCLE:
        return cycled_.contains(id) || since({"reset", "power on"});
      default:
        return true;
    }
  }

  struct Ordered {
    MonoTime at;  // first published
    bool was_on = false;
  };
  std::map<std::string, Ordered> ordered_;  // by deployment
  std::map<std::string, std::map<std::string, std::string>>
      open_;  // by node and row: the machine of the order
  struct Phase {
    std::string told;
    std::set<std::string> by;  // orders that touch no disk, moved when it was told, and were taken for installs
  };
  std::map<std::string, Phase> phases_;            // by server, as the controller keeps them
  std::map<std::string, std::string> last_reset_;  // by address: the deployment whose reset left last
  std::map<std::string, std::size_t> acts_seen_;   // by machine
  std::map<std::string, unsigned> cycled_;         // by deployment
};

}  // namespace

std::unique_ptr<Invariant> power_is_as_told(Court& court) { return std::make_unique<PowerIsAsTold>(court); }

}  // namespace metalmesh::sim
