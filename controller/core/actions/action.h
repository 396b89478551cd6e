// What can be ordered of machines: one file for each action, found in a table (actions.h). The rest of the controller
// knows no action by name; it asks the action of a rollout or a deployment what it is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/ports/store.h"
#include "controller/core/field_rules.h"
#include "controller/state/deployment_board.h"
#include "controller/state/identity_index.h"
#include "controller/state/mesh_state.h"
#include "schemas/wire/order.pb.h"

namespace metalmesh::controller {

struct Work;

/// What a plan is made from.
struct PlanInput {
  const MeshState& mesh;
  const RowReader& rows;  // inventories are there
  const IdentityIndex& identities;
  const rest::RolloutSpec& spec;  // checked
  const Now& now;
};

/// Why a server stays out of a plan.
struct Exclusion {
  const char* reason;  // upper case, part of the API
  std::string message;
  bool may_have_changed = false;  // the next inspection may lift it
};

/// What is counted of those that take part.
struct PlanFigures {
  std::map<std::string, std::uint32_t> sites;  // servers of each
  std::uint32_t kept = 0;                      // in use or protected
};

/// One rollout, while it is planned. Refers to its input.
class Planning {
 public:
  virtual ~Planning() = default;
  /// Told of every server of the mesh before the first is judged, and again of one that has changed since.
  virtual void meet(const rest::Server&) {}
  /// The first ground against this server, in the order in which people want to be told.
  [[nodiscard]] virtual std::optional<Exclusion> exclusion_of(const rest::Server& server) const = 0;
  /// The work that is agreed to for a server that takes part.
  virtual void agree(const rest::Server& server, wire::Agreed& agreed) const = 0;
  /// What people see of one that takes part, beside who it is.
  virtual void show(const rest::Server&, rest::PlanServer&) const {}
  /// What people see of the plan beside its servers, of which there may be too many to look at each.
  virtual void show(rest::Plan&, const PlanFigures&) const {}
};

/// A number that stops new starts when it is reached.
struct Threshold {
  const char* what;  // "3 <what>"
  std::uint32_t count;
  std::uint32_t most;
};

/// A field of rollouts that not every action has.
struct SpecField {
  std::string_view path;
  bool (*given)(const rest::RolloutSpec&);
};

/// What is the same for every rollout of an action.
struct Nature {
  std::string_view name;  // as specs and deployments spell it
  wire::Agreed::WorkCase work;
  bool changes = true;  // takes a generation, is fenced, and no other such work of the machine runs beside it
  bool wipes =
      false;  // may write a disk: protection is against it, and an end that nobody knows is to be decided
  bool has_canary = false;  // one server goes first where nothing else is said, and must succeed
  bool runs_anything =
      false;  // wipes nothing itself, but what it starts may; that ends by a cancel after the launch
};

class Action : public Nature {
 public:
  explicit Action(const Nature& nature) : Nature(nature) {}
  Action(const Action&) = delete;
  Action& operator=(const Action&) = delete;
  virtual ~Action() = default;

  /// Those that only this action, or few beside it, has. Others are common to all.
  [[nodiscard]] virtual std::span<const SpecField> fields() const = 0;
  /// Fills the defaults of its fields, then checks them. Selection and pace are checked elsewhere.
  virtual rules::Verdict check(rest::RolloutSpec& spec, const MeshState& mesh) const = 0;
  [[nodiscard]] virtual std::unique_ptr<Planning> plan(const PlanInput& input) const = 0;
  /// What it adds to an issue that has its deployment, key and start_by.
  virtual void issue(const MeshState&, const rest::RolloutSpec&, wire::Issue&) const {}
  /// Of a rollout, or of one of its waves.
  [[nodiscard]] virtual std::vector<Threshold> thresholds(const rest::RolloutStop& stop,
                                                          const EndTally& tally) const = 0;
  /// How long it may still be at work at its site, at the most; who only reads is in nobody's way. `order`: nullptr
  /// when it is lost.
  [[nodiscard]] virtual Duration longest_run(const record::Order*, const rest::Deployment&,
                                             const Now&) const {
    return {};
  }
  /// The command that orders it again for its server.
  [[nodiscard]] virtual std::string again(const wire::Agreed& agreed) const = 0;

  /// It is with its site now: what that makes of its server, which there is.
  virtual void handed_out(Work& work, const rest::Deployment& deployment) const;
  /// It ended, or its end was corrected: what that leaves on its server and machine.
  virtual void ended(Work&, const rest::Deployment&) const {}
};

/// How many stop it now: "3", or "3%" of those that have ended, once enough of them have; so many of all of them stop it at
/// once, as it could not become less. Without a text the floor, or the share of those that have ended when it is higher.
std::uint32_t threshold(const std::string& text, std::uint32_t floor, std::uint32_t percent,
                        const rest::RolloutStop& stop, const EndTally& tally);
/// So many have to have ended before shares of them count.
std::uint32_t threshold_minimum(const rest::RolloutStop& stop);
/// Of an action that wipes nothing, where every failure is alike.
std::vector<Threshold> failures_alike(const rest::RolloutStop& stop, const EndTally& tally);
/// The limit that goes with it.
inline constexpr SpecField failed_field = {"spec.stopAfter.failed", [](const rest::RolloutSpec& spec) {
                                             return !spec.stop_after().failed().empty();
                                           }};

}  // namespace metalmesh::controller
