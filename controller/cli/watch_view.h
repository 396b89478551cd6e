// A rollout while it runs, for eyes: a frame to redraw on a terminal, or lines that say what changed. Pure;
// fed with what the API and the event stream deliver.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::cli {

class WatchView {
 public:
  void set_rollout(const rest::Rollout& rollout) { rollout_ = rollout; }
  /// For how long something is waited for; nobody is told without it.
  void set_now(WallTime now) { now_ = now; }
  /// All deployments of the rollout.
  void set_deployments(std::vector<rest::Deployment> deployments);
  /// The data of a `progress` message; anything malformed is ignored, a newer state comes anyway.
  void take_progress(std::string_view json);

  /// At most `height` lines of at most `width` characters: a summary, then one line per server with what
  /// needs eyes (failed, running) before what does not.
  [[nodiscard]] std::vector<std::string> frame(std::size_t width, std::size_t height) const;
  /// What changed since the last call, one line each.
  std::vector<std::string> news();
  /// After the end: failures in full, then what they have in common.
  [[nodiscard]] std::string closing_text() const;

  /// The rollout is over, or was stopped and nothing of it runs any more.
  [[nodiscard]] bool finished() const;
  [[nodiscard]] bool all_succeeded() const;

 private:
  struct Said {
    std::string state;
    int stage = 0;
    unsigned tenth = 0;
    std::string note;
    bool operator==(const Said&) const = default;
  };
  [[nodiscard]] std::string summary() const;

  rest::Rollout rollout_;
  WallTime now_{};
  std::vector<rest::Deployment> deployments_;
  std::map<std::string, Said> said_;
  std::string waited_;  // for what, as it was said last
};

}  // namespace metalmesh::cli
