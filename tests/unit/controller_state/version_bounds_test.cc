// Which versions of profiles are too many.
#include "controller/state/version_bounds.h"

#include <gmock/gmock.h>

#include "common/ports/memory_rows.h"
#include "common/ports/wire_time.h"
#include "controller/state/ledger.h"
#include "controller/state/profile_blob.h"
#include "controller/state/rollout_states.h"
#include "controller/state/state_load.h"
#include "controller/state/tables.h"

namespace metalmesh::controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr WallTime begin{std::chrono::hours(24 * 365 * 50 + 12)};

class VersionBounds : public ::testing::Test {
 protected:
  /// A version that was made so many minutes later.
  void version(const std::string& profile, std::uint64_t number, int minute = 0) {
    rest::Profile made;
    made.mutable_metadata()->set_name(profile);
    made.mutable_metadata()->set_version(number);
    *made.mutable_metadata()->mutable_changed() = to_wire(begin + std::chrono::minutes(minute));
    mesh_.profile_versions[tables::version_name(profile, number)] = made;
    if (mesh_.profiles[profile].metadata().version() <= number) mesh_.profiles[profile] = made;
  }
  void versions(const std::string& profile, std::uint64_t up_to) {
    for (std::uint64_t i = 1; i <= up_to; ++i) version(profile, i);
  }
  void rollout(const std::string& pinned, const std::string& planned, RolloutState state) {
    rest::Rollout& made = mesh_.rollouts[std::to_string(mesh_.rollouts.size())];
    made.mutable_spec()->set_profile(pinned);
    made.mutable_status()->mutable_plan()->set_profile(planned);
    set_state(made, state);
  }
  MeshState mesh_;
};

TEST_F(VersionBounds, TheNewestOfEachStay) {
  versions("base", versions_of_a_profile);
  versions("web", 2);
  EXPECT_THAT(versions_too_many(mesh_), IsEmpty());
  version("base", versions_of_a_profile + 1);
  EXPECT_THAT(versions_too_many(mesh_), ElementsAre("base@1"));
  version("base", versions_of_a_profile + 2);
  EXPECT_THAT(versions_too_many(mesh_), ElementsAre("base@2", "base@1"));
}

TEST_F(VersionBounds, WhatRolloutsGoByStays) {
  versions("base", versions_of_a_profile + 4);
  rollout("base@1", "", RolloutState::draft);
  rollout("base", "base@2", RolloutState::stopped);
  rollout("base", "base@3", RolloutState::planned);  // planned again before it starts
  rollout("base@4", "base@4", RolloutState::done);
  EXPECT_THAT(versions_too_many(mesh_), ElementsAre("base@4", "base@3")) << "beside the newest, which count";
}

TEST_F(VersionBounds, OfAllTogetherTheOldestGo) {
  std::size_t old = 0;
  for (int i = 0; old < old_versions_most; ++i) {
    const std::string name = "p" + std::to_string(i);
    for (std::uint64_t n = 1; n <= versions_of_a_profile && old < old_versions_most; ++n, ++old)
      version(name, n, i);
    mesh_.profiles.erase(name);
  }
  versions("base", 1);
  EXPECT_THAT(versions_too_many(mesh_), IsEmpty()) << "of those that are there the newest do not count";
  version("base", 2, 1000);
  EXPECT_THAT(versions_too_many(mesh_), ElementsAre("base@1"))
      << "it is as old as the first, and has the lowest name";
}

TEST_F(VersionBounds, AStoreWithFarTooManyLosesThemOverManyTurns) {
  versions("base", versions_of_a_profile + versions_dropped_at_once + 7);
  EXPECT_EQ(versions_too_many(mesh_).size(), versions_dropped_at_once);
}

/// A number of a profile whose versions are all gone is given to none of the same name.
TEST_F(VersionBounds, ANumberNeverMeansTwoThings) {
  MemoryRows store;
  Ledger ledger({});
  const auto write = [&](const std::string& name, const std::string& text, int minute) {
    rest::Profile profile;
    profile.mutable_metadata()->set_name(name);
    profile.mutable_spec()->mutable_template_()->set_inline_(text);
    ledger.put_version(profile, profile_content(profile));
    Batch batch;
    ledger.flush(batch, begin + std::chrono::minutes(minute));
    store.commit(batch);
  };
  write("gone", "a", 0);
  write("gone", "b", 1);
  ledger.erase_profile("gone");
  int minute = 2;
  for (std::size_t i = 0; i * (versions_of_a_profile - 1) < old_versions_most + 2; ++i)
    for (std::size_t n = 0; n < versions_of_a_profile; ++n)
      write("p" + std::to_string(i), std::to_string(n), minute++);
  EXPECT_THAT(ledger.mesh().profile_versions, Not(Contains(::testing::Key(::testing::StartsWith("gone@")))));
  auto loaded = load_state(store);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_LE(loaded->mesh.profile_versions.size(), old_versions_most + loaded->mesh.profiles.size());
  Ledger again(std::move(*loaded));
  rest::Profile profile;
  profile.mutable_metadata()->set_name("gone");
  again.put_version(profile, profile_content(profile));
  Batch batch;
  again.flush(batch, begin);
  EXPECT_GT(again.mesh().profiles.at("gone").metadata().version(), 2U);
}

}  // namespace
}  // namespace metalmesh::controller
