// Which deployments' transcripts are coming from where, and how much lies here, kept in step with every change of a
// deployment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/time.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

class TranscriptBoard {
 public:
  using Aged = std::set<std::pair<WallTime, std::string>>;  // deployments, the oldest first

  void add(const rest::Deployment& deployment) { count(deployment, true); }
  /// With the values it was added with.
  void remove(const rest::Deployment& deployment) { count(deployment, false); }

  /// By site, since when they ended; a site without any is not listed.
  [[nodiscard]] const std::map<std::string, Aged>& coming() const { return coming_; }
  /// Of all that are here.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// All that are here, since when.
  [[nodiscard]] const Aged& here() const { return here_; }
  /// Whose turn it is when room is needed: the oldest of the site that has most here.
  [[nodiscard]] std::optional<std::string> next_to_go() const;

 private:
  struct Held {
    std::uint64_t bytes = 0;
    Aged transcripts;
  };
  void count(const rest::Deployment& deployment, bool add);

  std::map<std::string, Aged> coming_;
  std::map<std::string, Held> held_;  // by site
  Aged here_;
  std::uint64_t bytes_ = 0;
};

}  // namespace metalmesh::controller
