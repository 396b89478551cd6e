// What the controller says of a disk is so, whoever said it first: at the end, and whenever everything that
// became durable anywhere has reached it.
#include <algorithm>
#include <array>

#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/truth.h"

namespace metalmesh::sim {
namespace {

bool is_end(const std::string& state) {
  constexpr std::array<std::string_view, 5> ends = {"SUCCEEDED", "UNPROVEN", "FAILED", "CANCELLED",
                                                    "INDETERMINATE"};
  return std::ranges::find(ends, state) != ends.end();
}

class DiskIsAsTold final : public Invariant {
 public:
  explicit DiskIsAsTold(Court& court) : Invariant("disk_is_as_told", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    if (event.has_launched()) launched_by_[event.deployment_id()] = told.node;
    const bool refused = event.has_receipt() && !event.receipt().accepted();
    const bool cancelled = event.has_cancel() && event.cancel().answer() != wire::CancelAnswer::TOO_LATE;
    if (refused || cancelled || event.has_ended()) ended_by_[event.deployment_id()].insert(told.node);
  }
  void on_logged(const Logged& logged) override {
    const Place place{logged.journal, logged.seq};
    if (logged.event.has_ended()) ends_told_.insert_or_assign(logged.event.deployment_id(), place);
    if (logged.event.has_launched()) launches_told_.insert_or_assign(logged.event.deployment_id(), place);
  }
  /// A disk that was written before was never untouched, whatever had reached the controller by then.
  void on_controller_rows(const Batch& batch) override {
    for (const DeploymentMove& move : facts_.moves) {
      const rest::Deployment& told = *move.now;
      if (!is_end(told.state()) || !is_untouched(told) || !told.resolved_by().empty()) continue;
      const std::vector<Written> writes = writes_of(court_.machines, told.id());
      if (writes.empty()) continue;
      if (other_one_launched(told.id())) {
        mark("a disk was called untouched by an agent whose twin had launched");
        believed_.insert(told.id());
        facts_.believed_untouched.insert(told.id());
        continue;
      }
      object(said(told) + " from now on, and its installer wrote " + writes.back().machine->name + " before");
    }
    for (const RowWrite& row : batch) judge_two_found(row);
  }
  void at_quiet() override { judge_all(); }
  void at_end() override {
    at_end_ = true;
    judge_all();
  }

 private:
  void judge_all() {
    for (const auto& [id, deployment] : facts_.deployments) {
      if (is_end(deployment.state())) judge(id, deployment);
    }
  }

  struct Place {
    std::string journal;
    std::uint64_t seq;
  };
  using Places = std::map<std::string, Place>;  // by deployment

  /// A log that was put back to an older copy does not hold it any more.
  [[nodiscard]] bool is_logged(const Places& places, const std::string& id) const {
    const auto place = places.find(id);
    if (place == places.end() || is_in_gap(place->second)) return false;
    const auto logged = facts_.logged.find(place->second.journal);
    return logged != facts_.logged.end() && logged->second >= place->second.seq;
  }

  [[nodiscard]] bool is_in_gap(const Place& place) const {
    const auto gaps = facts_.gaps.find(place.journal);
    return gaps != facts_.gaps.end() && std::ranges::any_of(gaps->second, [&](const ToldGap& gap) {
             return gap.from <= place.seq && (gap.to == 0 || place.seq <= gap.to);
           });
  }

  /// Its launch is among the events that the log tells it will never have: until its site has reported its fences nobody can
  /// know, and that they are asked for is no event.
  [[nodiscard]] bool waits_for_fences(const std::string& id) const {
    const auto launch = launches_told_.find(id);
    return !at_end_ && launch != launches_told_.end() && is_in_gap(launch->second);
  }

  /// Its launch reached no log, and another agent ended it: who hears only that one cannot know better.
  [[nodiscard]] bool other_one_launched(const std::string& id) const {
    const auto launched = launched_by_.find(id);
    const auto ended = ended_by_.find(id);
    return launched != launched_by_.end() && ended != ended_by_.end() && !is_logged(launches_told_, id) &&
           std::ranges::any_of(ended->second,
                               [&](const std::string& node) { return node != launched->second; });
  }

  /// They are found to be two: what one of them told before stands for nothing.
  void judge_two_found(const RowWrite& row) {
    record::SiteLink link;
    if (!row.value || !row.key.starts_with(controller::tables::links) ||
        !controller::decode_row(*row.value, link) || !link.quarantine_reason().contains("two agents")) {
      return;
    }
    const std::string site = row.key.substr(controller::tables::links.size());
    std::erase_if(believed_, [&](const std::string& id) {
      const auto told = facts_.deployments.find(id);
      if (told == facts_.deployments.end() || told->second.site() != site) return false;
      mark("an end was doubted when its site turned out to have two agents");
      if (is_untouched(told->second))
        object(said(told->second) + " although two agents of its site are found");
      return true;
    });
  }

  static bool is_untouched(const rest::Deployment& told) {
    return told.state() == "CANCELLED" || told.disk() == wire::DISK_UNTOUCHED;
  }

  void judge(const std::string& id, const rest::Deployment& told) {
    const std::vector<Written> writes = writes_of(court_.machines, id);
    const bool excused = believed_.contains(id) && !facts_.launch_is_kept(id);
    if (is_untouched(told) && !writes.empty() && !excused && !waits_for_fences(id) &&
        !told_by_nobody(id, told))
      object(said(told) + ", and its installer wrote " + writes.back().machine->name);
    const bool new_system =
        (told.state() == "SUCCEEDED" && facts_.installs(id)) || told.disk() == wire::DISK_NEW_SYSTEM;
    // Its installer may be at work still, whatever a person says; what she says of the future is her word alone.
    const bool foretold = !told.resolved_by().empty() && !is_logged(ends_told_, id) && !at_end_;
    if (!new_system || foretold || told_by_nobody(id, told)) return;
    const bool any = std::ranges::any_of(writes, [](const Written& w) { return w.install().completed; });
    if (!any) return object(said(told) + ", and no installer of it came to its end");
    const Written* complete =
        &writes.back();  // firmware that boots the medium again writes the same once more
    if (!complete->install().completed)
      return object(said(told) + ", and its installer died when " + complete->machine->name +
                    " booted it again");
    if (told.state() != "SUCCEEDED") return;
    if (complete->machine->name != told.server())
      object(said(told) + " of " + told.server() + ", and what was installed is " + complete->machine->name);
    if (told.proof() >= wire::PROOF_BOOTED && !has_booted(*complete))
      object(said(told) + ", and what it installed never booted");
    if (!complete->is_last() && !ordered_since(id, *complete))
      object(said(told) + ", and " + complete->machine->name + " was written again without a later order");
  }

  /// Nobody but a person could say how it ended: what knew it is lost.
  bool told_by_nobody(const std::string& id, const rest::Deployment& told) {
    if (told.resolved_by().empty() || is_logged(ends_told_, id) || facts_.launch_is_kept(id)) return false;
    mark("a person's word stands alone");
    if (is_untouched(told) && loss_is_told(id) && told.resolved_from() != "INDETERMINATE")
      object(said(told) + " although the log tells that the journal which would know is lost");
    return true;
  }
  /// From then on a word can only be given in view of that.
  [[nodiscard]] bool loss_is_told(const std::string& id) const {
    const auto launch = facts_.launched_in.find(id);
    if (launch == facts_.launched_in.end() || launch->second >= facts_.copies.size()) return false;
    const auto gaps = facts_.gaps.find(facts_.copies[launch->second].journal_id);
    return gaps != facts_.gaps.end() &&
           std::ranges::any_of(gaps->second, [](const ToldGap& gap) { return gap.to == 0; });
  }

  [[nodiscard]] bool ordered_since(const std::string& id, const Written& written) const {
    const auto& installs = written.machine->model->host().installs();
    const auto mine = facts_.launched.find(id);
    return std::all_of(installs.begin() + static_cast<std::ptrdiff_t>(written.index) + 1, installs.end(),
                       [&](const bmcsim::Install& later) {
                         const auto launch = facts_.launched.find(later.deployment);
                         return launch != facts_.launched.end() && mine != facts_.launched.end() &&
                                launch->second > mine->second;
                       });
  }

  static std::string said(const rest::Deployment& told) {
    return told.id() + " is " + told.state() + " (" + wire::DiskState_Name(told.disk()) +
           (told.resolved_by().empty() ? ")" : ", resolved by " + told.resolved_by() + ")");
  }

  Places ends_told_, launches_told_;                       // what was logged of deployments
  std::map<std::string, std::string> launched_by_;         // by deployment: the node
  std::map<std::string, std::set<std::string>> ended_by_;  // the nodes that said so, or refused it
  std::set<std::string> believed_;                         // untouched, by the word of the wrong one
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<Invariant> disk_is_as_told(Court& court) { return std::make_unique<DiskIsAsTold>(court); }

}  // namespace metalmesh::sim
