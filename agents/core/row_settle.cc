#include "agents/core/row_settle.h"

#include <algorithm>
#include <utility>

#include "agents/core/row_table.h"
#include "common/delivery/stream_sender.h"
#include "common/ports/wire_time.h"
#include "schemas/record/agent.pb.h"
#include "schemas/record/damage.pb.h"
#include "schemas/wire/event.pb.h"

namespace metalmesh::agent {
namespace {

constexpr std::size_t note_limit = 1024;

/// Every fence that the row keeps shut is what the person says; of a job, its fence was whole all the time.
void open_fences(const RowReader& rows, const RowWord& word, Outcome& out) {
  for (auto& [machine, fence] : load_rows<record::Fence>(rows, rows::fence)) {
    if (fence.damaged() != word.row) continue;
    fence.clear_damaged();
    if (word.through) {
      const std::uint64_t all = std::max(
          {*word.through, fence.generation(), fence.cancelled_to(), fence.launched(), fence.refused()});
      fence.set_generation(all);
      fence.set_cancelled_to(all);
      fence.set_refused(all);
      fence.set_launched(std::max<std::uint64_t>(fence.launched(), *word.through));
    }
    put_row(out, rows::fence + machine, fence);
  }
}

/// Unless another damaged row stands for it, too.
void leave_quarantine(const RowReader& rows, const RowWord& word, Outcome& out) {
  for (const auto& [row, damage] : load_rows<record::DamagedRow>(rows, rows::damaged)) {
    if (row != word.row && (row == rows::site || row == rows::link)) return;
  }
  auto link = load_row<record::LinkState>(rows, rows::link);
  link.clear_quarantine_reason();
  put_row(out, rows::link, link);
}

}  // namespace

Result<Batch> settle_row(const RowReader& rows, const RowWord& word, WallTime now) {
  const auto known = load_rows<record::DamagedRow>(rows, rows::damaged);
  const auto found = std::ranges::find(known, word.row, [](const auto& item) { return item.first; });
  if (found == known.end()) {
    std::string all;
    for (const auto& [row, damage] : known) all += (all.empty() ? "" : ", ") + row;
    return fail(ErrorKind::not_found, "no damaged row " + word.row + " waits for a word; " +
                                          (all.empty() ? "none does" : "these do: " + all));
  }
  if (word.note.empty() || word.note.size() > note_limit)
    return fail(ErrorKind::invalid, "--note: 1 to 1024 bytes say what you looked at");
  const bool is_fence = word.row.starts_with(rows::fence);
  if (is_fence && !word.through) {
    return fail(ErrorKind::invalid,
                "--through is missing: the number of the last order of this machine that is over. The "
                "controller names "
                "it where it tells of the order that was refused (\"the order is generation N\"); "
                "metalmesh describe server shows the highest one");
  }
  if (!is_fence && word.through)
    return fail(ErrorKind::invalid, "--through is of rows fence/..., not of " + word.row);
  Outcome out;
  open_fences(rows, word, out);
  if (word.row == rows::link || word.row == rows::site) leave_quarantine(rows, word, out);
  out.erase(rows::damaged + word.row);
  delivery::StreamSender journal(rows::events, rows);
  if (journal.exists()) {
    wire::Event event;
    *event.mutable_at() = to_wire(now);
    event.mutable_store_damaged()->set_row(word.row);
    event.mutable_store_damaged()->set_what(word.note);
    event.mutable_store_damaged()->set_over(true);
    if (auto told = journal.append(event.SerializeAsString(), out.rows); !told)
      return std::unexpected(std::move(told.error()));
  }
  return std::move(out.rows);
}

}  // namespace metalmesh::agent
