#include "agents/app/store_command.h"

#include <charconv>
#include <iostream>
#include <memory>
#include <set>
#include <utility>

#include "agents/app/agent_config.h"
#include "agents/core/row_care.h"
#include "agents/core/row_check.h"
#include "agents/core/row_settle.h"
#include "agents/core/row_table.h"
#include "common/adapters/sqlite_store.h"
#include "common/adapters/system_clock.h"

namespace metalmesh::agent {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int cannot_tell = 2;

int report(const Error& error, int exit_code) {
  std::cerr << "metalmesh-agent: " << error.message << '\n';
  return exit_code;
}

Result<std::unique_ptr<adapters::SqliteStore>> open_store(const AgentOptions& options) {
  const auto config = load_store_config(options);
  if (!config) return std::unexpected(config.error());
  return adapters::SqliteStore::open_existing(config->data_dir());
}

void print(const record::DamagedRow& damage) {
  std::cout << "damaged " << damage.row() << ": " << damage.what();
  if (!damage.next().empty()) std::cout << ". Next: " << damage.next();
  std::cout << '\n';
}

/// Nothing where it is no number.
Result<std::optional<std::uint64_t>> number_of(const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorKind::invalid, "--through: \"" + text + "\" is no number");
  return number;
}

}  // namespace

int check_store_command(const AgentOptions& options) {
  const auto store = open_store(options);
  if (!store) return report(store.error(), store.error().kind == ErrorKind::corrupt ? failed : cannot_tell);
  const auto care = care_for_rows(**store);
  if (!care) return report(care.error(), failed);
  std::set<std::string> shown((*store)->notes().begin(), (*store)->notes().end());
  for (const std::string& note : shown) std::cout << "damaged and mended: " << note << '\n';
  for (const record::DamagedRow& damage : care->found) {
    print(damage);
    shown.insert(damage.row());
  }
  if (care->found.empty()) {
    if (const Status whole = check_rows(**store); !whole) return report(whole.error(), failed);
    // What an earlier start found, and nobody settled.
    for (const auto& [row, damage] : load_rows<record::DamagedRow>(**store, rows::damaged)) {
      print(damage);
      shown.insert(row);
    }
  }
  if (shown.empty()) std::cout << "every row is whole\n";
  return shown.empty() ? done : failed;
}

int settle_row_command(const AgentOptions& options) {
  auto through = number_of(options.through);
  if (!through) return report(through.error(), cannot_tell);
  auto store = open_store(options);
  if (!store) return report(store.error(), cannot_tell);
  // The agent may not have been started since.
  const auto care = care_for_rows(**store);
  if (!care) return report(care.error(), failed);
  if (!care->batch.empty()) {
    if (const Status kept = (*store)->commit(care->batch); !kept) return report(kept.error(), failed);
  }
  if (const Status whole = check_rows(**store); !whole) return report(whole.error(), failed);
  adapters::SystemClock clock;
  const auto batch = settle_row(**store, {options.row, *through, options.note}, clock.now().wall());
  if (!batch) return report(batch.error(), failed);
  if (const Status settled = (*store)->commit(*batch); !settled) return report(settled.error(), failed);
  std::cout << "settled " << options.row << "; start the agent again\n";
  return done;
}

}  // namespace metalmesh::agent
