// How fast a site may fetch images at which time of the day: wire::ImageBandwidth, checked and asked. Times
// are UTC, so that no change of a clock's zone moves a cap. Pure; the clock's reading is handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "schemas/wire/images.pb.h"

namespace metalmesh {

class BandwidthPlan {
 public:
  /// Below this a cap is refused: with it even a small image takes hours, and a slow source could not be told
  /// from a dead one.
  static constexpr std::uint64_t lowest_cap = 65536;
  static constexpr int most_spans = 24;

  /// No cap at any time.
  BandwidthPlan() = default;
  /// Fails with `invalid`, naming the span: "bandwidth[1].from is ...".
  static Result<BandwidthPlan> from(const wire::ImageLimits& limits);

  /// Bytes per second, or nothing when there is no cap at `wall`.
  [[nodiscard]] std::optional<std::uint64_t> cap_at(WallTime wall) const;

 private:
  struct Span {
    std::chrono::minutes from;
    std::chrono::minutes to;
    std::uint64_t bytes_per_second = 0;
    [[nodiscard]] bool holds(std::chrono::minutes at) const {
      return from < to ? from <= at && at < to : from <= at || at < to;
    }
  };
  std::vector<Span> spans_;
};

}  // namespace metalmesh
