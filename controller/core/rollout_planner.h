// Who is in a rollout, who is not and why, in which order: a pure function of the mesh and its inventories. The digest
// (plan_tree.h) covers all that a person agrees to with `start`; a plan whose digest a fresh planning no longer reproduces is stale. Limits
// and thresholds are beside it: whoever edits them edits the rollout, which then has no plan.
//
// A fleet is looked at some servers at a time, so that nobody waits for a plan of all of it. What changes meanwhile is
// judged again (the change feed tells): a plan that is made says what was true at one moment.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/orders/plan_tree.h"
#include "controller/core/actions/action.h"
#include "controller/core/operator_request.h"
#include "controller/core/rollout_waves.h"
#include "controller/state/identity_index.h"
#include "controller/state/mesh_state.h"

namespace metalmesh::controller {

/// Who starts a plan a day later does not know what she starts.
inline constexpr Duration plan_lifetime = std::chrono::hours(24);

/// A plan is the orders in it: what is shown of it, and what each of its servers would be ordered.
struct PlannedOrders {
  rest::Plan shown;                   // as its rollout holds it
  std::vector<rest::PlanPage> pages;  // all of its servers, and those left out (plan_pages.h)
  orders::PlanTree tree;
  std::vector<std::string> to_inspect;  // whom the next inspection may bring in
};

class PlanMaking {
 public:
  /// References must outlive it.
  /// `again`: as the plan that its rollout has, with the same canaries, unless something else changed.
  PlanMaking(const MeshState& mesh, const RowReader& rows, const IdentityIndex& identities,
             std::string rollout, bool again)
      : mesh_(mesh), rows_(rows), identities_(identities), name_(std::move(rollout)), again_made_(again) {}
  PlanMaking(const PlanMaking&) = delete;  // its planning points into it
  PlanMaking& operator=(const PlanMaking&) = delete;
  ~PlanMaking() = default;

  /// Goes on by about so many servers; true when the plan is made. Refuses when what the rollout refers to is gone or
  /// does not fit any more. Not within an input that changed the mesh before.
  [[nodiscard]] std::expected<bool, Refusal> go_on(const Now& now, std::size_t servers);
  /// It is made, and each of its servers whose order was not taken yet would be planned as it was also now.
  [[nodiscard]] bool still_holds(const Now& now);
  /// When it is made, and was not taken yet: what people see of it.
  [[nodiscard]] const rest::Plan& shown() const { return planned_.shown; }
  /// When it is made: how many of its servers stand at each site.
  [[nodiscard]] const std::map<std::string, std::uint32_t>& sites() const { return figures_.sites; }
  /// Once, when it is made.
  [[nodiscard]] PlannedOrders take() { return std::move(planned_); }
  /// The serialized wire::Agreed of one server that takes part after the other, in the plan's order.
  [[nodiscard]] std::string next_agreed();
  /// Frees what was judged of so many servers: a fleet's is too much for one turn.
  void let_go(std::size_t servers);

 private:
  enum class Phase : std::uint8_t {
    unbegun,
    meet,
    judge,
    prefer,
    deal,
    write,
    write_excluded,
    digest,
    show,
    page,
    made
  };
  struct Taken {
    rest::PlanServer shown;
    std::string agreed;
    bool kept = false;  // in use or protected
    WaveDeal::Server known{};
    bool preferred = false;  // of the first wave
    bool ordered = false;
  };
  struct Left {
    rest::PlanExcluded shown;
    bool to_inspect = false;
  };

  [[nodiscard]] std::optional<Refusal> begin();
  [[nodiscard]] std::optional<Refusal> step(std::size_t servers);
  /// What changed since the last look is to be judged again. False: all of it.
  [[nodiscard]] bool look_at_changes();
  /// What of an object a plan rests on.
  [[nodiscard]] std::string mark_of(const ChangeFeed::Object& object) const;
  [[nodiscard]] std::optional<Refusal> meet(std::size_t servers);
  void judge(std::size_t servers);
  void judge(const rest::Server& server);
  [[nodiscard]] WaveDeal::Server known_of(const rest::Server& server) const;
  void begin_waves();
  void prefer(std::size_t servers);
  void deal(std::size_t servers);
  void tell_waves();
  void write(std::size_t servers);
  void write_excluded(std::size_t servers);
  void exclude_missing();
  void show();
  void page(std::size_t servers);

  const MeshState& mesh_;
  const RowReader& rows_;
  const IdentityIndex& identities_;
  const std::string name_;
  const bool again_made_;
  Now now_{};
  rest::Rollout rollout_;
  std::optional<PlanInput> input_;
  std::unique_ptr<Planning> planning_;
  Phase phase_ = Phase::unbegun;
  unsigned begun_ = 0;          // times
  std::uint64_t position_ = 0;  // in the change feed
  std::map<ChangeFeed::Object, std::string> marks_;
  std::string cursor_;                  // the last server looked at in this phase
  std::set<std::string> again_;         // servers that changed since they were judged
  std::set<std::string> idle_;          // patterns that match no server so far
  std::set<std::string> spare_nobody_;  // patterns that match none of the selected ones
  std::map<std::string, Taken> in_;
  std::map<std::string, Left> out_;
  std::optional<WaveDeal> waves_;
  std::vector<std::vector<std::map<std::string, Taken>::iterator>> in_waves_;
  std::vector<std::map<std::string, Taken>::iterator> order_;  // the plan's
  std::size_t written_ = 0, ordered_ = 0;                      // of these
  PlanFigures figures_;
  wire::PlanHead head_;
  std::size_t pages_left_ = 0;  // to cut
  PlannedOrders planned_;
};

}  // namespace metalmesh::controller
