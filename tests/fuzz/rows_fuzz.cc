// Damaged stores. The input replaces one row of a healthy store, or adds one: the node refuses it with the
// row's name, or starts and lives through its first turns. It never dies of it. Or it flips a bit of a sealed row: then
// no fence is lower than before, or it is shut.
#include <fuzzer/FuzzedDataProvider.h>

#include <vector>

#include "agents/core/agent_core.h"
#include "agents/core/fence_table.h"
#include "agents/core/row_care.h"
#include "agents/core/row_check.h"
#include "common/ports/memory_rows.h"
#include "controller/core/controller_core.h"
#include "tests/fuzz/invariant.h"
#include "tests/support/rotten_rows.h"
#include "tests/unit/agent_core/stand_ins.h"

namespace metalmesh {
namespace {

const Now start{MonoTime(std::chrono::hours(1)), WallTime(std::chrono::hours(24 * 365 * 50)),
                WallTime(std::chrono::hours(24 * 365 * 50))};

agent::AgentSettings settings() {
  agent::AgentSettings given;
  given.site = SiteName("par1");
  given.machine_id = "machine";
  given.version = "fuzz";
  given.media_address = "127.0.0.1:1";
  return given;
}

/// Started, then commits until nothing is left to write.
bool first_turns(DecisionCore& core, MemoryRows& store) {
  Input input = Started{};
  for (int turn = 0; turn < 4; ++turn) {
    const Outcome out = core.handle(input, start);
    for (const Effect& effect : out.effects) {
      if (std::holds_alternative<Halt>(effect)) {
        MM_CLAIM(!std::get<Halt>(effect).reason.empty());
        return false;
      }
    }
    if (out.rows.empty()) return true;
    store.commit(out.rows);
    input = Committed{};
  }
  return true;
}

struct Rig {
  test::NamedSigner signer{"par1"};
  test::NamedVerifier verifier;
  test::SeededEntropy entropy{1};
  MemoryRows agent_rows, controller_rows;
};

wire::Identity some_machine() {
  wire::Identity identity;
  identity.set_uuid("4c4c4544-0046-3510-8054-b4c04f564d32");
  identity.set_serial("CZ2D4F0A1B");
  return identity;
}

const Rig& healthy() {
  static Rig* rig = [] {
    auto* made = new Rig;
    agent::AgentCore agent(made->agent_rows, made->signer, made->verifier, made->entropy, settings());
    MM_CLAIM(first_turns(agent, made->agent_rows));
    Outcome fences;
    agent::FenceTable table(made->agent_rows);
    table.see(some_machine(), 3, "d-1", fences);
    table.launch(some_machine(), 3, fences);
    made->agent_rows.commit(fences.rows);
    controller::ControllerCore controller(made->controller_rows, made->signer, made->verifier, made->entropy);
    MM_CLAIM(first_turns(controller, made->controller_rows));
    return made;
  }();
  return *rig;
}

void damage(MemoryRows& store, const std::vector<std::string>& keys, FuzzedDataProvider& input) {
  MemoryRows::Rows rows = store.rows();
  std::string key =
      input.PickValueInArray({"", "+"}) + keys[input.ConsumeIntegralInRange<std::size_t>(0, keys.size() - 1)];
  if (key.front() == '+') {  // a row of its own below a prefix
    key.erase(0, 1);
    key += input.ConsumeRandomLengthString(12);
  }
  const auto found = rows.find(key);
  if (found != rows.end() && !found->second.empty() && input.ConsumeBool()) {
    std::string& value = found->second;
    value[input.ConsumeIntegralInRange<std::size_t>(0, value.size() - 1)] ^=
        static_cast<char>(1U << input.ConsumeIntegralInRange(0, 7));
    if (input.ConsumeBool()) value.resize(input.ConsumeIntegralInRange<std::size_t>(0, value.size()));
  } else {
    rows[key] = input.ConsumeRemainingBytesAsString();
  }
  store.restore(std::move(rows));
}

/// A bit of one row or of its seal, and what the next start makes of it. A rotten key is mended by the store (contract_store).
void rot(MemoryRows& store, const std::vector<std::string>& keys, FuzzedDataProvider& input) {
  const auto before = agent::FenceTable(store).of(some_machine());
  RottenRows rotten(store);
  const std::string key = keys[input.ConsumeIntegralInRange<std::size_t>(0, keys.size() - 1)];
  const auto byte = input.ConsumeIntegral<std::uint16_t>();
  const auto bit = input.ConsumeIntegralInRange(0U, 7U);
  rotten.flip(key, byte, bit);
  const auto care = agent::care_for_rows(rotten);
  if (!care) {
    MM_CLAIM(!care.error().message.empty());
    return;
  }
  MM_CLAIM(!care->found.empty());
  store.restore(rotten.after(care->batch));
  if (!agent::check_rows(store)) return;
  const auto now = agent::FenceTable(store).of(some_machine());
  MM_CLAIM(!now.damaged.empty() ||
           (now.generation >= before.generation && now.launched >= before.launched &&
            now.cancelled_to >= before.cancelled_to && now.refused >= before.refused));
}

std::vector<std::string> keys_of(const MemoryRows& store, std::vector<std::string> prefixes) {
  for (const auto& [key, value] : store.rows()) prefixes.push_back(key);
  return prefixes;
}

}  // namespace
}  // namespace metalmesh

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace metalmesh;
  if (size < 4) return 0;
  FuzzedDataProvider input(bytes, size);
  Rig rig = healthy();
  const auto what = input.ConsumeIntegralInRange(0, 2);
  if (what == 2) {
    static const auto keys = keys_of(rig.agent_rows, {});
    rot(rig.agent_rows, keys, input);
  } else if (what == 1) {
    static const auto keys =
        keys_of(rig.agent_rows, {"fence/", "job/", "image/", "inspect/", "credential/", "a/site", "a/link",
                                 "r/commands", "s/events/m", "s/events/e"});
    damage(rig.agent_rows, keys, input);
    const Status whole = agent::check_rows(rig.agent_rows);
    if (!whole) {
      MM_CLAIM(whole.error().message.find("row ") != std::string::npos ||
               whole.error().message.find("entry ") != std::string::npos);
      return 0;
    }
    agent::AgentCore core(rig.agent_rows, rig.signer, rig.verifier, rig.entropy, settings());
    first_turns(core, rig.agent_rows);
  } else {
    static const auto keys = keys_of(
        rig.controller_rows, {"c", "o/site/", "o/cred/", "o/server/", "o/image/", "o/profile/", "o/version/",
                              "o/rollout/", "d/", "x/order/", "x/link/", "x/wish/", "g/", "i/"});
    damage(rig.controller_rows, keys, input);
    controller::ControllerCore core(rig.controller_rows, rig.signer, rig.verifier, rig.entropy);
    first_turns(core, rig.controller_rows);
  }
  return 0;
}
