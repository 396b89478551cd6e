// What is ordered for BMCs alone: a doctor changes nothing, a test of the way to a medium and housekeeping touch neither power
// nor the next start, and nothing is inserted into a host that runs unless that was agreed to.
#include <algorithm>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

class CareSparesHosts final : public Invariant {
 public:
  explicit CareSparesHosts(Court& court) : Invariant("care_spares_hosts", court) {}

  void on_order(const wire::Command&, const orders::Parts& order) override {
    if (order.agreed.has_doctor() && order.issue.generation() != 0)
      object("an order that only reads has a generation: " + order.issue.deployment_id());
  }

  void on_call(const BmcCall& call) override {
    const std::string& url = call.request.url;
    const orders::Parts* order = order_of(call.request.id);
    if (order == nullptr || call.request.method == "GET") return;
    const wire::Agreed& agreed = order->agreed;
    const bool of_session = url.contains("/Sessions");
    if (agreed.has_doctor() && !of_session) object("a doctor changes something: " + url);
    if (!agreed.has_mount_test() && !agreed.has_housekeeping()) return;
    const bool of_slot = url.contains("/VirtualMedia/");  // some BMCs insert and eject by PATCH
    const bool patches = call.request.method == "PATCH";
    if (url.contains("Reset") || (patches && !of_slot && url.contains("/Systems/")))
      object("care of a BMC touches its host: " + call.request.method + " " + url);
    const bool inserts =
        url.contains("InsertMedia") || (patches && of_slot && call.request.body.contains("\"http"));
    if (!inserts || !agreed.has_mount_test()) return;
    mark("a way to a medium was tested");
    if (runs_for_long(*order) && !agreed.mount_test().in_use())
      object("a medium is inserted into " + agreed.server() + ", which runs, only to test it");
  }

 private:
  [[nodiscard]] const orders::Parts* order_of(const std::string& request) const {
    if (!request.starts_with("job/")) return nullptr;
    const auto found = facts_.handed_out.find(request.substr(4, request.find('/', 4) - 4));
    return found == facts_.handed_out.end() || found->second.empty() ? nullptr
                                                                     : &found->second.rbegin()->second;
  }
  /// Whoever asked a moment ago may have seen it off.
  [[nodiscard]] bool runs_for_long(const orders::Parts& order) const {
    const auto machine = std::ranges::find(court_.machines, order.agreed.server(), &Machine::name);
    if (machine == court_.machines.end() || !(*machine)->model->host().on()) return false;
    const auto& acts = (*machine)->model->host().acts();
    return acts.empty() || acts.back().at + 1min < court_.events.now();
  }
};

}  // namespace

std::unique_ptr<Invariant> care_spares_hosts(Court& court) {
  return std::make_unique<CareSparesHosts>(court);
}

}  // namespace metalmesh::sim
