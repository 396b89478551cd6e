// Beyond the thirteen: whoever has one site's key harms that site. No other one is quarantined; what others were ordered
// ends by their own word or a person's; nothing waits for him unless he claims what only a restored controller explains;
// what he tells fills no more than his site's share, and no row grows with it; once his site is revoked nothing of his
// counts any more; and people are told.
#include <fmt/format.h>

#include <map>
#include <set>

#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"
#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

namespace tables = controller::tables;

constexpr std::uint64_t rows_limit = 1'500'000;   // bytes of all that is not the log
constexpr std::uint64_t share_at_once = 100'000;  // as Mesh gives it
constexpr std::uint64_t share_per_second = 500;
constexpr std::uint64_t lines_beside = 1000;  // that are not events of his

class ThiefHarmsOneSite final : public Invariant {
 public:
  explicit ThiefHarmsOneSite(Court& court) : Invariant("thief_harms_one_site", court) {}

  void on_told(const Told& told) override {
    const wire::Event& event = told.event;
    if (event.has_ended() || event.has_cancel() || (event.has_receipt() && !event.receipt().accepted()))
      told_.insert(event.deployment_id());
  }
  void on_stolen(const std::string&) override { since_ = court_.events.now(); }
  void on_controller_rows(const Batch& batch) override {
    if (!since_) return;
    for (const RowWrite& row : batch) judge(row);
    for (const DeploymentMove& move : facts_.moves) judge(move);
  }

 private:
  static bool is_end(const std::string& state) {
    return state == "SUCCEEDED" || state == "FAILED" || state == "CANCELLED" || state == "INDETERMINATE" ||
           state == "UNPROVEN";
  }
  void judge(const DeploymentMove& move) {
    const rest::Deployment& now = *move.now;
    if (!is_end(now.state()) || !now.resolved_by().empty() || told_.contains(now.id())) return;
    if (move.from == "PENDING" || move.from.empty()) return;  // nobody had it
    object(now.id() + " of " + now.site() + " ended as " + now.state() + ", and its own site said nothing");
  }
  void judge(const RowWrite& row) {
    if (row.key.starts_with(tables::events)) return judge_line(row);
    const std::uint64_t size = row.value ? row.value->size() : 0;
    rows_ += size;
    rows_ -= std::exchange(sizes_[row.key], size);
    if (rows_ > rows_limit) object(fmt::format("the rows have grown to {} bytes, by {}", rows_, row.key));
    if (row.value && row.key == tables::row(tables::controller, "")) judge_hold(*row.value);
    rest::Site site;
    if (!row.value || !row.key.starts_with(tables::sites) || !controller::decode_row(*row.value, site))
      return;
    const bool his = site.metadata().name() == facts_.stolen_site;
    if (his && site.status().has_revoked() && !revoked_) revoked_ = court_.events.now();
    if (!his && site.status().quarantined())
      object(site.metadata().name() + " is quarantined: " + site.status().quarantine_reason());
    if (his && site.status().quarantined()) mark("a stolen box's site was quarantined");
  }
  void judge_hold(const std::string& value) {
    record::Controller row;
    if (!controller::decode_row(value, row)) return;
    const bool held = row.has_hold();
    if (held && !std::exchange(held_, held)) {
      if (!facts_.thief_claims_losses) object("all is held: " + row.hold().reason());
      if (revoked_) object("all is held by a site that was revoked: " + row.hold().reason());
      mark("a thief's claim held all until a person had looked");
    }
    held_ = held;
  }
  void judge_line(const RowWrite& row) {
    rest::LogEvent line;
    if (!row.value || !controller::decode_row(*row.value, line) || line.site() != facts_.stolen_site) return;
    if (line.seq() == 0) {
      if (line.message().contains("more than its share"))
        mark("people were told that a stolen site fills its share");
      if (line.type() == "site") mark("people were told of a stolen box's site");
      if (++lines_ == lines_beside) object(fmt::format("{} lines about the stolen site", lines_));
      return;
    }
    if (revoked_ && court_.events.now() > *revoked_)
      object(fmt::format("event {} of a revoked site is in the log", line.seq()));
    log_ += row.value->size();
    const auto seconds =
        static_cast<std::uint64_t>((court_.events.now() - *since_) / std::chrono::seconds(1));
    const std::uint64_t share = share_at_once + share_per_second * seconds;
    if (log_ > 3 * share)
      object(fmt::format("the stolen site fills {} bytes of the log, its share is {}", log_, share));
  }

  std::optional<MonoTime> since_;
  std::optional<MonoTime> revoked_;
  bool held_ = false;
  std::uint64_t rows_ = 0;
  std::uint64_t log_ = 0;
  std::uint64_t lines_ = 0;
  std::map<std::string, std::uint64_t> sizes_;  // by row
  std::set<std::string> told_;                  // deployments of which their own agent told an end
};

}  // namespace

std::unique_ptr<Invariant> thief_harms_one_site(Court& court) {
  return std::make_unique<ThiefHarmsOneSite>(court);
}

}  // namespace metalmesh::sim
