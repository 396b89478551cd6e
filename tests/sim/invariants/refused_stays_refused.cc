// Beyond the thirteen: an order that a site refused is not armed later, however often and whenever it comes
// again, as long as that site's journal has the refusal. The person was told that nothing was done.
#include <set>
#include <tuple>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class RefusedStaysRefused final : public Invariant {
 public:
  explicit RefusedStaysRefused(Court& court) : Invariant("refused_stays_refused", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    const auto attempt = std::tuple(told.agent.copy, event.deployment_id(), event.generation());
    const bool of_order = event.has_receipt() && !event.receipt().of_cancel();
    if (of_order && !event.receipt().accepted() && !taken_.contains(attempt)) refused_.insert(attempt);
    if (of_order && event.receipt().accepted()) taken_.insert(attempt);
    if (event.has_armed() && refused_.contains(attempt))
      object(told.node + " armed what it had refused: " + event.deployment_id());
  }

 private:
  using Attempt =
      std::tuple<std::size_t, std::string, std::uint64_t>;  // journal's copy, deployment, generation
  std::set<Attempt> refused_;
  std::set<Attempt> taken_;  // before any refusal: a job that runs answers its repetition with a refusal
};

}  // namespace

std::unique_ptr<Invariant> refused_stays_refused(Court& court) {
  return std::make_unique<RefusedStaysRefused>(court);
}

}  // namespace metalmesh::sim
