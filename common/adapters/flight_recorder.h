// The flight recorder of a process, wired: a ring in the data folder, a recorder, and the core inside. When
// it is off, or has no folder to write to, the core runs bare; nothing here is a reason not to run.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/adapters/recording_ring.h"
#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/ports/store.h"
#include "common/recording/recorder.h"
#include "schemas/config/agent.pb.h"

namespace metalmesh::adapters {

/// Below the data folder.
inline constexpr char recording_folder[] = "recording";

class FlightRecorder {
 public:
  struct World {
    const RowReader& rows;
    Entropy& entropy;
    const Verifier& verifier;
  };
  /// The references must outlive it. Takes the first snapshot.
  FlightRecorder(const config::Recording& config, const std::string& data_dir, std::uint64_t disk_reserve,
                 World world, recording::NodeTraits traits, LogSink& log);

  /// What the core is to be made with.
  [[nodiscard]] Entropy& entropy() { return recorder_ ? recorder_->entropy() : world_.entropy; }
  [[nodiscard]] const Verifier& verifier() const {
    return recorder_ ? recorder_->verifier() : world_.verifier;
  }
  /// Null when nothing is recorded.
  [[nodiscard]] recording::Recorder* recorder() { return recorder_.get(); }

  using Make = std::function<std::unique_ptr<DecisionCore>()>;
  /// Once. The core as the turn is to see it.
  DecisionCore& run(const Make& make);

 private:
  World world_;
  std::unique_ptr<RecordingRing> ring_;
  std::unique_ptr<recording::Recorder> recorder_;
  std::unique_ptr<DecisionCore> core_;
  std::unique_ptr<recording::RecordedCore> recorded_;
};

}  // namespace metalmesh::adapters
