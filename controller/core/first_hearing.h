// After a start. A store that was put back to an older copy looks like any other, until a site is heard that
// knows more. So what was under way when this life began goes on only when every site that ever spoke was
// heard, or had long enough for it since the bus came up: an order that a forgotten abort had called back
// must not leave because another site answers first.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "controller/core/site_link.h"
#include "controller/state/ledger.h"

namespace metalmesh::controller {

class FirstHearing {
 public:
  /// `patience`: for sites that may be away for good.
  explicit FirstHearing(Duration patience) : patience_(patience) {}

  /// When a life begins.
  void begin(const MeshState& mesh);
  void on_bus(bool up, const Now& now);
  /// Each tick. True when what was held may go on from now on.
  bool ends(const std::map<std::string, std::unique_ptr<SiteLink>>& links, const Now& now);
  /// Nothing of this rollout is handed out yet.
  [[nodiscard]] bool holds(const std::string& rollout) const { return under_way_.contains(rollout); }

 private:
  Duration patience_;
  std::set<std::string> under_way_;
  std::optional<MonoTime> bus_up_;
};

}  // namespace metalmesh::controller
