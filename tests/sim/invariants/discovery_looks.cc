// A discovery reads service roots, logs in to nobody, and leaves alone each BMC that work of ours talks to.
#include <map>
#include <set>
#include <string>

#include "agents/core/discovery_desk.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

class DiscoveryLooks final : public Invariant {
 public:
  explicit DiscoveryLooks(Court& court) : Invariant("discovery_looks", court) {}

  void on_told(const Told& told) override {
    const std::string& id = told.event.deployment_id();
    if (told.event.has_ended()) {
      talks_.erase(id);
      ended_.insert(id);  // a medium that stays is looked after once in a while
    }
    if (told.event.has_discovered())
      for (const wire::FoundBmc& found : told.event.discovered().found())
        mark(found.what() == wire::FoundBmc::NOT_ASKED ? "a discovery left a BMC alone"
                                                       : "a discovery found a BMC");
    if (!told.event.has_stage()) return;
    const wire::Stage stage = told.event.stage().stage();
    if (stage >= wire::CONNECT && stage < wire::DONE && !ended_.contains(id))
      talks_.try_emplace(id, Talk{told.node, court_.events.now(), facts_.chances});
    else
      talks_.erase(id);  // it waits, and does not talk
  }

  void on_call(const BmcCall& call) override {
    if (!call.request.id.starts_with(agent::DiscoveryDesk::prefix)) return;
    if (call.request.method != "GET" || call.request.credential || call.request.basic)
      object("a discovery does more than look: " + call.request.method + " " + call.request.url);
    for (const auto& [id, talk] : talks_) {
      // What it began to look at before may be under way; who starts anew finds its works again one after the other.
      const bool sure =
          talk.node == call.node && talk.starts == facts_.chances && court_.events.now() - talk.since > 1min;
      const auto order = facts_.handed_out.find(id);
      if (!sure || order == facts_.handed_out.end()) continue;
      const std::string& address = order->second.rbegin()->second.agreed.bmc().address();
      if (call.request.url.starts_with("https://" + address + "/"))
        object("a discovery asks " + address + ", which " + id + " talks to");
    }
  }

 private:
  struct Talk {
    std::string node;
    MonoTime since;
    std::uint64_t starts;  // of agents, by then
  };
  std::map<std::string, Talk> talks_;  // by deployment
  std::set<std::string> ended_;
};

}  // namespace

std::unique_ptr<Invariant> discovery_looks(Court& court) { return std::make_unique<DiscoveryLooks>(court); }

}  // namespace metalmesh::sim
