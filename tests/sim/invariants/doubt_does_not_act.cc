// I12: an agent whose history or uniqueness is in doubt does not act: nothing is armed or launched in a life
// that the controller did not vouch for, or from a store that was put back to before what the controller
// holds; whose rows say that its history is contradicted answers no command; the controller vouches for lives one
// after the other, never in turn; orders meant for another journal or of an older controller are refused.
#include <algorithm>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class DoubtDoesNotAct final : public Invariant {
 public:
  explicit DoubtDoesNotAct(Court& court) : Invariant("doubt_does_not_act", court) {}

  void on_told(const Told& told) override {
    if (told.event.has_armed() || told.event.has_launched()) {
      if (!told.agent.vouched) object(told.node + " armed or launched before the controller vouched for it");
      if (told.agent.behind_log) object(told.node + " armed or launched with an old copy of its store");
    }
    const bool answers = told.event.has_receipt() || told.event.has_cancel();
    if (answers && told.agent.quarantined && *told.agent.quarantined < court_.events.now())
      object(told.node + " answered a command although its own history is contradicted");
    if (!told.event.has_receipt() || !told.event.receipt().accepted()) return;
    const auto command =
        facts_.commands.find({told.agent.command_journal, told.event.receipt().command_seq()});
    if (command == facts_.commands.end()) return;
    if (command->second.journal_id() != facts_.copies[told.agent.copy].journal_id)
      object(told.node + " obeyed a command that is meant for another journal");
    if (command->second.controller_epoch() < told.agent.epoch)
      object(told.node + " obeyed a controller that was replaced");
  }

  void on_frame(const Frame& frame) override {
    if (frame.welcome == nullptr || !frame.welcome->proven()) return;
    auto& lives = vouched_[std::string(frame.site)];
    const std::string& incarnation = frame.welcome->incarnation();
    if (lives.empty() || lives.back() != incarnation) {
      if (std::ranges::find(lives, incarnation) != lives.end())
        object("the controller vouched in turn for two agents of " + std::string(frame.site));
      lives.push_back(incarnation);
    }
  }
  void on_quarantine_cleared(const std::string& site) override { vouched_.erase(site); }

 private:
  std::map<std::string, std::vector<std::string>> vouched_;  // by site, in order
};

}  // namespace

std::unique_ptr<Invariant> doubt_does_not_act(Court& court) {
  return std::make_unique<DoubtDoesNotAct>(court);
}

}  // namespace metalmesh::sim
