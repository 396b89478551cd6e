// I11: what does not verify, is oversize or malformed changes nothing; a command that verifies and is of an
// unknown kind advances the cursor and is answered UNSUPPORTED; an order that is not what its plan says is refused.
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class BadInputChangesNothing final : public Invariant {
 public:
  explicit BadInputChangesNothing(Court& court) : Invariant("bad_input_changes_nothing", court) {}

  void on_bad_message(const std::string& node, bool ignored) override {
    mark("a forged or damaged message was rejected");
    if (!ignored) object(node + " acted on a message that nobody trusted has signed");
  }
  void on_told(const Told& told) override {
    if (!told.event.has_receipt()) return;
    const wire::CommandReceipt& receipt = told.event.receipt();
    const auto command = facts_.commands.find({told.agent.command_journal, receipt.command_seq()});
    if (command == facts_.commands.end()) return;
    if (command->second.has_order() && facts_.altered.contains(command->second.order().SerializeAsString())) {
      if (receipt.accepted()) return object(told.node + " accepted an order that is not what its plan says");
      return mark("an order that somebody altered was refused");
    }
    if (command->second.body_case() != wire::Command::BODY_NOT_SET) return;
    if (receipt.accepted()) return object(told.node + " accepted a command of an unknown kind");
    mark("a command of an unknown kind was answered UNSUPPORTED");
  }
};

}  // namespace

std::unique_ptr<Invariant> bad_input_changes_nothing(Court& court) {
  return std::make_unique<BadInputChangesNothing>(court);
}

}  // namespace metalmesh::sim
