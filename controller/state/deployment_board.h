// Deployments counted the ways the runner needs them, kept in step with every change, so that a decision
// costs what it changes and not what the mesh holds.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

/// How those of a rollout, or of one of its waves, have ended so far.
struct EndTally {
  std::uint32_t total = 0;
  std::uint32_t open = 0;
  std::uint32_t succeeded = 0;
  std::uint32_t skipped = 0;  // cancelled, as a person took them out
  std::uint32_t missed = 0;   // ended in any other way
  std::uint32_t failed_before_wipe = 0;
  std::uint32_t failed_after_wipe = 0;  // what nobody can tell yet counts as both
  std::uint32_t unproven = 0;
  [[nodiscard]] std::uint32_t ended() const { return total - open - skipped; }
};

struct WaveTally : EndTally {
  std::uint32_t pending = 0;
};

struct RolloutTally : EndTally {
  std::map<std::string, std::map<std::uint32_t, std::string>>
      pending;                                  // site -> position in the plan -> deployment
  std::map<std::string, std::uint32_t> counts;  // by state
  std::map<std::uint32_t, WaveTally> waves;
  std::uint32_t in_flight = 0;  // and what keeps its place
  std::uint32_t fences_owed = 0;
};

class DeploymentBoard {
 public:
  void add(const rest::Deployment& deployment) { count(deployment, true); }
  /// With the values it was added with.
  void remove(const rest::Deployment& deployment) { count(deployment, false); }

  [[nodiscard]] const RolloutTally& rollout(const std::string& name) const;
  /// With their sites now, over all rollouts.
  [[nodiscard]] const std::set<std::string>& in_flight() const { return in_flight_; }
  /// Over all rollouts, with what keeps its place there.
  [[nodiscard]] std::uint32_t in_flight_at(const std::string& site) const;

 private:
  void count(const rest::Deployment& deployment, bool add);
  std::map<std::string, RolloutTally> rollouts_;
  std::map<std::string, std::uint32_t> sites_;
  std::set<std::string> in_flight_;
};

}  // namespace metalmesh::controller
