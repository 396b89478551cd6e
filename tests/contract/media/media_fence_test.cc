// The fence, the agent's silence and its death, as a reader sees them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "tests/contract/media/media_server_fixture.h"

namespace metalmesh::media {
namespace {

using namespace std::chrono_literals;

class MediaFenceTest : public MediaServerTest {};

TEST_P(MediaFenceTest, FenceStates) {
  mount(wire::CLOSED);
  EXPECT_EQ(status("0-2047"), "206");
  EXPECT_EQ(status(kernel_range()), "503");
  EXPECT_THAT(status(""), ::testing::EndsWith("200")) << "its beginning: then it waits, and is cut off";
  EXPECT_EQ(sink_.media(wire::MediaEvent::kReads).has_value(), true);
  mount(wire::LAUNCHED);
  EXPECT_EQ(status(kernel_range()), "206");
  mount(wire::DEAD);
  EXPECT_EQ(status("0-0"), "410");
  mount(wire::LAUNCHED);
  EXPECT_EQ(status("0-0"), "410");
}

TEST_P(MediaFenceTest, FirstGuardedReadWaitsForTheVerdict) {
  mount(wire::OPEN);
  auto reader = std::async(std::launch::async, [&] { return status(kernel_range()); });
  const auto asked = sink_.media(wire::MediaEvent::kLaunchAsked);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->launch_asked().peer(), "127.0.0.1");
  EXPECT_EQ(reader.wait_for(300ms), std::future_status::timeout) << "not a byte before the verdict";
  verdict(true);
  EXPECT_EQ(reader.get(), "206");
}

TEST_P(MediaFenceTest, RefusedVerdictIs503) {
  mount(wire::OPEN);
  auto reader = std::async(std::launch::async, [&] { return status(kernel_range()); });
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kLaunchAsked).has_value());
  verdict(false);
  EXPECT_EQ(reader.get(), "503");
}

TEST_P(MediaFenceTest, SilenceOfTheAgentIs503) {
  mount(wire::OPEN);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(status(kernel_range()), "503");
  EXPECT_GE(std::chrono::steady_clock::now() - began, 9s);
}

TEST_P(MediaFenceTest, AReaderOutlivesTheAgent) {
  mount(wire::LAUNCHED);
  const std::string out = folder_ / "slow";
  const std::string etag = "-I " + url() + " | grep -i etag";
  const std::string before = curl(etag).output;
  auto reader =
      std::async(std::launch::async, [&] { return curl("--limit-rate 3M -o " + out + " " + url()); });
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kReads).has_value());
  agent_.reset();
  EXPECT_EQ(status(kernel_range()), "206") << "launched is launched";
  agent_comes();
  mount(wire::LAUNCHED);
  EXPECT_EQ(reader.get().exit_code, 0);
  EXPECT_TRUE(test::read_file(out) == patched());
  EXPECT_EQ(curl(etag).output, before);
}

TEST_P(MediaFenceTest, AReaderWaitsForTheNextAgent) {
  mount(wire::OPEN);
  agent_.reset();
  auto reader = std::async(std::launch::async, [&] { return status(kernel_range()); });
  EXPECT_EQ(reader.wait_for(500ms), std::future_status::timeout) << "nobody may launch it";
  agent_comes();
  mount(wire::OPEN);
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kLaunchAsked).has_value());
  verdict(true);
  EXPECT_EQ(reader.get(), "206");
}

TEST_P(MediaFenceTest, DeathCutsAReaderMidway) {
  mount(wire::LAUNCHED);
  // Nobody empties the pipe yet: most of the medium is still to be sent, however fast that goes.
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  auto reader = std::async(std::launch::async, [&] { return curl("-o " + pipe + " " + url()); });
  std::ifstream taken(pipe, std::ios::binary);
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kReads).has_value());
  mount(wire::DEAD);
  const std::string got{std::istreambuf_iterator<char>(taken), {}};
  EXPECT_NE(reader.get().exit_code, 0);
  EXPECT_LT(got.size(), base_.size());
}

TEST_P(MediaFenceTest, AnImageThatIsPutAsideIsReadByWhoWasLaunchedAlone) {
  base_path_ = folder_ / "image.iso";
  test::write_file(base_path_, base_);
  facts_.set_path(base_path_);
  const std::string aside = folder_ / "image.aside";
  mount(wire::CLOSED);
  EXPECT_EQ(status("0-2047"), "206");
  std::filesystem::rename(base_path_, aside);
  EXPECT_EQ(status("0-2047"), "503") << "nothing begins with it, not even with the file that is open still";
  mount(wire::LAUNCHED);
  EXPECT_EQ(status(kernel_range()), "206");
  std::this_thread::sleep_for(2500ms);  // the server forgets the open file
  EXPECT_EQ(status(kernel_range()), "206") << "from where it lies now";
  test::write_file(base_path_, std::string(base_.size(), 'n'));
  EXPECT_EQ(curl("-r 0-3 " + url()).output, "nnnn") << "a good one is there";
}

INSTANTIATE_TEST_SUITE_P(Media, MediaFenceTest, testing::Bool(), tls_or_plain);

}  // namespace
}  // namespace metalmesh::media
