#include "controller/core/progress_model.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/ports/wire_time.h"
#include "controller/state/deployment_states.h"

namespace metalmesh::controller {
namespace {

constexpr std::uint32_t whole = 100;
constexpr double installer_begins = 10;  // percent: what comes before a launch takes minutes
constexpr double installer_ends = 88;

/// Where a stage begins. Cleanup and the end say nothing: a failure leads there from anywhere.
constexpr std::array<std::pair<wire::Stage, std::uint32_t>, 13> stage_begins = {{{wire::PREPARING, 1},
                                                                                 {wire::CONNECT, 2},
                                                                                 {wire::IDENTITY, 2},
                                                                                 {wire::PREFLIGHT, 3},
                                                                                 {wire::MEDIA, 3},
                                                                                 {wire::INSERT, 4},
                                                                                 {wire::CONFIRM, 4},
                                                                                 {wire::BOOT_ONCE, 5},
                                                                                 {wire::ARM, 5},
                                                                                 {wire::POWER, 6},
                                                                                 {wire::WATCH, 7},
                                                                                 {wire::FINALISE, 90},
                                                                                 {wire::VERIFY, 93}}};

std::uint32_t by_stage(wire::Stage stage) {
  const auto* found = std::ranges::find(stage_begins, stage, &std::pair<wire::Stage, std::uint32_t>::first);
  return found == stage_begins.end() ? 0 : found->second;
}

double share(double part, double of) { return of <= 0 ? 0 : std::clamp(part / of, 0.0, 1.0); }

double installer_share(const rest::Deployment& d, const LiveSigns& signs,
                       const std::optional<InstallFigures>& earlier, WallTime now) {
  if (!earlier) {
    if (d.media_size() == 0) return share(signs.media_percent, whole);
    return share(static_cast<double>(d.bytes_read()), static_cast<double>(d.media_size()));
  }
  const double of_bytes = share(static_cast<double>(d.bytes_read() + d.package_bytes()),
                                static_cast<double>(earlier->bytes_read + earlier->package_bytes));
  const double of_time = !d.has_launched_at()
                             ? 0
                             : share(static_cast<double>((now - from_wire(d.launched_at())).count()),
                                     static_cast<double>(earlier->run.count()));
  return (of_bytes + of_time) / 2;
}

/// The new system's own signs, while it is verified.
std::uint32_t by_new_system(const rest::Deployment& d, const LiveSigns& signs) {
  if (d.stage() != wire::VERIFY) return 0;
  if (signs.proof >= wire::PROOF_CALLBACK) return 98;
  if (signs.proof >= wire::PROOF_BOOTED || signs.boot_progress == "OSRunning") return 97;
  return signs.boot_progress == "OSBootStarted" ? 95 : 0;
}

std::optional<WallTime> end_of(const rest::Deployment& d, const InstallFigures& earlier) {
  if (d.has_launched_at()) return from_wire(d.launched_at()) + earlier.run;
  if (d.has_started()) return from_wire(d.started()) + earlier.to_launch + earlier.run;
  return std::nullopt;
}

}  // namespace

void advance_progress(rest::Deployment& d, const LiveSigns& signs,
                      const std::optional<InstallFigures>& earlier, WallTime now) {
  std::uint32_t percent = std::max(by_stage(d.stage()), by_new_system(d, signs));
  if (d.launched()) {
    const double installer = installer_share(d, signs, earlier, now);
    percent = std::max(percent, static_cast<std::uint32_t>(installer_begins +
                                                           installer * (installer_ends - installer_begins)));
  }
  const bool succeeded = d.state() == states::succeeded;
  d.set_percent(succeeded ? whole : std::min(std::max(percent, d.percent()), whole - 1));
  d.clear_eta();
  d.clear_eta_from();
  const auto end = earlier && is_open(d.state()) ? end_of(d, *earlier) : std::nullopt;
  if (!end || *end < now) return;
  *d.mutable_eta() = to_wire(*end);
  d.set_eta_from(earlier->installs);
}

}  // namespace metalmesh::controller
