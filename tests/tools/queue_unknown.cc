// Queues a command of an unknown kind for a site, in the store of a stopped controller and through the stream that the
// controller itself uses: what a newer version that ran for a moment leaves behind.
//
//   metalmesh-queue-unknown DATA_DIR STORE_KEY SITE
#include <fmt/format.h>

#include "common/adapters/rocks_store.h"
#include "common/delivery/stream_sender.h"
#include "controller/state/state_load.h"
#include "controller/state/tables.h"
#include "schemas/wire/command.pb.h"

namespace metalmesh::controller {
namespace {

/// Field 4242, with one byte in it.
constexpr std::string_view unknown_kind = "\x92\x89\x02\x01x";

int queue(const std::string& folder, const std::string& key_file, const std::string& site) {
  auto keys = adapters::RowKeys::from_file(key_file);
  if (!keys) return fmt::print(stderr, "{}\n", keys.error().message), 1;
  auto store = adapters::RocksStore::open(folder, {.keys = *keys});
  if (!store) return fmt::print(stderr, "{}\n", store.error().message), 1;
  const auto loaded = load_state(**store);
  if (!loaded) return fmt::print(stderr, "{}\n", loaded.error().message), 1;
  const auto link = loaded->inner.links.find(site);
  delivery::StreamSender stream(tables::command_stream(site), **store);
  if (link == loaded->inner.links.end() || !stream.exists())
    return fmt::print(stderr, "site {} was never heard: start its agent once\n", site), 1;
  wire::Command command;
  command.set_journal_id(link->second.commands_for());
  command.set_controller_epoch(loaded->mesh.epoch);
  Batch batch;
  const auto queued = stream.append(command.SerializeAsString() + std::string(unknown_kind), batch);
  if (!queued) return fmt::print(stderr, "{}\n", queued.error().message), 1;
  const auto committed = (*store)->commit(batch);
  if (!committed) return fmt::print(stderr, "{}\n", committed.error().message), 1;
  fmt::print("command {} is queued\n", *queued);
  return 0;
}

}  // namespace
}  // namespace metalmesh::controller

int main(int argc, char** argv) {
  if (argc != 4) return fmt::print(stderr, "usage: metalmesh-queue-unknown DATA_DIR STORE_KEY SITE\n"), 2;
  return metalmesh::controller::queue(argv[1], argv[2], argv[3]);
}
