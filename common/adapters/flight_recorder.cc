#include "common/adapters/flight_recorder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/digest.h"

namespace metalmesh::adapters {
namespace {

constexpr std::size_t life_bytes = 8;
constexpr std::uint64_t snapshot_share = 4;  // of the ring

std::uint64_t draw_number(Entropy& entropy) {
  std::uint64_t number = 0;
  std::memcpy(&number, entropy.bytes(sizeof number).data(), sizeof number);
  return number;
}

}  // namespace

FlightRecorder::FlightRecorder(const config::Recording& config, const std::string& data_dir,
                               std::uint64_t disk_reserve, World world, recording::NodeTraits traits,
                               LogSink& log)
    : world_(world) {
  if (config.off()) return;
  RingOptions options;
  options.folder = std::filesystem::path(data_dir) / recording_folder;
  if (config.bytes() != 0) options.bytes = config.bytes();
  if (disk_reserve != 0) options.reserve_bytes = disk_reserve;
  traits.snapshot_bytes = options.bytes / snapshot_share;
  traits.head.set_life(to_hex(world.entropy.bytes(life_bytes)));
  auto ring = RecordingRing::open(std::move(options), log);
  if (!ring) {
    log.write({LogLevel::warning, "nothing is recorded: " + ring.error().message, {}});
    return;
  }
  ring_ = std::move(*ring);
  recorder_ = std::make_unique<recording::Recorder>(world.rows, world.entropy, world.verifier, *ring_,
                                                    std::move(traits), draw_number(world.entropy));
}

DecisionCore& FlightRecorder::run(const Make& make) {
  if (!recorder_) {
    core_ = make();
    return *core_;
  }
  const auto watching = recorder_->watch();
  core_ = make();
  recorded_ = std::make_unique<recording::RecordedCore>(*core_, *recorder_);
  return *recorded_;
}

}  // namespace metalmesh::adapters
