// Beyond the thirteen: a wrong password is not tried so often that accounts are locked. What one life of an
// agent learned may be lost with it, and its successor tries as often again; so does an agent whose password
// is set.
#include <algorithm>

#include "tests/sim/invariants/all_invariants.h"

namespace metalmesh::sim {
namespace {

constexpr std::uint64_t refusals_per_chance = 3;

class LoginsAreFew final : public Invariant {
 public:
  explicit LoginsAreFew(Court& court) : Invariant("logins_are_few", court) {}

  void on_machine(const Machine& machine) override {
    for (const auto& [password, refused] : machine.refused_logins) {
      std::uint64_t& known = by_machine_[machine.name][password];
      if (refused == known) continue;
      std::uint64_t& sum = sums_[password];
      const std::uint64_t first = first_chance_.try_emplace(password, facts_.chances).first->second;
      sum += refused - known;
      known = refused;
      if (sum > refusals_per_chance * agents_of(machine) * (1 + facts_.chances - first))
        object("one wrong password was refused again and again");
    }
  }

 private:
  /// A twin counts for itself.
  std::uint64_t agents_of(const Machine& machine) const {
    const std::string site = machine.name.substr(0, machine.name.rfind('-'));
    return std::max<std::uint64_t>(
        1, std::ranges::count(facts_.agents, site, [](const auto& agent) { return agent.second.site; }));
  }

  std::map<std::string, std::map<std::string, std::uint64_t>> by_machine_;  // then by password
  std::map<std::string, std::uint64_t> sums_;                               // by password: one site has it
  std::map<std::string, std::uint64_t> first_chance_;  // by password: the count when it was refused first
};

}  // namespace

std::unique_ptr<Invariant> logins_are_few(Court& court) { return std::make_unique<LoginsAreFew>(court); }

}  // namespace metalmesh::sim
