#include "tests/sim/wan_cut.h"

#include <fmt/format.h>

#include <algorithm>

#include "agents/core/row_keys.h"
#include "schemas/record/stream.pb.h"
#include "tests/sim/mesh.h"

namespace metalmesh::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 2h;  // for everybody to get an order, and for the outbox to drain

class Scene {
 public:
  explicit Scene(const WanCut& cut) : cut_(cut), mesh_(swarm_, Random(cut.seed), keys_, false) {}

  WanCutResult run() {
    mesh_.start();
    run_until_true(patience,
                   [&] { return mesh_.witness.marks().count("an order was handed out") >= cut_.servers; });
    run_for(1min);
    const std::uint64_t before = ends();
    mesh_.bus.partition("site1", cut_.length);
    run_for(cut_.length - 1s);
    result_.ended_in_the_dark = ends() - before;
    result_.events_waiting = waiting();
    run_for(1s);
    mesh_.heal();
    const MonoTime back = mesh_.events.now();
    run_until_true(patience, [&] { return mesh_.at_rest(); });
    result_.to_drain = mesh_.events.now() - back;
    mesh_.witness.at_end();
    if (result_.store_bytes > store_bound(cut_.servers))
      object(fmt::format("the agent's store grew to {} bytes", result_.store_bytes));
    if (before + result_.ended_in_the_dark != cut_.servers)
      object(fmt::format("{} jobs ended before the cut and {} during it", before, result_.ended_in_the_dark));
    result_.violations = mesh_.trace.violations();
    return result_;
  }

 private:
  static Swarm calm(const WanCut& cut) {
    Swarm swarm;
    swarm.sites = 1;
    swarm.servers_per_site = cut.servers;
    swarm.bus_delay = 50ms;
    swarm.clock_error = 500ms;
    swarm.down_for = 20s;
    swarm.image_time = 60s;
    swarm.bulk = true;
    return swarm;
  }
  void object(std::string what) { mesh_.trace.violation(mesh_.events.now(), "bounds", std::move(what)); }
  [[nodiscard]] const SimStore& store() const { return mesh_.sites.front()->box.node->rows(); }
  [[nodiscard]] std::uint64_t ends() { return mesh_.witness.marks().count("a job ended"); }
  [[nodiscard]] std::uint64_t waiting() const {
    record::StreamSender head;
    const auto row = store().find(std::string(agent::rows::events) + "m");
    return row && head.ParseFromString(*row) ? head.next_seq() - 1 - head.acked() : 0;
  }
  void run_for(Duration time) {
    run_until_true(time, [] { return false; });
  }
  template <class Done>
  void run_until_true(Duration most, Done done) {
    const MonoTime until = mesh_.events.now() + most;
    while (mesh_.events.now() < until && mesh_.trace.violations().empty() && !done()) {
      const MonoTime look = std::min(until, mesh_.events.now() + 1min);
      while (mesh_.trace.violations().empty() && mesh_.events.run_one(look)) {
      }
      result_.store_bytes = std::max(result_.store_bytes, store().bytes());
    }
  }

  WanCut cut_;
  Swarm swarm_ = calm(cut_);
  CheapKeyRing keys_;
  Mesh mesh_;
  WanCutResult result_;
};

}  // namespace

WanCutResult run_wan_cut(const WanCut& cut) { return Scene(cut).run(); }

std::string summary(const WanCut& cut, const WanCutResult& result) {
  return fmt::format(
      "{} servers, {} h without the WAN: {} installs ended meanwhile, {} events waited, all in the log once "
      "and in "
      "order {:.1f} min after\nthe agent's store held {} KiB at most (bound: {} KiB)\n",
      cut.servers, cut.length / 1h, result.ended_in_the_dark, result.events_waiting,
      std::chrono::duration<double, std::ratio<60>>(result.to_drain).count(), result.store_bytes / 1024,
      store_bound(cut.servers) / 1024);
}

}  // namespace metalmesh::sim
