// A type of a golden server: its facts, and rules that find on others what was named on it.

#include "controller/cli/hardware_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cli/commands.h"
#include "controller/cli/plan_text.h"
#include "controller/cli/wording.h"

namespace metalmesh::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

rest::Server golden() {
  rest::Server out;
  out.mutable_metadata()->set_name("r1");
  out.mutable_status()->set_manufacturer("Dell Inc.");
  out.mutable_status()->set_model("PowerEdge R650");
  return out;
}

rest::ServerInventory inventory() {
  rest::ServerInventory out;
  auto& all = *out.mutable_inventory();
  all.set_memory_bytes(std::uint64_t{512} << 30U);
  all.mutable_processors()->set_model("Xeon Gold 6338");
  all.mutable_processors()->set_count(2);
  all.mutable_processors()->set_cores(64);
  for (const char* serial : {"S0", "S1", "S2"}) {
    auto& drive = *all.add_drives();
    drive.set_name(std::string("Disk.Bay.") + serial[1]);
    drive.set_serial(serial);
    drive.set_wwn(std::string("naa.5000c500000000") + serial[1]);
    drive.set_bytes(serial[1] == '2' ? 4'000'000'000'000 : 480'103'981'056);
    drive.set_media(serial[1] == '2' ? "HDD" : "SSD");
    drive.set_protocol(serial[1] == '2' ? "PCIe" : "SATA");
  }
  auto& volume = *all.add_volumes();
  volume.set_name("Virtual.0");
  volume.set_wwn("naa.600508b1");
  auto& nic = *all.add_nics();
  nic.set_name("NIC.Slot.3-1");
  nic.add_macs("b4:7a:f1:00:00:01");
  nic.add_macs("b4:7a:f1:00:00:02");
  return out;
}

Result<rest::HardwareType> capture(std::vector<std::string> roles,
                                   const rest::ServerInventory& of = inventory(), bool must = false) {
  return captured_type({.type = "r650", .server = "r1", .roles = std::move(roles), .must = must}, golden(),
                       of);
}

TEST(HardwareCapture, TakesFactsAndRoles) {
  const auto type = capture(
      {"root=S0", "data=disk.bay.2", "os=naa.600508B1", "prod0=B4:7A:F1:00:00:02", "mgmt0=NIC.Slot.3-1"});
  ASSERT_TRUE(type) << type.error().message;
  const auto& spec = type->spec();
  EXPECT_EQ(spec.manufacturer() + " " + spec.model(), "Dell Inc. PowerEdge R650");
  EXPECT_EQ(spec.expect().memory().size(), std::uint64_t{512} << 30U);
  EXPECT_FALSE(spec.expect().memory().must());
  EXPECT_EQ(spec.expect().processors().cores(), 64U);
  ASSERT_EQ(spec.expect().drives_size(), 2);
  EXPECT_EQ(spec.expect().drives(0).count(), 2U);
  EXPECT_EQ(spec.expect().drives(0).protocol(), "SATA");
  EXPECT_EQ(spec.expect().drives(1).protocol(), "") << "what a fact cannot say is left out";
  EXPECT_EQ(spec.expect().nics().count(), 1U);
  EXPECT_EQ(spec.disks().at("root").name(), "Disk.Bay.0");
  EXPECT_EQ(spec.disks().at("data").name(), "Disk.Bay.2");
  EXPECT_TRUE(spec.disks().at("os").volume());
  EXPECT_EQ(spec.nics().at("prod0").position(), 2U);
  EXPECT_EQ(spec.nics().at("mgmt0").position(), 0U);
  EXPECT_TRUE(capture({}, inventory(), true)->spec().expect().drives(1).must());
}

TEST(HardwareCapture, ThePlaceIsToldFromThatOfAnotherController) {
  rest::ServerInventory two = inventory();
  two.mutable_inventory()->mutable_drives(0)->set_controller("RAID.1");
  two.mutable_inventory()->mutable_drives(1)->set_controller("RAID.2");
  EXPECT_EQ(capture({"root=S0"}, two)->spec().disks().at("root").controller(), "");
  two.mutable_inventory()->mutable_drives(1)->set_name("Disk.Bay.0");
  EXPECT_EQ(capture({"root=S1"}, two)->spec().disks().at("root").controller(), "RAID.2");
}

TEST(HardwareCapture, SaysWhatThereIsWhereARoleIsNothing) {
  const auto nothing = capture({"root=S9"});
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message,
              AllOf(HasSubstr("no drive, volume or card \"S9\""), HasSubstr("drive Disk.Bay.1 (S1, "),
                    HasSubstr("volume Virtual.0"), HasSubstr("card NIC.Slot.3-1 (b4:7a:f1:00:00:01, ")));
  rest::ServerInventory nameless = inventory();
  nameless.mutable_inventory()->mutable_drives(0)->clear_name();
  const auto nowhere = capture({"root=S0"}, nameless);
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("does not tell where that drive is"));
}

rest::RoleChoice root() {
  rest::RoleChoice out;
  out.set_role("root");
  out.set_name("Disk.Bay.0");
  out.set_bytes(480'103'981'056);
  out.set_serial("S0");
  return out;
}

TEST(HardwareWords, SayWhatAServerIsBesideItsType) {
  rest::ServerHardware hardware;
  EXPECT_EQ(hardware_text(hardware), "");
  hardware.set_type("r650");
  *hardware.add_roles() = root();
  hardware.add_deviations()->set_message("480 of 512 GB memory");
  hardware.mutable_deviations(0)->set_must(true);
  EXPECT_EQ(hardware_text(hardware),
            "\nhardware: type r650\n  differs: 480 of 512 GB memory (left out of installs: it must be so)\n"
            "  root: Disk.Bay.0 (480.1 GB, serial S0)\n");
  hardware.clear_type();
  hardware.add_types("r650");
  hardware.add_types("all");
  EXPECT_EQ(hardware_text(hardware), "\nhardware: types r650, all match it, and one has to\n");
}

TEST(HardwareWords, PlansHaveColumnsForRolesAndRemarksWhereThereAreAny) {
  rest::Rollout rollout;
  rest::Plan& plan = *rollout.mutable_status()->mutable_plan();
  plan.add_servers()->set_name("r1");
  plan.add_servers()->set_name("r2");
  EXPECT_EQ(plan_text(rollout).find("ROLES"), std::string::npos);
  EXPECT_EQ(plan_text(rollout).find("REMARKS"), std::string::npos);
  *plan.mutable_servers(0)->add_roles() = root();
  plan.mutable_servers(1)->add_remarks("480 of 512 GB memory");
  EXPECT_THAT(plan_text(rollout),
              AllOf(HasSubstr("ROLES"), HasSubstr("root: Disk.Bay.0 (480.1 GB, serial S0)"),
                    HasSubstr("REMARKS"), HasSubstr("480 of 512 GB memory")));
}

}  // namespace
}  // namespace metalmesh::cli
