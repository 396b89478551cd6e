#include "common/base/machine_key.h"

#include <gtest/gtest.h>

namespace metalmesh {
namespace {

constexpr char uuid[] = "4c4c4544-0051-3510-8057-b4c04f4e3132";

TEST(MachineKey, forms_of_one_uuid_are_one_uuid) {
  for (const std::string form : {"4C4C4544-0051-3510-8057-B4C04F4E3132", "{4c4c4544-0051-3510-8057-b4c04f4e3132}",
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

}  // namespace
}  // namespace metalmesh
