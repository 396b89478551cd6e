// Recorded trees of real BMCs, where they are at hand: ../shared/redfish-mockups beside the checkout.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "agents/redfish/error_info.h"
#include "agents/redfish/media_slot.h"
#include "agents/redfish/requests.h"
#include "agents/redfish/resources.h"
#include "common/base/machine_key.h"

namespace metalmesh::redfish {
namespace {

namespace fs = std::filesystem;

fs::path trees() {
  const fs::path here = fs::path(__FILE__).parent_path();  // tests/unit/redfish
  return (here / "../../../../shared/redfish-mockups").lexically_normal();
}

HttpReplied read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return {"", 404, {}, "", ""};
  std::ostringstream body;
  body << in.rdbuf();
  return {"", 200, {}, body.str(), ""};
}

HttpReplied get(const fs::path& tree, const std::string& path) {
  return read(tree / fs::path(path).relative_path() / "index.json");
}

std::vector<std::string> members_of(const HttpReplied& reply) {
  const auto list = parse_list(reply);
  return list ? list->members : std::vector<std::string>{};
}

std::vector<Slot> slots_at(const fs::path& tree, const std::string& list) {
  std::vector<Slot> out;
  if (list.empty()) return out;
  for (const std::string& uri : members_of(get(tree, list)))
    if (auto slot = parse_slot(get(tree, uri))) out.push_back(std::move(*slot));
  return out;
}

struct Expected {
  const char* tree;
  int systems;        // usable ones
  int slots;          // for a CD, that can be filled, of the first usable system
  int sticks;         // of the same list, those for a USB stick
  bool tells_serial;  // one that identifies it
};

class Mockup : public testing::TestWithParam<Expected> {};

TEST_P(Mockup, IsDiscovered) {
  const fs::path tree = trees() / GetParam().tree;
  if (!fs::exists(tree)) GTEST_SKIP() << "no recorded trees at " << trees();
  const auto root = parse_service_root(get(tree, "/redfish/v1"));
  ASSERT_TRUE(root);
  EXPECT_FALSE(root->sessions.empty());
  std::vector<System> usable;
  for (const std::string& uri : members_of(get(tree, root->systems)))
    if (auto system = parse_system(get(tree, uri)); system && system->usable())
      usable.push_back(std::move(*system));
  ASSERT_EQ(static_cast<int>(usable.size()), GetParam().systems);
  if (usable.empty()) return;

  const System& system = usable.front();
  EXPECT_EQ(usable_serial(system.identity.serial), GetParam().tells_serial) << system.identity.serial;
  EXPECT_FALSE(system.power.empty());
  EXPECT_FALSE(system.uri.empty());
  auto slots = slots_at(tree, system.virtual_media);
  const auto fillable = [](const Slot& slot) {
    return holds_cd(slot) && insert_style(slot) != InsertStyle::none;
  };
  if (std::none_of(slots.begin(), slots.end(), fillable)) {
    for (const std::string& uri : system.managers)
      if (const auto manager = parse_manager(get(tree, uri)))
        for (Slot& slot : slots_at(tree, manager->virtual_media)) slots.push_back(std::move(slot));
  }
  EXPECT_EQ(std::count_if(slots.begin(), slots.end(), fillable), GetParam().slots);
  const auto takes_stick = [](const Slot& slot) {
    return holds_stick(slot) && insert_style(slot) != InsertStyle::none;
  };
  EXPECT_EQ(std::count_if(slots.begin(), slots.end(), takes_stick), GetParam().sticks);
  for (const Slot& slot : slots) {
    EXPECT_FALSE(insert_media(slot, "https://h/m/a.iso", {}, std::nullopt).path.empty());
    EXPECT_FALSE(shows_ours(slot, "https://10.20.0.5:8443"));
  }
  EXPECT_FALSE(boot_once(system, system.boot.has_mode, std::nullopt).path.empty());
  for (const std::string& uri : members_of(get(tree, system.ethernet_interfaces)))
    (void)parse_macs(get(tree, uri));
}

INSTANTIATE_TEST_SUITE_P(
    All, Mockup,
    testing::Values(
        Expected{"ami-gigabyte-h262", 1, 1, 0, true}, Expected{"dell-idrac9-6.00-r750", 1, 2, 2, true},
        Expected{"dell-idrac9-7.10-r750", 1, 2, 2, true}, Expected{"dmtf-public-rackmount1", 1, 0, 0, true},
        Expected{"hpe-ilo5-2.72-dl385gen10plusv2", 1, 1, 1, true},
        Expected{"hpe-ilo5-3.11-dl360gen10plus", 1, 1, 1, true},
        Expected{"hpe-ilo6-1.66-dl380agen11", 1, 1, 1, true},
        Expected{"hpe-ilo7-1.14-dl360gen12", 1, 1, 1, true}, Expected{"intel-s2600bpb-bmc", 1, 0, 0, true},
        Expected{"lenovo-xcc-2.83-sr670v2", 1, 4, 4, true}, Expected{"nvidia-bluefield3-bmc", 1, 0, 0, true},
        Expected{"nvidia-dgxh100-ami", 1, 0, 0, true}, Expected{"nvidia-gb200-bmc", 1, 2, 2, false},
        Expected{"nvidia-gh200-bmc", 1, 2, 2, false}, Expected{"openbmc-stock-2.15", 1, 0, 0, false},
        Expected{"supermicro-x10sdv-bmc4.00", 1, 0, 0, false},
        Expected{"supermicro-x12-sys510t-partial", 1, 0, 0, true},
        Expected{"supermicro-x13-sys821ge", 1, 3, 3, true}),
    [](const auto& param) {
      std::string name = param.param.tree;
      std::replace_if(name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
      return name;
    });

TEST(Mockups, EveryFileIsSurvivedByEveryParser) {
  if (!fs::exists(trees())) GTEST_SKIP() << "no recorded trees at " << trees();
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(trees())) {
    if (!entry.is_regular_file()) continue;
    const HttpReplied reply = read(entry.path());
    ++files;
    (void)parse_service_root(reply);
    (void)parse_session(reply);
    (void)parse_list(reply);
    (void)parse_system(reply);
    (void)parse_manager(reply);
    (void)parse_macs(reply);
    (void)parse_slot(reply);
    (void)parse_action_info(reply, "ResetType");
    (void)parse_task(reply);
    (void)task_of(reply);
    (void)classify(400, parse_error(reply.body));
    wire::Inventory inventory;
    for (const auto add :
         {add_controller, add_processor, add_boot_mode, add_secure_boot, add_certificate, add_licence})
      add(reply, inventory);
    (void)add_storage(reply, inventory);
    add_drive(reply, "", inventory);
    add_volume(reply, "", inventory);
    (void)add_protocols(reply, inventory);
    (void)parse_members(reply);
    (void)parse_nic(reply);
  }
  EXPECT_GT(files, 500);
}

struct ErrorBody {
  const char* file;
  Refusal refusal;
  const char* word;
};
class ErrorBodies : public testing::TestWithParam<ErrorBody> {};
TEST_P(ErrorBodies, Meaning) {
  const fs::path file = trees() / "error-bodies/sushy" / GetParam().file;
  if (!fs::exists(file)) GTEST_SKIP() << "no recorded bodies at " << trees();
  const ErrorInfo error = parse_error(read(file).body);
  EXPECT_EQ(static_cast<int>(classify(400, error)), static_cast<int>(GetParam().refusal)) << error.text();
  EXPECT_TRUE(error.mentions(GetParam().word)) << error.text();
}
INSTANTIATE_TEST_SUITE_P(
    All, ErrorBodies,
    testing::Values(
        ErrorBody{"transfer_proto_required_error.json", Refusal::missing_parameter, "TransferProtocolType"},
        ErrorBody{"transfer_proto_required_error2.json", Refusal::missing_parameter, "TransferProtocolType"},
        ErrorBody{"transfer_proto_required_error3.json", Refusal::missing_parameter, "TransferProtocolType"},
        ErrorBody{"transfer_method_required_error.json", Refusal::missing_parameter, "TransferMethod"},
        ErrorBody{"credentials_required_error.json", Refusal::missing_parameter, "UserName"},
        ErrorBody{"session_error.json", Refusal::login, "NoValidSession"}));

}  // namespace
}  // namespace metalmesh::redfish
