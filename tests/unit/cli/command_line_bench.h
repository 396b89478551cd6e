// One command after another, as a person types them, against a scripted controller.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/os/files.h"
#include "controller/cli/command_line.h"
#include "tests/unit/cli/scripted_controller.h"

namespace metalmesh::cli {

class CommandLineTest : public testing::Test {
 protected:
  void SetUp() override { setenv("METALMESH_CONFIG", (folder_ / "context.yaml").c_str(), 1); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// Runs one command; its output is in out_ and err_.
  int metalmesh(std::vector<std::string> arguments, const std::string& server = {}) {
    const std::string url = server.empty() ? controller_.url() : server;
    EXPECT_TRUE(os::write_file(folder_ / "context.yaml",
                               "server: " + url + "\nca: ca.crt\ntokenFile: admin.token\n", 0644));
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const ExitCode code = run(arguments, "1.2.3");
    out_ = testing::internal::GetCapturedStdout();
    err_ = testing::internal::GetCapturedStderr();
    return static_cast<int>(code);
  }
  std::string file(const std::string& name, std::string_view text) {
    EXPECT_TRUE(os::write_file(folder_ / name, text, 0644));
    return (folder_ / name).string();
  }
  /// The bodies sent with this method and path.
  std::vector<boost::json::value> sent(const std::string& method, const std::string& target) {
    std::vector<boost::json::value> out;
    for (const auto& request : controller_.requests()) {
      if (request.method == method && request.target == target)
        out.push_back(boost::json::parse(request.body.empty() ? "null" : request.body));
    }
    return out;
  }

  std::filesystem::path folder_ = testing::TempDir() + "mm-cli-" + std::to_string(getpid());
  ScriptedController controller_{folder_};
  std::string out_, err_;
};

}  // namespace metalmesh::cli
