// A machine whose insertion takes its time: the BMC answers 202 and the task tells how it ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bmcsim/model/bmc_model.h"

namespace metalmesh::bmcsim {
namespace {

class SlowHost final : public Host {
 public:
  void power_on(MonoTime, bool) override { state_ = HostState::running; }
  void power_off(MonoTime, bool) override { state_ = HostState::off; }
  void shut_down(MonoTime now) override { note(now, "power button"); }
  void reset(MonoTime, bool) override {}
  void insert(MonoTime, std::string url) override {
    asked_ = std::move(url);
    result_.reset();
  }
  void eject(MonoTime) override { url_.clear(); }
  [[nodiscard]] std::optional<std::string> insert_result() const override { return result_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return 0; }

  void finish(std::string failure) {
    if (failure.empty()) url_ = asked_;
    result_ = std::move(failure);
  }

 private:
  std::string asked_;
  std::optional<std::string> result_ = std::string();
};

struct SlowInsert : testing::Test {
  SlowHost* host = nullptr;
  BmcModel model{BmcOptions{}, [this](const BmcOptions&) {
                   auto made = std::make_unique<SlowHost>();
                   host = made.get();
                   return made;
                 }};

  RedfishReply call(const std::string& method, const std::string& path, const std::string& body = {}) {
    return model.handle(
        {method, "/redfish/v1" + path, {{"authorization", "Basic YWRtaW46cGFzc3dvcmQ="}}, body}, MonoTime{});
  }
  RedfishReply insert() {
    return call("POST", "/Systems/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
                R"({"Image":"https://media/m/x.iso"})");
  }
  std::string task() { return call("GET", "/TaskService/Tasks/1").body; }
  std::string slot() { return call("GET", "/Systems/1/VirtualMedia/Cd").body; }
};

TEST_F(SlowInsert, IsATaskUntilTheMediumIsIn) {
  EXPECT_EQ(insert().status, 202);
  EXPECT_THAT(task(), testing::HasSubstr(R"("TaskState":"Running")"));
  EXPECT_THAT(slot(), testing::HasSubstr(R"("Inserted":false)"));
  EXPECT_EQ(insert().status, 409) << "one at a time";

  host->finish("");
  EXPECT_THAT(task(), testing::HasSubstr(R"("TaskState":"Completed")"));
  EXPECT_THAT(slot(), testing::HasSubstr(R"("Inserted":true)"));
  EXPECT_EQ(call("GET", "/TaskService/TaskMonitors/1").status, 204);
}

TEST_F(SlowInsert, ThatFailsSaysWhyAndLeavesTheSlotEmpty) {
  EXPECT_EQ(insert().status, 202);
  host->finish("certificate of nobody we know");
  EXPECT_THAT(task(), testing::AllOf(testing::HasSubstr(R"("TaskState":"Exception")"),
                                     testing::HasSubstr("certificate of nobody we know")));
  EXPECT_EQ(call("GET", "/TaskService/TaskMonitors/1").status, 500);
  EXPECT_THAT(slot(), testing::HasSubstr(R"("Inserted":false)"));

  EXPECT_EQ(insert().status, 202) << "another try is allowed";
  host->finish("");
  EXPECT_THAT(task(), testing::HasSubstr("Exception")) << "the first task keeps its end";
}

TEST_F(SlowInsert, GracefulShutdownOnlyAsks) {
  call("POST", "/Systems/1/Actions/ComputerSystem.Reset", R"({"ResetType":"On"})");
  EXPECT_EQ(
      call("POST", "/Systems/1/Actions/ComputerSystem.Reset", R"({"ResetType":"GracefulShutdown"})").status,
      204);
  EXPECT_TRUE(host->on());
  EXPECT_EQ(host->acts().back().what, "power button");
  EXPECT_EQ(call("POST", "/Systems/1/Actions/ComputerSystem.Reset", R"({"ResetType":"ForceOff"})").status,
            204);
  EXPECT_FALSE(host->on());
}

}  // namespace
}  // namespace metalmesh::bmcsim
