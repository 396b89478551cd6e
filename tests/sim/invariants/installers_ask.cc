// Beyond the thirteen: an installer that was told to show its machine writes no disk without a go; nobody gets one for
// another machine, or while nobody can judge; of all who ask for one order one gets it, and it gets the same answer however
// often its words come; and an order whose installer was refused ends by that.
#include <map>
#include <set>

#include "agents/core/row_keys.h"
#include "common/text/letters.h"
#include "schemas/record/job.pb.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class InstallersAsk final : public Invariant {
 public:
  explicit InstallersAsk(Court& court) : Invariant("installers_ask", court) {}

  void on_agent_rows(const std::string&, const Batch& batch) override {
    for (const RowWrite& row : batch) {
      record::Job job;
      if (row.value && row.key.starts_with(agent::rows::job) && job.ParseFromString(*row.value) &&
          job.check_go())
        decided_.insert(job.issue().deployment_id());
    }
  }
  void on_asked(const Asked& asked) override {
    if (asked.status != 200) {
      if (!asked.agent_there) mark("an installer asked while its agent was away");
      return;
    }
    const bool go = asked.says.starts_with("go");
    const std::string deployment = shown(asked.body, "deployment=");
    if (go && !decided_.contains(deployment))
      object("a go that its agent had not written down: " + deployment);
    if (asked.stranger) mark("somebody asked in a machine's place");
    const auto [first, fresh] = said_.try_emplace(asked.body, go);
    if (!fresh && lost_.contains(asked.body)) mark("an answer that got lost was given again");
    if (asked.lost) lost_.insert(asked.body);
    if (!fresh && go && !first->second) object("who was refused got a go for the same words: " + deployment);
    const bool over = asked.says.contains("is to run") || asked.says.contains("order is over");
    if (!fresh && !go && first->second && !over) object("who had a go was refused: " + deployment);
    if (go) take_go(asked, deployment);
    if (!go && !asked.stranger && !asked.lost) heard_no_.insert(deployment);
    if (go || asked.stranger || !asked.says.contains("the installer runs on")) return;
    mark("an installer showed another machine, and was refused");
    refused_.insert(deployment);
  }
  void on_wipe(const Wipe& wipe) override {
    if (wipe.order == nullptr) return;
    const std::string& id = wipe.install.deployment;
    const wire::InstallerCheck check = wipe.order->agreed.install().check();
    if (check == wire::INSTALLER_CHECK_UNSPECIFIED) return;
    const auto heard = heard_.find(wipe.machine.name);
    const bool has_go = heard != heard_.end() && heard->second == id;
    if (heard_no_.contains(id)) object(wipe.machine.name + " was refused, and wrote: " + id);
    if (check == wire::CHECK_REQUIRED && !has_go) object(wipe.machine.name + " wrote without a go: " + id);
    mark(has_go ? "an installer got its go and wrote" : "an installer could ask nobody and went on");
  }
  void at_end() override {
    for (const std::string& id : refused_) {
      const auto known = facts_.deployments.find(id);
      if (known == facts_.deployments.end() || !known->second.resolved_by().empty()) continue;
      if (known->second.state() == "SUCCEEDED") object("succeeded although its installer was refused: " + id);
      if (known->second.state() == "INDETERMINATE" && known->second.fault().code() != wire::INSTALLER_REFUSED)
        object("its installer was refused, and it ended as " +
               wire::FaultCode_Name(known->second.fault().code()) + ": " + id);
    }
  }

 private:
  static std::string shown(const std::string& body, const std::string& name) {
    const auto at = body.find(name);
    if (at == std::string::npos) return {};
    const auto from = at + name.size();
    return body.substr(from, body.find('\n', from) - from);
  }
  void take_go(const Asked& asked, const std::string& deployment) {
    const auto [first, fresh] = went_to_.try_emplace(deployment, asked.body);
    if (!fresh && first->second != asked.body) object("two askers got the go of one order: " + deployment);
    const auto launched = facts_.launched_order(deployment);
    if (launched != nullptr &&
        to_lower(launched->agreed.identity().uuid()) != to_lower(shown(asked.body, "uuid=")))
      object("a go for another machine than the ordered one: " + deployment);
    if (!asked.stranger && !asked.lost) heard_[asked.machine.name] = deployment;
  }

  std::map<std::string, bool> said_;            // by what was shown: whether it got a go
  std::set<std::string> lost_;                  // words whose answer was lost
  std::map<std::string, std::string> went_to_;  // by deployment: whose words got the go
  std::map<std::string, std::string> heard_;    // by machine: the deployment whose go it has
  std::set<std::string> decided_;               // deployments whose agent said go, durably
  std::set<std::string> heard_no_;              // deployments whose machine heard so
  std::set<std::string> refused_;               // deployments
};

}  // namespace

std::unique_ptr<Invariant> installers_ask(Court& court) { return std::make_unique<InstallersAsk>(court); }

}  // namespace metalmesh::sim
