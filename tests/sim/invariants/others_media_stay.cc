// What somebody else put into a slot stays there: nobody says in this world that it may be replaced.
#include <map>
#include <string>

#include "tests/sim/invariants/all_invariants.h"
#include "tests/sim/words.h"

namespace metalmesh::sim {
namespace {

class OthersMediaStay final : public Invariant {
 public:
  explicit OthersMediaStay(Court& court) : Invariant("others_media_stay", court) {}

  void on_machine(const Machine& machine) override {
    const bmcsim::Host& host = machine.model->host();
    const std::string now = host.media_inserted() ? std::string(host.media_url()) : std::string();
    std::string& others = others_[machine.name];
    if (!others.empty() && now != others)
      object(machine.name + " held " + others + " of somebody else, and holds " +
             (now.empty() ? "nothing" : now));
    others = now.empty() || is_our_medium(now) ? std::string() : now;
  }

 private:
  std::map<std::string, std::string> others_;  // by machine: what is in its slot and not ours
};

}  // namespace

std::unique_ptr<Invariant> others_media_stay(Court& court) {
  return std::make_unique<OthersMediaStay>(court);
}

}  // namespace metalmesh::sim
