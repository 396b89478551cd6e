// I7: the controller's log of one journal is exactly 1..n, in order, and what one store of that site wrote.
// After healing all of it is there.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
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
    if (copy.deleted != 0 && copy.deleted >= (keep == facts_.keep_from.end() ? 1 : keep->second))
      object(fmt::format("{} trimmed event {}, which the controller did not release", node, copy.deleted));
  }

  void at_end() override {
    for (const JournalCopy& copy : facts_.copies) {
      const std::uint64_t logged = facts_.logged[copy.journal_id];
      if (copy.lost || logged == copy.entries.size()) continue;
      object(fmt::format("{} of {} events of {} reached the controller", logged, copy.entries.size(),
                         copy.node));
    }
  }

 private:
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
    wire::Event event;
    return event.ParseFromString(entry) && event.SerializeAsString() == bytes;
  }

  std::map<std::string, std::vector<std::string>> logs_;  // by journal: what is in the log, event n at n - 1
};

}  // namespace

std::unique_ptr<Invariant> log_is_the_journal(Court& court) {
  return std::make_unique<LogIsTheJournal>(court);
}

}  // namespace metalmesh::sim
