// Who knows a mount's URL and is not whom it is for: refused, and told.
#include <gmock/gmock.h>

#include "tests/unit/media/media_core_bench.h"

namespace metalmesh::media {
namespace {

using test::guarded_range;
using test::plain_range;

class MediaStrangersTest : public test::MediaCoreTest {
 protected:
  MediaOutcome mount(wire::MountState state, const std::vector<std::string>& readers,
                     const std::vector<std::string>& callers = {}) {
    wire::MediaCommand command;
    wire::Mount& mount = *command.mutable_mount();
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    mount.set_state(state);
    mount.set_callback_token("call");
    mount.mutable_image()->set_size(test::size);
    mount.mutable_image()->set_path("/images/base.iso");
    wire::ByteRange& guarded = *mount.mutable_image()->add_guarded();
    guarded.set_offset(204800);
    guarded.set_length(2048);
    mount.mutable_readers()->Assign(readers.begin(), readers.end());
    mount.mutable_callers()->Assign(callers.begin(), callers.end());
    return core_.on_command(command, at(0));
  }
};

TEST_F(MediaStrangersTest, AnOpenMediumIsLaunchedByItsBmcAlone) {
  mount(wire::OPEN, {"10.0.0.7/32"});
  const auto refused = ask(1, guarded_range);  // from 10.0.0.9
  EXPECT_EQ(status(refused), 403);
  ASSERT_EQ(told(refused).size(), 1U) << "no launch is asked for";
  EXPECT_EQ(told(refused)[0].stranger().peer(), "10.0.0.9");
  EXPECT_FALSE(told(refused)[0].stranger().callback());
  EXPECT_TRUE(told(ask(2, plain_range)).empty()) << "told once";
  EXPECT_EQ(status(ask(3, "", 0, "HEAD")), 403);
  mount(wire::OPEN, {"10.0.0.7/32", "10.0.0.8/30"});
  EXPECT_TRUE(told(ask(4, guarded_range)).front().has_launch_asked());
}

TEST_F(MediaStrangersTest, WithoutNetworksAnybodyReads) {
  mount(wire::LAUNCHED, {});
  EXPECT_EQ(status(ask(1, plain_range)), 206);
  mount(wire::LAUNCHED, {"nonsense"});
  EXPECT_EQ(status(ask(2, plain_range)), 403) << "what cannot be read lets nobody in";
}

TEST_F(MediaStrangersTest, ACallbackCountsFromTheNewSystemAlone) {
  mount(wire::LAUNCHED, {}, {"10.21.0.60/32"});
  const auto refused = call();  // from 10.0.0.8
  EXPECT_EQ(status(refused), 403);
  ASSERT_EQ(told(refused).size(), 1U);
  EXPECT_TRUE(told(refused)[0].stranger().callback());
  mount(wire::LAUNCHED, {}, {"10.0.0.0/24"});
  EXPECT_TRUE(told(call()).front().has_callback());
}

}  // namespace
}  // namespace metalmesh::media
