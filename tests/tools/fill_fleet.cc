// Puts a fleet into the store of a stopped controller, through the ledger that the controller itself uses: servers that
// were inspected, without their BMCs. Each is a copy of one that is there, with an identity and an address of its own.
//
//   metalmesh-fill-fleet DATA_DIR STORE_KEY SERVER COUNT SITES
#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "common/adapters/rocks_store.h"
#include "controller/state/ledger.h"
#include "controller/state/machine_facts.h"

namespace metalmesh::controller {
namespace {

constexpr std::uint64_t servers_per_commit = 500;

/// The model of all that is made.
struct Model {
  rest::Site site;
  rest::Server server;
  record::Machine machine;
};

rest::ServerIdentity identity_of(std::uint64_t number) {
  rest::ServerIdentity identity;
  identity.set_uuid(fmt::format("5f1ee700-0000-4000-8000-{:012x}", number));
  identity.set_serial(fmt::format("FLEET{:08}", number));
  return identity;
}

void add_server(Ledger& ledger, const Model& model, const std::string& site, std::uint64_t number) {
  rest::Server server = model.server;
  server.mutable_metadata()->set_name(fmt::format("f{:06}", number));
  (*server.mutable_metadata()->mutable_labels())["rack"] = fmt::format("r{}", number / 40);
  server.mutable_spec()->set_site(site);
  server.mutable_spec()->set_hostname(fmt::format("f{:06}.example.net", number));
  server.mutable_spec()->mutable_bmc()->set_address(
      fmt::format("10.{}.{}.{}", number >> 16U & 0xffU, number >> 8U & 0xffU, number & 0xffU));
  auto& status = *server.mutable_status();
  *status.mutable_seen() = identity_of(number);
  if (status.has_pinned()) *status.mutable_pinned() = identity_of(number);
  *server.mutable_spec()->mutable_identity() = identity_of(number);
  status.set_machine(fmt::format("m-fleet-{}", number));
  record::Machine machine = model.machine;
  machine.clear_names();
  for (const std::string& name : machines::names_of(status.seen())) machine.add_names(name);
  ledger.put_machine(status.machine(), std::move(machine));
  ledger.put(std::move(server));
}

int fill(const std::string& folder, const std::string& key_file, const std::string& like, std::uint64_t count,
         std::uint64_t sites) {
  auto keys = adapters::RowKeys::from_file(key_file);
  if (!keys) return fmt::print(stderr, "{}\n", keys.error().message), 1;
  auto store = adapters::RocksStore::open(folder, {.keys = *keys});
  if (!store) return fmt::print(stderr, "{}\n", store.error().message), 1;
  auto loaded = load_state(**store);
  if (!loaded) return fmt::print(stderr, "{}\n", loaded.error().message), 1;
  const auto known = loaded->mesh.servers.find(like);
  if (known == loaded->mesh.servers.end()) return fmt::print(stderr, "there is no server {}\n", like), 1;
  const Model model{loaded->mesh.sites.at(known->second.spec().site()), known->second,
                    loaded->machines.at(known->second.status().machine())};
  const WallTime now{std::chrono::system_clock::now().time_since_epoch()};
  Ledger ledger(std::move(*loaded));
  const auto commit = [&] {
    Batch batch;
    ledger.flush(batch, now);
    const auto committed = (*store)->commit(batch);
    if (!committed) fmt::print(stderr, "{}\n", committed.error().message);
    return committed.has_value();
  };
  const auto site_name = [](std::uint64_t number) { return fmt::format("fleet{:04}", number); };
  for (std::uint64_t i = 0; i < sites; ++i) {
    rest::Site site = model.site;
    site.mutable_metadata()->set_name(site_name(i));
    site.clear_status();
    ledger.put(std::move(site));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    add_server(ledger, model, site_name(i % sites), i);
    if (i % servers_per_commit == 0 && !commit()) return 1;
  }
  if (!commit()) return 1;
  fmt::print("{} servers at {} sites\n", count, sites);
  return 0;
}

}  // namespace
}  // namespace metalmesh::controller

int main(int argc, char** argv) {
  if (argc != 6 || std::atoi(argv[4]) < 1 || std::atoi(argv[5]) < 1)
    return fmt::print(stderr, "usage: metalmesh-fill-fleet DATA_DIR STORE_KEY SERVER COUNT SITES\n"), 2;
  return metalmesh::controller::fill(argv[1], argv[2], argv[3], std::strtoull(argv[4], nullptr, 10),
                                     std::strtoull(argv[5], nullptr, 10));
}
