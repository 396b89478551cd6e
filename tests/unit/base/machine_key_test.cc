#include "common/base/machine_key.h"

#include <gtest/gtest.h>

namespace metalmesh {
namespace {

constexpr char uuid[] = "4c4c4544-0051-3510-8057-b4c04f4e3132";

TEST(MachineKey, forms_of_one_uuid_are_one_uuid) {
  for (const std::string form :
       {"4C4C4544-0051-3510-8057-B4C04F4E3132", "{4c4c4544-0051-3510-8057-b4c04f4e3132}",
        " urn:uuid:4c4c4544-0051-3510-8057-b4c04f4e3132 "}) {
    EXPECT_EQ(normal_uuid(form), uuid) << form;
  }
}

TEST(MachineKey, what_is_normal_stays_as_it_is) {
  // Controller and agent both ask: were the second answer another one, they would fence two machines.
  for (const std::string odd : {"urn:uuid:urn:uuid:x", "{ urn:uuid:\tx}", "{\"\0{"}) {
    EXPECT_EQ(normal_uuid(normal_uuid(odd)), normal_uuid(odd)) << odd;
    EXPECT_EQ(normal_serial(normal_serial(odd)), normal_serial(odd)) << odd;
    EXPECT_EQ(normal_mac(normal_mac(odd)), normal_mac(odd)) << odd;
  }
}

TEST(MachineKey, TurnedBytesAreSeenAndStayAnotherMachine) {
  EXPECT_TRUE(uuid_bytes_turned(uuid, "44454C4C-5100-1035-8057-b4c04f4e3132"));
  EXPECT_TRUE(uuid_bytes_turned("44454c4c-5100-1035-8057-b4c04f4e3132", uuid));
  EXPECT_FALSE(uuid_bytes_turned(uuid, uuid));
  EXPECT_FALSE(uuid_bytes_turned(uuid, "44454c4c-5100-1035-8057-b4c04f4e3133"));
  EXPECT_FALSE(uuid_bytes_turned("", ""));
  EXPECT_NE(machine_key(uuid, "S"), machine_key("44454c4c-5100-1035-8057-b4c04f4e3132", "S"));
}

TEST(MachineKey, IsTheSameForEverySpelling) {
  const std::string key =
      machine_key("4C4C4544-0043-4A10-8052-B4C04F4D3232", "CZ2D4F0A1B", {"3C:A8:2A:00:00:01"});
  EXPECT_EQ(machine_key("{4c4c4544-0043-4a10-8052-b4c04f4d3232}", " CZ2D4F0A1B", {}), key);
  EXPECT_FALSE(key.empty());
  EXPECT_TRUE(machine_key("00000000-0000-0000-0000-000000000000", "Default string", {}).empty());
}

}  // namespace
}  // namespace metalmesh
