// Queues events in the outbox of a stopped agent, through the store and the stream that the agent itself
// uses: what days without a link leave behind, without the days. usage: metalmesh-fill-outbox DATA_DIR COUNT
#include <cstdlib>
#include <iostream>

#include "common/adapters/sqlite_store.h"
#include "common/delivery/stream_sender.h"
#include "schemas/wire/event.pb.h"

namespace {

constexpr std::uint64_t events_per_commit = 500;
constexpr const char* event_stream = "s/events/";

/// As long as what a stage or a held job really says.
metalmesh::wire::Event event(std::uint64_t number) {
  metalmesh::wire::Event event;
  event.set_server("par1-n" + std::to_string(number % 500));
  event.set_deployment_id("d-" + std::to_string(number));
  event.set_generation(1);
  event.mutable_stage()->set_stage(metalmesh::wire::WATCH);
  event.mutable_stage()->set_note("event " + std::to_string(number) + " of a site whose link is cut; " +
                                  std::string(120, '.'));
  return event;
}

int fill(const char* folder, std::uint64_t count) {
  auto store = metalmesh::adapters::SqliteStore::open(folder);
  if (!store) {
    std::cerr << store.error().message << "\n";
    return 1;
  }
  metalmesh::delivery::StreamSender journal(event_stream, **store);
  if (!journal.exists()) {
    std::cerr << "there is no journal in " << folder << ": start the agent once\n";
    return 1;
  }
  for (std::uint64_t done = 0; done < count;) {
    metalmesh::Batch batch;
    for (std::uint64_t i = 0; i < events_per_commit && done < count; ++i, ++done) {
      if (!journal.append(event(done + 1).SerializeAsString(), batch)) return 1;
    }
    if (const auto committed = (*store)->commit(batch); !committed) {
      std::cerr << committed.error().message << "\n";
      return 1;
    }
    journal.on_committed();
  }
  std::cout << journal.unacked() << " events are queued\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: metalmesh-fill-outbox DATA_DIR COUNT\n";
    return 2;
  }
  return fill(argv[1], std::strtoull(argv[2], nullptr, 10));
}
