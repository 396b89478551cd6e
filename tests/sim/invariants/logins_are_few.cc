// Beyond the thirteen: a wrong password is not tried so often that accounts are locked. An account of one BMC
// sees few refusals, and so do few BMCs of a site: some for people and as many for plans. What one life of an
// agent learned may be lost with it, and its successor tries as often again; so does an agent whose password
// is set, and any once an hour has passed.
#include <algorithm>
#include <chrono>
#include <optional>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

constexpr std::uint64_t refusals_of_one = 3;
constexpr std::uint64_t machines_that_refuse = 2 * refusals_of_one;
constexpr Duration remembered = std::chrono::hours(1);

class LoginsAreFew final : public Invariant {
 public:
  explicit LoginsAreFew(Court& court) : Invariant("logins_are_few", court) {}

  void on_machine(const Machine& machine) override {
    for (const auto& [password, refused] : machine.refused_logins) {
      Wrong& wrong = by_password_[password];
      std::uint64_t& known = wrong.by_machine[machine.name];
      if (refused == known) continue;
      known = refused;
      if (!wrong.first_at) {
        wrong.first_at = court_.events.now();
        wrong.chances_before = facts_.chances;
      }
      const auto hours = static_cast<std::uint64_t>((court_.events.now() - *wrong.first_at) / remembered);
      const std::uint64_t times = agents_of(machine) * (1 + hours + facts_.chances - wrong.chances_before);
      // Behind two addresses it is two BMCs, as far as anybody can know before a login.
      const std::uint64_t addresses = machine.displaced ? 2 : 1;
      if (known > refusals_of_one * times * addresses) object("one account was refused again and again");
      if (wrong.by_machine.size() > machines_that_refuse * times)
        object("one wrong password was taken from machine to machine");
    }
  }

 private:
  /// A twin counts for itself.
  std::uint64_t agents_of(const Machine& machine) const {
    const std::string site = machine.name.substr(0, machine.name.rfind('-'));
    return std::max<std::uint64_t>(
        1, std::ranges::count(facts_.agents, site, [](const auto& agent) { return agent.second.site; }));
  }

  struct Wrong {
    std::map<std::string, std::uint64_t> by_machine;  // how often it refused
    std::optional<MonoTime> first_at;
    std::uint64_t chances_before = 0;
  };
  std::map<std::string, Wrong> by_password_;  // one site has it
};

}  // namespace

std::unique_ptr<Invariant> logins_are_few(Court& court) { return std::make_unique<LoginsAreFew>(court); }

}  // namespace metalmesh::sim
