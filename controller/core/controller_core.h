// The controller's brain: operator requests, what sites say, timers. Pure; all state is rows.
//
// It owns intent (which servers, which image, what pace) and folds facts; it never steers stages.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/ports/entropy.h"
#include "common/ports/signer.h"
#include "common/turn/decision_core.h"
#include "controller/core/controller_metrics.h"
#include "controller/core/operator_request.h"
#include "controller/core/site_quota.h"
#include "controller/core/transcripts.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

struct ControllerLimits {
  Duration site_silent_after = std::chrono::seconds(60);
  Duration twin_settle = std::chrono::seconds(2);
  std::uint64_t entries_kept = 10'000;  // of a site's journal, behind what we acknowledged (site_link.h)
  std::size_t planned_at_once = 256;    // servers looked at for a plan, before others have their turn
  std::size_t applied_at_once = 128;    // objects of an apply of many, likewise
  Duration first_hearing =
      std::chrono::minutes(2);  // after a start, for sites that may be away (first_hearing.h)
  std::shared_ptr<const families::FamilyCatalogue>
      families;                                  // what plans ask of them; none: only the sites do
  std::shared_ptr<const zones::ZoneBook> zones;  // none: UTC alone
  TranscriptLimits transcripts;
  SiteShare site_share;
  PaceLimits pace;
};

class ControllerCore final : public DecisionCore {
 public:
  /// Loads every row. References must outlive the core.
  ControllerCore(const RowReader& rows, const Signer& signer, const Verifier& verifier, Entropy& entropy,
                 ControllerLimits limits = {});
  ~ControllerCore() override;

  /// Bus, timers, Started, Committed, DiskLevel, RevocationsRead. Exchanges are not for the core (see api/).
  /// `machine`: what the machine's clocks show; decisions are made by what of it is believed (mesh_clock.h).
  Outcome handle(const Input& input, const Now& machine) override;

  /// Decides one operator request; rows and effects are appended to `out`. The caller releases its answer
  /// only after the commit, like every other effect.
  OperatorResult operate(const OperatorRequest& request, const Now& machine, Outcome& out);

  /// Answers to requests that were under way, by their number, as they came by now. Each once, and to be released as the
  /// one of `operate` is.
  std::vector<std::pair<std::uint64_t, OperatorResult>> take_answers();

  /// To requests that are carried out once, by who asked and her key.
  [[nodiscard]] const std::map<std::string, record::IdempotentAnswer>& answers() const;
  /// One more, of a request that is several acts; in the same commit as the last of them.
  void keep_answer(const std::string& key, record::IdempotentAnswer answer, const Now& machine, Outcome& out);

  /// For reading: what is true after the last handled input. References to servers are good until the next one.
  [[nodiscard]] const MeshState& state() const;
  [[nodiscard]] const ControllerMetrics& metrics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalmesh::controller
