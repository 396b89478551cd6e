// What every part of the core gets to work on one input: memory and rows (ledger), the sites, the time,
// and the outcome under construction. Lives for one call of the core.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/turn/outcome.h"
#include "controller/core/controller_metrics.h"
#include "controller/core/first_hearing.h"
#include "controller/core/site_link.h"
#include "controller/state/ledger.h"

namespace metalmesh::controller {

/// By name; one for every applied site.
using SiteLinks = std::map<std::string, std::unique_ptr<SiteLink>>;

struct Work {
  const RowReader& rows;  // as committed last
  Ledger& ledger;
  SiteLinks& links;
  const FirstHearing& hearing;
  ControllerMetrics& metrics;
  const Signer& signer;
  Entropy& entropy;
  const Now& now;
  Outcome& out;
  bool moved = false;  // a deployment changed its state: rollouts must be looked at

  [[nodiscard]] const MeshState& mesh() const { return ledger.mesh(); }
  [[nodiscard]] LinkTools tools() const {
    return {signer,
            entropy,
            now,
            mesh().epoch,
            out,
            mesh().lives,
            mesh().hold ? std::string_view(mesh().hold->foreign_instance()) : std::string_view(),
            mesh().last_event,
            mesh().started,
            !mesh().clock_doubt.empty(),
            mesh().clock_steps};
  }
  [[nodiscard]] SiteLink* link(const std::string& site) const {
    const auto found = links.find(site);
    return found == links.end() ? nullptr : found->second.get();
  }
  /// Sends a command and counts it.
  Result<std::uint64_t> send(SiteLink& site, wire::Command command) const {
    LinkTools t = tools();
    auto sent = site.send(std::move(command), t);
    if (sent) ++metrics.commands_sent;
    return sent;
  }
};

/// Of one deployment or site that are kept.
inline constexpr int most_findings = 64;

/// A line of the event log about one deployment, without a site's event behind it.
inline rest::LogEvent line_about(const rest::Deployment& deployment, std::string type, std::string message) {
  rest::LogEvent line;
  line.set_type(std::move(type));
  line.set_site(deployment.site());
  line.set_server(deployment.server());
  line.set_deployment(deployment.id());
  line.set_rollout(deployment.rollout());
  line.set_message(std::move(message));
  return line;
}

inline void tell_of_rollout(const Work& work, const std::string& rollout, std::string message) {
  rest::LogEvent line;
  line.set_type("rollout");
  line.set_rollout(rollout);
  line.set_message(std::move(message));
  work.ledger.note(std::move(line), work.now.wall());
}

}  // namespace metalmesh::controller
