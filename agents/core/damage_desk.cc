#include "agents/core/damage_desk.h"

#include <algorithm>
#include <utility>

#include "agents/core/row_table.h"
#include "common/ports/wire_time.h"

namespace metalmesh::agent {

DamageDesk::DamageDesk(const RowReader& rows) {
  for (auto& [row, damage] : load_rows<record::DamagedRow>(rows, rows::damaged))
    rows_.emplace(row, std::move(damage));
}

void DamageDesk::tell(EventJournal& journal, const Now& now, Outcome& out) {
  for (auto item = rows_.begin(); item != rows_.end();) {
    auto& [row, damage] = *item;
    const bool done = damage.acted_on();
    const bool wanted = !damage.next().empty();
    if (!done) {
      wire::Event event;
      wire::StoreDamaged& told = *event.mutable_store_damaged();
      told.set_row(damage.row());
      told.set_what(damage.what());
      told.set_next(damage.next());
      told.set_deployment_id(damage.deployment_id());
      journal.tell(std::move(event), now, out);
      out.log(LogLevel::error, "a row of the store is damaged: " + damage.what(),
              {{"row", damage.row()}, {"next", damage.next()}});
    }
    if (!done && wanted) {
      damage.set_acted_on(true);
      *damage.mutable_at() = to_wire(now.wall());
      put_row(out, rows::damaged + row, damage);
    }
    if (wanted) {
      ++item;
    } else {
      out.erase(rows::damaged + row);
      item = rows_.erase(item);
    }
  }
}

std::int64_t DamageDesk::lost_jobs() const {
  return std::ranges::count_if(rows_, [](const auto& item) { return item.first.starts_with(rows::job); });
}

}  // namespace metalmesh::agent
