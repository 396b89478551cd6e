// Beyond the thirteen: an agent whose journal the controller follows is not given up for another one while it
// lives. It lives when the controller vouched for it moments ago; only a person may choose another one then.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

/// Less than the product's own time: what was vouched for may have been said minutes before it is given up.
constexpr Duration moments = std::chrono::seconds(60);

class OwnerStays final : public Invariant {
 public:
  explicit OwnerStays(Court& court) : Invariant("owner_stays", court) {}

  void on_frame(const Frame& frame) override {
    if (frame.welcome == nullptr || !frame.by_controller || !frame.welcome->proven()) return;
    const MonoTime now = court_.events.now();
    const std::string& journal = frame.welcome->journal_id();
    auto [owner, first] = owners_.try_emplace(std::string(frame.site), Owner{journal, now});
    // While the controller was frozen nobody could be heard.
    const MonoTime heard = std::max(owner->second.vouched, std::min(facts_.controller_wakes, now));
    if (!first && owner->second.journal != journal && now - heard < moments)
      object(
          fmt::format("{}: journal {} is followed, and the agent of {} was vouched for {} s ago", frame.site,
                      journal.substr(0, 8), owner->second.journal.substr(0, 8),
                      std::chrono::duration_cast<std::chrono::seconds>(now - owner->second.vouched).count()));
    owner->second = {journal, now};
  }
  void on_controller_restored() override { owners_.clear(); }
  void on_quarantine_cleared(const std::string& site) override { owners_.erase(site); }

 private:
  struct Owner {
    std::string journal;
    MonoTime vouched;
  };
  std::map<std::string, Owner> owners_;  // by site
};

}  // namespace

std::unique_ptr<Invariant> owner_stays(Court& court) { return std::make_unique<OwnerStays>(court); }

}  // namespace metalmesh::sim
