// What a controller's flight recorder must find in the rows that it begins with: nobody has told it of them in this life.
#include "controller/app/controller_recording.h"

#include <gtest/gtest.h>

#include "common/ports/memory_rows.h"
#include "controller/state/event_log.h"
#include "controller/state/row_codec.h"
#include "controller/state/tables.h"
#include "schemas/record/controller.pb.h"

namespace metalmesh::controller {
namespace {

struct ControllerRecording : ::testing::Test {
  recording::NodeTraits traits = recording_traits({}, "1", {}, {});
  recording::SecretSet secrets{7};
  bool learned(std::string_view table, const google::protobuf::MessageLite& row) {
    traits.find_in_row(std::string(table) + "name", encode_row(row), secrets);
    return secrets.found_in("its password is sw0rdfish-17, and no other");
  }
};

TEST_F(ControllerRecording, FindsSecretVariablesInStoredObjects) {
  rest::Site site;
  (*site.mutable_spec()->mutable_vars())["root_password"] = "sw0rdfish-17";
  EXPECT_TRUE(learned(tables::sites, site));
}

TEST_F(ControllerRecording, FindsThemInStoredServers) {
  rest::Server server;
  (*server.mutable_spec()->mutable_vars())["luks_key"] = "sw0rdfish-17";
  EXPECT_TRUE(learned(tables::servers, server));
}

TEST_F(ControllerRecording, FindsThemInStoredTemplates) {
  rest::Profile profile;
  profile.mutable_spec()->mutable_template_()->set_inline_("rootpw --plaintext sw0rdfish-17\n");
  learned(tables::profiles, profile);
  EXPECT_TRUE(secrets.found_in("{\"template\": \"rootpw --plaintext sw0rdfish-17\"}"));
}

TEST_F(ControllerRecording, TakesNoRowForOneThatIsNone) {
  traits.find_in_row(std::string(tables::sites) + "name", "\x02\xff\xff", secrets);
  EXPECT_EQ(secrets.size(), 0U);
}

TEST_F(ControllerRecording, LeavesOldEventsOutOfASnapshotAndSaysHowMany) {
  MemoryRows rows;
  const auto left_out = [&](std::uint64_t last_event) {
    record::Controller controller;
    controller.set_last_event(last_event);
    rows.commit({{std::string(tables::controller), encode_row(controller)}});
    std::uint64_t count = 0;
    bool oldest = false;
    bool newest = false;
    for (const recording::KeyRange& range : traits.left_out(rows)) {
      const auto holds = [&](std::uint64_t event) {
        return range.first <= event_key(event) && event_key(event) < range.last;
      };
      oldest = oldest || holds(1);
      newest = newest || holds(last_event);
      count += range.rows;
    }
    EXPECT_FALSE(newest);
    EXPECT_EQ(oldest, count > 0);
    return count;
  };
  EXPECT_EQ(left_out(100), 0U);
  EXPECT_EQ(left_out(5000), 2999U) << "2,000 and one are there";
}

}  // namespace
}  // namespace metalmesh::controller
