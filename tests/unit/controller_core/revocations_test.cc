// The broker's list of revoked certificates: told before it ends, and when it has.
#include "controller/core/revocations.h"

#include "tests/unit/controller_core/mesh_fixture.h"

namespace metalmesh::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto day = std::chrono::days(1);

std::string code_at(const RevocationsRead& list, WallTime now) {
  const auto alarm = alarm_of(list, now);
  return alarm ? alarm->code() : "";
}

TEST(Revocations, AreToldWhenAThirdOfTheirTimeIsLeftAndThirtyDaysAtMost) {
  const WallTime from{400 * day};
  const RevocationsRead year{from, from + 360 * day, {}}, week{from, from + 6 * day, {}};
  EXPECT_EQ(code_at(year, from + 329 * day), "");
  EXPECT_EQ(code_at(year, from + 331 * day), "REVOCATIONS_END_SOON");
  EXPECT_EQ(code_at(year, from + 360 * day), "REVOCATIONS_STALE");
  EXPECT_EQ(code_at(week, from + 3 * day), "");
  EXPECT_EQ(code_at(week, from + 5 * day), "REVOCATIONS_END_SOON");
  EXPECT_EQ(code_at({{}, {}, "no such file"}, from), "REVOCATIONS_UNREADABLE");
}

TEST(Revocations, AnAlarmIsNewsOnceAndGoesWithANewList) {
  Mesh mesh;
  mesh.bring_up("par1");
  const WallTime now = mesh.now.wall_low;
  mesh.give(RevocationsRead{now - 5 * day, now + 1h, {}});
  ASSERT_TRUE(mesh.state().revocations_alarm);
  EXPECT_THAT(mesh.state().revocations_alarm->next(), ::testing::HasSubstr("metalmesh pki renew-list"));
  EXPECT_TRUE(mesh.logged("from then on brokers refuse every newcomer"));
  mesh.run_for(2h);
  EXPECT_EQ(mesh.state().revocations_alarm->code(), "REVOCATIONS_STALE");
  EXPECT_TRUE(mesh.logged("who is connected stays"));
  mesh.give(RevocationsRead{now, now + 100 * day, {}});
  EXPECT_FALSE(mesh.state().revocations_alarm);
  EXPECT_TRUE(mesh.logged("is good until"));
}

}  // namespace
}  // namespace metalmesh::testing
