// The command line as people type it.
#include "controller/app/controller_options.h"

#include <gtest/gtest.h>

#include <vector>

namespace metalmesh::controller {
namespace {

std::expected<ControllerOptions, int> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "metalmesh-controller");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  auto options = parse_options(static_cast<int>(arguments.size()), arguments.data(), "1.2.3");
  testing::internal::GetCapturedStderr();
  testing::internal::GetCapturedStdout();
  return options;
}

TEST(ControllerOptions, HaveDefaults) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->config, "/etc/metalmesh/controller.yaml");
  EXPECT_EQ(options->log_format, adapters::LogFormat::text);
  EXPECT_EQ(options->log_level, LogLevel::info);
  EXPECT_FALSE(options->check_config);
}

TEST(ControllerOptions, AreTaken) {
  const auto options = parse({"-c", "a.yaml", "--data-dir", "d", "--listen", "[::]:1", "--log-format=json",
                              "--log-level", "debug", "--check-config"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->config, "a.yaml");
  EXPECT_EQ(options->data_dir, "d");
  EXPECT_EQ(options->listen, "[::]:1");
  EXPECT_EQ(options->log_format, adapters::LogFormat::json);
  EXPECT_EQ(options->log_level, LogLevel::debug);
  EXPECT_TRUE(options->check_config);
}

TEST(ControllerOptions, HelpAndVersionAreNoFailure) {
  EXPECT_EQ(parse({"--help"}).error(), 0);
  EXPECT_EQ(parse({"--version"}).error(), 0);
}

TEST(ControllerOptions, WrongUsageIsTwo) {
  EXPECT_EQ(parse({"--nonsense"}).error(), 2);
  EXPECT_EQ(parse({"--log-format", "xml"}).error(), 2);
  EXPECT_EQ(parse({"--log-level", "loud"}).error(), 2);
  EXPECT_EQ(parse({"extra"}).error(), 2);
}

}  // namespace
}  // namespace metalmesh::controller
