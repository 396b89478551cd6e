// `metalmesh-agent image inspect` tells by its exit code, too.
#include "agents/app/image_inspect_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/os/files.h"
#include "tests/support/temporary_folder.h"

namespace metalmesh::agent {
namespace {

using ::testing::HasSubstr;

TEST(ImageInspectCommand, ItsExitCodeTells) {
  const TemporaryFolder folder;
  ASSERT_TRUE(os::write_file(folder / "strange.iso", std::string(65536, 'x'), 0644));
  AgentOptions options;
  options.images = {(folder / "strange.iso").string()};
  testing::internal::CaptureStdout();
  EXPECT_EQ(inspect_image_command(options), 1);
  options.json = true;
  EXPECT_EQ(inspect_image_command(options), 1);
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_THAT(out, HasSubstr("servers cannot be installed from it: it bears the marks of no family"));
  EXPECT_THAT(out, HasSubstr(R"("installable":false)"));
  testing::internal::CaptureStderr();
  options.family = "nobody";
  EXPECT_EQ(inspect_image_command(options), 2);
  options.family.clear();
  options.images = {(folder / "missing.iso").string()};
  EXPECT_EQ(inspect_image_command(options), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("missing.iso"));
}

}  // namespace
}  // namespace metalmesh::agent
