// When servers may be started: in one of the windows of their rollout, if that has any, and in one of those of their site, if that has
// any and if the rollout changes machines: to look at one is no matter of the night. A window is open while the clock on the wall of its time zone shows a time in it: in the night in which an hour comes twice it is
// open twice as long, and of the hour that is missing it has nothing. It limits starts alone: what runs when it shuts goes on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/zones/zone_book.h"
#include "controller/core/field_rules.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

using Windows = google::protobuf::RepeatedPtrField<rest::StartWindow>;

/// `site_zone`: where a window says none of its own; empty: it may be any, since windows stand at several sites.
rules::Verdict check_windows(const Windows& windows, const std::string& site_zone, const MeshState& mesh);
rules::Verdict check_time_zone(const std::string& field, const std::string& name, const MeshState& mesh);

/// The windows of one rollout at one site.
class StartWindows {
 public:
  StartWindows(const MeshState& mesh, const rest::RolloutSpec& rollout, const std::string& site);

  /// None: it is open at any time.
  [[nodiscard]] bool any() const { return !rollout_.empty() || !site_.empty(); }
  [[nodiscard]] bool is_open(WallTime when) const;
  /// Wherever in the interval the true time lies.
  [[nodiscard]] bool is_open(const Now& now) const { return is_open(now.wall_low) && is_open(now.wall_high); }
  /// The first moment behind `when` at which that is otherwise; nothing: not within `ahead`.
  [[nodiscard]] std::optional<WallTime> turns(WallTime when) const;
  /// The longest time without a break that lies in the week behind `when`.
  [[nodiscard]] Duration longest(WallTime when) const;
  /// "sat 22:00-05:00 (Europe/Paris)"
  [[nodiscard]] std::string words() const;
  /// "2026-10-24 22:00 CEST", as clocks show it there.
  [[nodiscard]] std::string local_words(WallTime when) const;
  /// Two of these are equal when they have the same windows.
  bool operator==(const StartWindows&) const = default;

  /// With days of the week a window that opens at all opens within so long, but for one whose only hour is missing once.
  static constexpr Duration ahead = std::chrono::hours(24 * 15);

 private:
  struct Window {
    unsigned days = 0;  // bit 0: Sunday
    std::chrono::seconds from{}, to{};
    const zones::Zone* zone = nullptr;  // none: its name is not known, so it never opens
    std::string text;
    bool operator==(const Window&) const = default;
    [[nodiscard]] bool is_open(zones::Seconds when) const;
    [[nodiscard]] zones::Seconds next_border(zones::Seconds when) const;
  };
  static std::vector<Window> read(const Windows& windows, const std::string& site_zone,
                                  const MeshState& mesh);

  std::vector<Window> rollout_, site_;
};

}  // namespace metalmesh::controller
