// Three hundred running servers are imported, twelve of them switched off. Whatever is then done to their
// objects, in whatever order, none is ever ordered. Judged by a plain model: which machine is behind which
// address, and which of them a person gave up.
#include <fmt/format.h>

#include <set>

#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

constexpr int running = 300;
constexpr int off = 12;
constexpr int blank = 4;  // new machines, which may be ordered: the test must be able to see an order
constexpr int acts = 400;
constexpr int acts_between_plans = 20;

class Fleet {
 public:
  explicit Fleet(std::uint64_t seed) : random_(seed) {
    for (const char* site : {"par1", "lyo1"}) mesh_.bring_up(site);
    for (int machine = 0; machine < running + blank; ++machine) {
      names_.push_back(fmt::format("s{}", machine));
      seats_.push_back(machine);
      register_server(machine, machine < running ? "" : "new");
    }
    look();
  }

  void act() {
    const int machine = static_cast<int>(random_.below(running));
    switch (random_.below(11)) {
      case 0:  // delete and apply, as new
        return forget_and(machine, [&] { register_server(machine, "new"); });
      case 1:  // another name
        return forget_and(machine, [&] {
          names_[at(machine)] = fmt::format("r{}", ++renames_);
          register_server(machine, "new");
        });
      case 2:  // an edit of the state
        return register_server(machine, random_.chance(500) ? "new" : "");
      case 3: {  // carried to another address, and registered there
        if (random_.chance(500)) {
          seats_[at(machine)] = next_seat_++;
          const Mesh& mesh = mesh_;
          const std::string site = mesh.server(name(machine)).spec().site();
          mesh_.ask(MoveServer{name(machine), random_.chance(300) ? other(site) : site,
                               Mesh::server_object("x", site, seats_[at(machine)]).spec().bmc().address(),
                               ""});
          return;
        }
        return forget_and(machine, [&] {
          seats_[at(machine)] = next_seat_++;
          register_server(machine, "new");
        });
      }
      case 4: {  // an edit of the identity, right or wrong
        auto object = manifest(machine, "new");
        auto& identity = *object.mutable_spec()->mutable_identity();
        if (random_.chance(300)) identity.set_serial("TYPO" + std::to_string(random_.below(1000)));
        if (random_.chance(300)) identity.clear_serial();
        if (random_.chance(300)) identity.clear_uuid();
        mesh_.ask(Apply{object, std::nullopt});
        return;
      }
      case 5:  // another board
        if (random_.chance(300)) boards_[machine] = next_board_++;
        mesh_.ask(InspectServer{name(machine)});
        look();
        mesh_.ask(ReidentifyServer{name(machine), report(machine).identity().serial(), "board swap"});
        return;
      case 6:  // "another machine stands there now", though it is the same
        mesh_.ask(InspectServer{name(machine)});
        look();
        mesh_.ask(ReplaceServer{name(machine), report(machine).identity().serial(), "replaced"});
        return;
      case 7:  // retired, and registered anew, under the same name or another
        mesh_.ask(RetireServer{name(machine)});
        return forget_and(machine, [&] {
          if (random_.chance(500)) names_[at(machine)] = fmt::format("r{}", ++renames_);
          register_server(machine, "new");
        });
      case 8: {  // the same identity in other letters, and a second object for the same machine
        auto object = manifest(machine, "new");
        auto& identity = *object.mutable_spec()->mutable_identity();
        identity.set_uuid("{" + in_capitals(identity.uuid()) + "}");
        identity.set_serial(" " + identity.serial() + " ");
        if (random_.chance(300)) object.mutable_metadata()->set_name(fmt::format("twin{}", machine));
        mesh_.ask(Apply{object, std::nullopt});
        return;
      }
      case 9:
        mesh_.ask(AcceptServer{name(machine)});
        mesh_.ask(ProtectServer{name(machine), false, "let me", 0});
        return;
      default:
        mesh_.ask(InspectServer{name(machine)});
        return look();
    }
  }

  /// A person gives this one up.
  void release(int machine) {
    mesh_.must(InspectServer{name(machine)});
    look();
    mesh_.must(ReleaseServer{name(machine), "decommissioned"});
    given_up_.insert(machine);
  }

  /// Orders everything that can be ordered, and says whom it hit.
  std::set<int> order_everything() {
    look();
    auto rollout = Mesh::rollout_object(fmt::format("all{}", ++rollouts_));
    rollout.mutable_spec()->set_reinstall(true);
    rollout.mutable_spec()->set_powered_on("graceful");
    rollout.mutable_spec()->mutable_stop_after()->set_no_canary(true);
    mesh_.apply(rollout);
    mesh_.must(PlanRollout{rollout.metadata().name()});
    const rest::Plan plan = mesh_.rollout(rollout.metadata().name()).status().plan();
    std::set<int> hit;
    for (const auto& server : plan.servers()) hit.insert(machine_of(server.identity().serial()));
    if (plan.servers_size() == 0) return hit;
    mesh_.must(StartRollout{rollout.metadata().name(), plan.digest(),
                            static_cast<std::uint32_t>(plan.servers_size())});
    for (auto& [site, agent] : mesh_.agents) {
      for (const auto& command : agent->commands) {
        if (command.has_order())
          hit.insert(machine_of(orders::open(command.order())->agreed.identity().serial()));
      }
    }
    call_off(rollout.metadata().name(), plan);
    return hit;
  }
  [[nodiscard]] bool may_be_hit(int machine) const {
    return machine >= running || given_up_.contains(machine);
  }

 private:
  [[nodiscard]] static std::size_t at(int machine) { return static_cast<std::size_t>(machine); }
  [[nodiscard]] const std::string& name(int machine) const { return names_[at(machine)]; }
  [[nodiscard]] static std::string other(const std::string& site) { return site == "par1" ? "lyo1" : "par1"; }
  [[nodiscard]] static std::string in_capitals(std::string text) {
    for (char& c : text)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
  }
  /// Serials stay with their machine.
  [[nodiscard]] static int machine_of(const std::string& serial) {
    for (int machine = 0; machine < running + blank; ++machine) {
      if (bmc_report(machine).identity().serial() == serial) return machine;
    }
    ADD_FAILURE() << "an order for serial " << serial;
    return 0;
  }
  void call_off(const std::string& rollout, const rest::Plan& plan) {
    mesh_.must(StopRollout{rollout, "seen enough"});
    for (const auto& server : plan.servers()) {
      Puppet& agent = *mesh_.agents.at(server.site());
      if (agent.last_cancel(server.name()) == nullptr) continue;
      wire::Event answer = agent.about(server.name());
      answer.mutable_cancel()->set_answer(wire::CancelAnswer::CANCELLED);
      agent.report(answer);
    }
  }
  /// What the BMC of this machine reports now.
  [[nodiscard]] wire::Inspected report(int machine) const {
    const auto board = boards_.find(machine);
    wire::Inspected seen = bmc_report(board == boards_.end() ? machine : board->second);
    // Vendors write the old serial into a new board.
    seen.mutable_identity()->set_serial(bmc_report(machine).identity().serial());
    seen.set_power(machine < off || machine >= running ? "Off" : "On");
    return seen;
  }
  [[nodiscard]] rest::Server manifest(int machine, const std::string& state) const {
    auto object = Mesh::server_object(name(machine), machine % 2 == 0 ? "par1" : "lyo1", seats_[at(machine)]);
    const auto found = mesh_.state().servers.find(name(machine));
    if (found != mesh_.state().servers.end()) object.mutable_spec()->set_site(found->second.spec().site());
    object.mutable_spec()->mutable_identity()->set_serial(report(machine).identity().serial());
    object.mutable_spec()->mutable_identity()->set_uuid(report(machine).identity().uuid());
    object.mutable_spec()->set_state(state);
    return object;
  }
  void register_server(int machine, const std::string& state) {
    mesh_.ask(Apply{manifest(machine, state), std::nullopt});
  }
  template <class Then>
  void forget_and(int machine, Then then) {
    const auto& server = mesh_.server(name(machine));
    // Every word she could type, until one is taken.
    for (const std::string& confirm :
         {std::string(), server.status().pinned().serial(), server.status().seen().serial(),
          server.spec().identity().serial(), name(machine)}) {
      if (mesh_.ask(Delete{"Server", name(machine), std::nullopt, confirm})) return then();
    }
  }
  /// Every agent answers what it was asked, each server by what is behind its address.
  void look() {
    mesh_.run_for(std::chrono::seconds(1));
    for (int round = 0; round < 5; ++round) {
      for (auto& [site, agent] : mesh_.agents) {
        for (std::size_t i = 0; i < names_.size(); ++i) {
          agent->bmcs[names_[i]] = report(static_cast<int>(i));
          agent->bmcs[names_[i]].set_bmc_key_sha256(agent->key);
        }
        agent->answer_inspections();
      }
    }
  }

  Mesh mesh_;
  Random random_;
  std::vector<std::string> names_;  // by machine
  std::vector<int> seats_;          // by machine: its address, as a number
  std::map<int, int> boards_;       // machines with another board
  std::set<int> given_up_;
  int next_seat_ = 2000;
  int next_board_ = 1000;
  int renames_ = 0;
  int rollouts_ = 0;
};

TEST(ImportedFleet, NoSpellingOfAnEditOrdersARunningServer) {
  Fleet fleet(1);
  int ordered = 0;
  for (int act = 0; act < acts; ++act) {
    fleet.act();
    if (act == acts / 2) fleet.release(7);
    if (act % acts_between_plans != 0) continue;
    for (const int machine : fleet.order_everything()) {
      ASSERT_TRUE(fleet.may_be_hit(machine)) << "act " << act << ": machine " << machine;
      ++ordered;
    }
  }
  EXPECT_GT(ordered, blank) << "the new ones are ordered, or nothing would have been seen";
}

}  // namespace
}  // namespace metalmesh::testing
