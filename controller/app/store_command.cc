#include "controller/app/store_command.h"

#include <fmt/format.h>

#include <iostream>
#include <utility>

#include "common/adapters/rocks_backup.h"
#include "common/adapters/rocks_store.h"
#include "common/base/command_words.h"
#include "common/ports/row_walk.h"
#include "controller/app/controller_config.h"
#include "controller/app/store_key.h"
#include "controller/core/row_care.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/damage.pb.h"

namespace metalmesh::controller {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int cannot_tell = 2;

int report(const Error& error, int exit_code) {
  std::cerr << "metalmesh-controller: " << error.message << '\n';
  return exit_code;
}

struct Place {
  std::string folder;
  adapters::StoreOptions options;
};

/// The folder that was named, or the configured one. A folder that was named may have no configuration and no key: then
/// the store itself says whether it wants one.
Result<Place> place_of(const ControllerOptions& options) {
  const bool named = !options.folder.empty() && !options.restore;
  auto config = load_store_config(options);
  if (!config && !named) return std::unexpected(std::move(config.error()));
  auto keys = open_store_key(options, config ? *config : config::Controller());
  if (!keys && !named) return std::unexpected(std::move(keys.error()));
  return Place{named ? options.folder.string() : config->data_dir(),
               {.keys = keys ? std::move(*keys) : nullptr}};
}

/// To run this very command is not the next step.
std::string without_next(const std::string& message) { return message.substr(0, message.find(". Next: ")); }

/// Rows that an earlier start moved aside, and nobody settled.
Status print_unsettled(const RowReader& rows, bool& any) {
  return walk_whole_rows(rows, std::string(tables::damaged), tables::end_of(tables::damaged),
                         [&](const std::string& key, const std::string& value) -> Status {
                           record::DamagedRow damage;
                           if (auto read = decode_row(value, damage); !read) return read;
                           any = true;
                           std::cout << "damaged " << key.substr(tables::damaged.size()) << ": "
                                     << damage.what()
                                     << (damage.next().empty() ? "" : ". Next: " + damage.next()) << '\n';
                           return {};
                         });
}

}  // namespace

int check_store_command(const ControllerOptions& options) {
  const auto place = place_of(options);
  if (!place) return report(place.error(), cannot_tell);
  const auto store = adapters::RocksStore::open_for_reading(place->folder, place->options);
  if (!store) return report(store.error(), store.error().kind == ErrorKind::corrupt ? failed : cannot_tell);
  bool any = false;
  for (const std::string& loss : (*store)->losses()) {
    any = true;
    std::cout
        << "lost: " << loss
        << ". Next: start the controller; it holds, as after a restore, until you have seen what differs\n";
  }
  std::uint64_t rows = 0;
  const Status walked = walk_rows(**store, {}, {}, [&](const Row& row) -> Status {
    ++rows;
    if (row.value) return {};
    any = true;
    const RowEffect effect = effect_of_damage(row.key);
    std::cout << "damaged " << printable_key(row.key) << ": " << effect.what << ". Next: " << effect.next
              << '\n';
    return {};
  });
  if (!walked) {
    std::cout << "unreadable: " << without_next(walked.error().message)
              << ". Next: start the controller; it copies what can be read, and says what cannot\n";
    return failed;
  }
  if (const Status blocks = (*store)->blocks_are_whole(); !blocks) {
    any = true;
    std::cout << "block: " << without_next(blocks.error().message)
              << ". Next: start the controller; it copies the rows out of it, each with its own checksum\n";
  }
  for (const std::string& gap : gaps_in_log(**store)) {
    any = true;
    std::cout << "missing: " << gap << ". Next: start the controller; a line of its log will say so\n";
  }
  if (auto printed = print_unsettled(**store, any); !printed) return report(printed.error(), failed);
  if (!any) std::cout << rows << " rows, every one is whole\n";
  return any ? failed : done;
}

int restore_command(const ControllerOptions& options) {
  const auto place = place_of(options);
  if (!place) return report(place.error(), cannot_tell);
  const auto facts = adapters::read_backup(options.folder);
  if (!facts) return report(facts.error(), failed);
  if (auto copied = adapters::copy_backup(options.folder, place->folder, place->options.keys); !copied)
    return report(copied.error(), failed);
  auto store = adapters::RocksStore::open(place->folder, place->options);
  if (!store) return report(store.error(), failed);
  const auto marked = mark_restored(**store, "the backup of " + facts->made + " was put back");
  if (!marked) return report(marked.error(), failed);
  if (auto committed = (*store)->commit(*marked); !committed) return report(committed.error(), failed);
  std::cout << fmt::format(
      "the backup of {} is in {}\nnext: start the controller; it starts nothing, asks every site what it "
      "knows, and "
      "lists what differs: metalmesh controller status\nthen: {}\n",
      facts->made, place->folder, commands::go_on());
  return done;
}

}  // namespace metalmesh::controller
