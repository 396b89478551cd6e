// Beyond the thirteen: an agent whose journal the controller follows is not given up for another one while it
// lives. It lives when the controller vouched for it moments ago; only a person may choose another one then.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

namespace tables = controller::tables;

/// Less than the product's own time: what was vouched for may have been said minutes before it is given up.
constexpr Duration moments = std::chrono::seconds(60);

class OwnerStays final : public Invariant {
 public:
  explicit OwnerStays(Court& court) : Invariant("owner_stays", court) {}

  void on_frame(const Frame& frame) override {
    if (frame.welcome == nullptr || !frame.by_controller || !frame.welcome->proven()) return;
    const std::string& journal = frame.welcome->journal_id();
    const auto [owner, first] = owners_.try_emplace(std::string(frame.site), Owner{journal, {}, false});
    if (!first && owner->second.journal != journal) given_up(owner->first, owner->second);
    owner->second = {journal, court_.events.now(), false};
  }
  /// Whom it follows is decided in a row, often long before that one is vouched for.
  void on_controller_rows(const Batch& batch) override {
    for (const RowWrite& row : batch) {
      record::SiteLink link;
      if (!row.key.starts_with(tables::links) || !row.value || !link.ParseFromString(*row.value)) continue;
      const auto owner = owners_.find(row.key.substr(tables::links.size()));
      if (owner == owners_.end()) continue;
      const std::string& journal = owner->second.journal;
      const auto among = [&](const auto& journals) {
        return std::ranges::find(journals, journal) != journals.end();
      };
      if (among(link.side_journals()) || among(link.past_event_journals()))
        given_up(owner->first, owner->second);
    }
  }
  void on_controller_restored() override { owners_.clear(); }
  void on_quarantine_cleared(const std::string& site) override { owners_.erase(site); }

 private:
  struct Owner {
    std::string journal;
    MonoTime vouched;
    bool given_up = false;
  };

  void given_up(const std::string& site, Owner& owner) {
    if (std::exchange(owner.given_up, true)) return;
    const MonoTime now = court_.events.now();
    // While the controller was frozen nobody could be heard.
    const MonoTime heard = std::max(owner.vouched, std::min(facts_.controller_wakes, now));
    if (now - heard >= moments) return;
    object(fmt::format("{}: journal {} is not followed any more, and its agent was vouched for {} s ago",
                       site, owner.journal.substr(0, 8),
                       std::chrono::duration_cast<std::chrono::seconds>(now - owner.vouched).count()));
  }

  std::map<std::string, Owner> owners_;  // by site
};

}  // namespace

std::unique_ptr<Invariant> owner_stays(Court& court) { return std::make_unique<OwnerStays>(court); }

}  // namespace metalmesh::sim
