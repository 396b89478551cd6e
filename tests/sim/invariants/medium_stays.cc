// Nothing that installs loses its medium, neither the slot's nor the bytes behind it, but by one of four
// grounds: the installer's end, a host that is off, the longest run (in true time), or a person.
#include <fmt/format.h>

#include <map>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

constexpr int gone = 410;
constexpr int unknown = 404;

class MediumStays final : public Invariant {
 public:
  explicit MediumStays(Court& court) : Invariant("medium_stays", court) {}

  void on_machine(const Machine& machine) override {
    const bmcsim::Host& host = machine.model->host();
    Seen& seen = seen_[machine.name];
    for (; seen.violations < host.violations().size(); ++seen.violations) {
      const std::string& what = host.violations()[seen.violations];
      if (what.starts_with("second install")) continue;  // one_wipe_per_generation judges it
      if (has_ground(host.installs().back().deployment)) continue;
      object(fmt::format("{}: {} {}", machine.name, what, host.installs().back().deployment));
    }
    if (seen.starving && host.state() != bmcsim::HostState::installing) starved(machine, seen);
  }

  void on_media_reply(const MediaReply& reply) override {
    Seen& seen = seen_[reply.machine.name];
    const bmcsim::Host& host = reply.machine.model->host();
    const bool serves = reply.status / 100 == 2;
    if (serves || host.state() != bmcsim::HostState::installing) {
      seen.starving.reset();
      return;
    }
    if (!seen.starving) seen.starving = court_.events.now();
    seen.outage = std::max(seen.outage, reply.media.last_outage());
    const std::string& id = host.installs().back().deployment;
    const bool refused = reply.status == gone || reply.status == unknown;
    if (refused && facts_.launch_is_kept(id) && !has_ground(id))
      object(fmt::format("{} reads HTTP {} while {} installs", reply.machine.name, reply.status, id));
  }

 private:
  struct Seen {
    std::size_t violations = 0;
    std::optional<MonoTime> starving;  // since our media server last served it
    MonoTime outage{};                 // when that server, or its agent, was not there last
  };

  /// It stopped to install after reads that our media server did not answer, although it was there.
  void starved(const Machine& machine, Seen& seen) {
    const bmcsim::Install& install = machine.model->host().installs().back();
    const bool of_hunger = machine.model->host().state() == bmcsim::HostState::stuck && install.died;
    const bool there = seen.outage < *seen.starving;
    seen.starving.reset();
    if (!of_hunger) return;
    if (!there) return mark("an installer died because its media server was down");
    if (facts_.launch_is_kept(install.deployment) && !has_ground(install.deployment))
      object(machine.name + " was not served while it installed: " + install.deployment);
  }

  [[nodiscard]] bool has_ground(const std::string& id) {
    const auto said = facts_.said.find(id);
    if (facts_.cancels.contains(id) || (said != facts_.said.end() && said->second.by_person)) {
      mark("an installer was given up by a person");
      return true;
    }
    const bool over = facts_.ran_its_longest(id, court_.events.now());
    if (over) mark("an installer that never ends was given up");
    return over;
  }

  std::map<std::string, Seen> seen_;  // by machine
};

}  // namespace

std::unique_ptr<Invariant> medium_stays(Court& court) { return std::make_unique<MediumStays>(court); }

}  // namespace metalmesh::sim
