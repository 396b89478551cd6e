#include "tests/sim/sim_prober.h"

#include <algorithm>
#include <utility>

namespace metalmesh::sim {
namespace {

constexpr Duration way = std::chrono::milliseconds(20);

}  // namespace

void SimProber::probe(const ProbeStart& probe, Deliver deliver) {
  const MonoTime late = events_.now() + probe.timeout;
  events_.after(std::min(way, probe.timeout), [this, probe, late, deliver = std::move(deliver)] {
    Listener found = look_(probe.host, probe.port);
    const bool connected = found.port == Listener::Port::open;
    if (connected && !probe.want_banner) return deliver(ProbeAnswered{probe.id, true, "connected"});
    if (connected && !found.banner.empty())
      return deliver(ProbeAnswered{probe.id, true, std::move(found.banner)});
    if (found.port == Listener::Port::refused)
      return deliver(ProbeAnswered{probe.id, false, "connection refused"});
    events_.at(late, [deliver, id = probe.id, connected] {
      deliver(ProbeAnswered{id, false, connected ? "connected, but no banner in time" : "no answer in time"});
    });
  });
}

}  // namespace metalmesh::sim
