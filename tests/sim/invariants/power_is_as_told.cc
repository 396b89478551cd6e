// Works beside installs, by what happened to machines: what a power order is told to have done was done, what must not be
// repeated was done once, and whoever only looks changes nothing.
#include <algorithm>

#include "agents/core/row_keys.h"
#include "schemas/record/agent.pb.h"
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

  void on_agent_rows(const std::string& node, const Batch& batch) override {
    for (const RowWrite& row : batch) {
      record::Fence fence;
      if (!row.value || !row.key.starts_with(agent::rows::fence) || !fence.ParseFromString(*row.value))
        continue;
      const orders::Parts* order = latest(fence.deployment_id());
      if (order != nullptr && order->agreed.has_inspect())
        object("a fence at " + node + " rose for an order that only reads: " + fence.deployment_id());
    }
  }

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
    if (order == nullptr || order->agreed.has_install()) return;
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
  std::map<std::string, Ordered> ordered_;         // by deployment
  std::map<std::string, std::string> last_reset_;  // by address: the deployment whose reset left last
  std::map<std::string, std::size_t> acts_seen_;   // by machine
  std::map<std::string, unsigned> cycled_;         // by deployment
};

}  // namespace

std::unique_ptr<Invariant> power_is_as_told(Court& court) { return std::make_unique<PowerIsAsTold>(court); }

}  // namespace metalmesh::sim
