// What the flight recorder must know of a controller, and how a recording becomes a controller's core again.
#pragma once

#include <memory>
#include <string>

#include "common/families/family_catalogue.h"
#include "common/recording/player.h"
#include "common/recording/recorder.h"
#include "common/zones/zone_book.h"
#include "controller/api/access.h"
#include "controller/api/operator_api.h"
#include "controller/core/controller_core.h"
#include "schemas/config/controller.pb.h"

namespace metalmesh::controller {

ControllerLimits limits_of(const config::Controller& config, zones::ZoneBook zones);
ApiSettings api_settings_of(const config::Controller& config, const std::string& version,
                            families::FamilyCatalogue families);

recording::NodeTraits recording_traits(const config::Controller& config, const std::string& version,
                                       const families::FamilyCatalogue& families,
                                       const zones::ZoneBook& zones);
/// A core as the recorded one was made. Fails with `corrupt` when the head does not tell how.
Result<std::unique_ptr<DecisionCore>> recorded_controller(const record::RecordingHead& head,
                                                          const RowReader& rows, recording::Oracles& oracles);

/// Asks another one, and lets a recorder know the answer.
class RecordedAuthenticator final : public Authenticator {
 public:
  /// References must outlive it; `recorder` may be null.
  RecordedAuthenticator(Authenticator& real, recording::Recorder* recorder)
      : real_(real), recorder_(recorder) {}
  [[nodiscard]] std::optional<Principal> authenticate(std::string_view token) const override;
  [[nodiscard]] std::optional<Principal> known(const std::string& sha256) const override;
  void learn(Callers callers) override { real_.learn(std::move(callers)); }

 private:
  std::optional<Principal> told(std::optional<Principal> answer) const;
  Authenticator& real_;
  recording::Recorder* recorder_;
};

}  // namespace metalmesh::controller
