// I7: the controller's log of one journal is exactly 1..n but for the gaps it tells, in order, and what one
// store of that site wrote. After healing each event that any store ever made durable is in the log or in a
// told gap; only of a journal that nobody ever heard of, and of what both ends were put back behind, nobody can
// say so.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

class LogIsTheJournal final : public Invariant {
 public:
  explicit LogIsTheJournal(Court& court) : Invariant("log_is_the_journal", court) {}

  void on_logged(const Logged& logged) override {
    std::uint64_t& last = facts_.logged[logged.journal];
    if (logged.seq != last + 1) {
      return object(fmt::format("the log has event {} of journal {} after event {}", logged.seq,
                                logged.journal.substr(0, 8), last));
    }
    const std::string bytes = logged.event.SerializeAsString();
    std::vector<std::string>& log = logs_[logged.journal];
    if (log.size() > last) cut_back(logged.journal, log, last);
    log.resize(last);  // of what is in a told gap nothing is known
    log.push_back(bytes);
    last = logged.seq;
    bool written = false;
    for (JournalCopy& copy : facts_.copies) {
      if (copy.journal_id != logged.journal || !copy.in_log) continue;
      copy.in_log = logged.seq <= copy.entries.size() && same(bytes, copy.entries[logged.seq - 1]);
      written = written || copy.in_log;
    }
    if (!written) {
      object(fmt::format("event {} in the log is not what any store of journal {} holds", logged.seq,
                         logged.journal.substr(0, 8)));
    }
    if (logged.event.body_case() == wire::Event::BODY_NOT_SET) mark("an event of an unknown kind was logged");
  }

  // Only what the controller released may be removed at the site.
  void on_agent_rows(const std::string& node, const Batch&) override {
    const auto agent = facts_.agents.find(node);
    if (agent == facts_.agents.end() || facts_.copies.empty()) return;
    const JournalCopy& copy = facts_.copies[agent->second.copy];
    const auto keep = facts_.keep_from.find(copy.journal_id);
    if (copy.deleted > copy.rotted && copy.deleted >= (keep == facts_.keep_from.end() ? 1 : keep->second))
      object(fmt::format("{} trimmed event {}, which the controller did not release", node, copy.deleted));
  }

  void on_controller_restored() override { was_restored_ = true; }
  // First after a restore, when the log is known as it is now.
  void on_controller_rows(const Batch&) override {
    if (!std::exchange(was_restored_, false)) return;
    for (const auto& [journal, log] : logs_) {
      if (log.size() > facts_.logged[journal]) forgotten_.insert(journal);
    }
  }

  void at_end() override {
    for (const JournalCopy& copy : facts_.copies) {
      const std::uint64_t logged = facts_.logged[copy.journal_id];
      if (logged == copy.entries.size() || (copy.lost && logged > copy.entries.size())) continue;
      if (copy.lost && is_told_lost(copy.journal_id, logged + 1)) {
        mark("what a lost store had not told was told as a gap");
        continue;
      }
      // The controller was ahead of the copy that the site was put back to, and was put back itself: nobody is
      // left who could miss them.
      if (was_put_back(copy) && forgotten_.contains(copy.journal_id)) continue;
      if (copy.lost && logged == 0 && !facts_.gaps.contains(copy.journal_id)) continue;
      object(fmt::format("{} of {} events of {} reached the controller", logged, copy.entries.size(),
                         copy.node));
    }
  }

 private:
  /// Its site went on with an older copy of the same journal.
  [[nodiscard]] bool was_put_back(const JournalCopy& copy) const {
    return copy.lost && std::ranges::any_of(facts_.copies, [&](const JournalCopy& other) {
             return &other > &copy && other.journal_id == copy.journal_id && other.node == copy.node;
           });
  }
  /// All that lies behind `from`.
  [[nodiscard]] bool is_told_lost(const std::string& journal, std::uint64_t from) const {
    const auto gaps = facts_.gaps.find(journal);
    return gaps != facts_.gaps.end() && std::ranges::any_of(gaps->second, [&](const ToldGap& gap) {
             return gap.to == 0 && gap.from <= from;
           });
  }
  /// A restored controller forgot the rest: whose history it was is open again.
  void cut_back(const std::string& journal, std::vector<std::string>& log, std::uint64_t last) {
    log.resize(last);
    for (JournalCopy& copy : facts_.copies) {
      if (copy.journal_id == journal)
        copy.in_log =
            copy.entries.size() >= last && std::equal(log.begin(), log.end(), copy.entries.begin(), same);
    }
  }
  static bool same(const std::string& bytes, const std::string& entry) {
    if (bytes.empty()) return true;  // in a told gap
    wire::Event event;
    if (!event.ParseFromString(entry)) return false;
    // What a machine is made of is no line of the log.
    if (event.has_inspected()) event.mutable_inspected()->clear_inventory();
    return event.SerializeAsString() == bytes;
  }

  std::map<std::string, std::vector<std::string>> logs_;  // by journal: what is in the log, event n at n - 1
  std::set<std::string> forgotten_;  // journals of which a restore took events out of the log
  bool was_restored_ = false;
};

}  // namespace

std::unique_ptr<Invariant> log_is_the_journal(Court& court) {
  return std::make_unique<LogIsTheJournal>(court);
}

}  // namespace metalmesh::sim
