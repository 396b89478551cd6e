// Which events of the log a reader wants: ?rollout=, ?server=, ?site= and ?type=, all of which must match. What is lost of
// the log might have: everybody is told.
#pragma once

#include <string>
#include <type_traits>

#include "controller/api/api_request.h"
#include "controller/api/rights.h"
#include "controller/state/event_log.h"
#include "schemas/rest/api.pb.h"

namespace metalmesh::controller {

struct EventFilter {
  std::string rollout;  // empty: any
  std::string server;
  std::string site;
  std::string type;
  Principal who;  // sees no more than what is hers

  static EventFilter of(const ApiRequest& request) {
    const auto value = [&](const char* name) {
      const std::string* text = request.parameter(name);
      return text == nullptr ? std::string() : *text;
    };
    return {value("rollout"), value("server"), value("site"), value("type"), request.principal};
  }

  /// For LogEvent and Deployment alike: both say which rollout, server and site they belong to.
  template <class T>
  [[nodiscard]] bool passes(const T& it, const MeshState& mesh) const {
    if constexpr (std::is_same_v<T, rest::LogEvent>) {
      if (is_lost(it)) return true;
      if (!type.empty() && it.type() != type) return false;
    } else if (!type.empty()) {
      return false;
    }
    return sees(who, mesh, it) && (rollout.empty() || it.rollout() == rollout) &&
           (server.empty() || it.server() == server) && (site.empty() || it.site() == site);
  }
};

}  // namespace metalmesh::controller
