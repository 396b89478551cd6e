// The media server as BMCs see it: curl over TLS is the reader, the test is the agent, and the real link is
// between them.
#include "agents/media/server/media_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "agents/media/image_probe.h"
#include "agents/media/server/agent_door.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/image_store.h"
#include "agents/media/server/media_client.h"
#include "tests/contract/media/media_bench.h"
#include "tests/contract/support/processes.h"

namespace metalmesh::media {
namespace {

using test::Ran;
using test::run;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class MediaServerTest : public testing::TestWithParam<bool> {  // TLS or plain
 protected:
  void SetUp() override {
    test::make_certificate(folder_);
    base_path_ = test::installer_iso();
    base_ = test::read_file(base_path_);
    auto reader = FileReader::open(base_path_);
    ASSERT_TRUE(reader.has_value());
    auto facts = probe_image(*reader);
    ASSERT_TRUE(facts.has_value()) << facts.error().message;
    facts_ = *facts;
    facts_.set_path(base_path_);
    MediaServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = GetParam();
    options.certificate = folder_ / "cert.pem";
    options.key = folder_ / "key.pem";
    options.bandwidth = bandwidth();
    auto door = AgentDoor::open(folder_ / "data", log_);
    ASSERT_TRUE(door.has_value()) << door.error().message;
    door_ = std::move(*door);
    auto server = MediaServer::start(options, *door_, log_);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
    door_->serve(*server_);
    agent_comes();
  }
  [[nodiscard]] virtual std::uint64_t bandwidth() const { return 0; }
  void TearDown() override {
    agent_.reset();
    if (door_) door_->close();
  }

  void agent_comes() {
    sink_.clear();
    agent_ = std::make_unique<MediaClient>(folder_ / "data", sink_, log_);
    ASSERT_TRUE(sink_.media(wire::MediaEvent::kUp).has_value());
  }
  void all_mounts(const std::vector<std::string>& tokens) {
    wire::MediaCommand command;
    command.mutable_all()->mutable_tokens()->Assign(tokens.begin(), tokens.end());
    agent_->send({command});
  }

  void mount(wire::MountState state) {
    wire::MediaCommand command;
    auto& mount = *command.mutable_mount();
    mount.set_token("tok");
    mount.set_deployment_id("dep");
    *mount.mutable_image() = facts_;
    mount.set_answer(answer_);
    mount.set_state(state);
    mount.set_callback_token("call");
    agent_->send({command});
    all_mounts({"tok"});
    settle();
  }
  /// Orders travel in sequence: once the server complains about this one, the earlier ones are carried out.
  void settle() {
    const std::string strange = "nothing-" + std::to_string(++settled_);
    wire::MediaCommand command;
    command.mutable_mount()->set_token(strange);
    agent_->send({command});
    const auto refused = sink_.wait<bool>([&](const Input& input) -> std::optional<bool> {
      const auto* reported = std::get_if<MediaReported>(&input);
      if (reported == nullptr || reported->event.refused().token() != strange) return std::nullopt;
      return true;
    });
    ASSERT_TRUE(refused.has_value());
  }
  void verdict(bool granted) {
    wire::MediaCommand command;
    command.mutable_verdict()->set_token("tok");
    command.mutable_verdict()->set_granted(granted);
    agent_->send({command});
  }
  [[nodiscard]] std::string url(const std::string& path = "/m/tok.iso") const {
    return (GetParam() ? "https://" : "http://") + server_->address() + path;
  }
  [[nodiscard]] Ran curl(const std::string& arguments) const {
    return run("curl -sS --max-time 60 --cacert " + (folder_ / "cert.pem") + " " + arguments);
  }
  [[nodiscard]] std::string status(const std::string& range) const {
    return curl("-o /dev/null -w '%{http_code}' " + (range.empty() ? range : "-r " + range + " ") + url())
        .output;
  }
  [[nodiscard]] std::string kernel_range() const {
    const auto at = std::to_string(facts_.guarded(0).offset());
    return at + "-" + at;
  }
  [[nodiscard]] std::string patched() const {
    std::string bytes = base_;
    std::string padded = answer_;
    padded.resize(facts_.placeholder().length(), '\n');
    return bytes.replace(facts_.placeholder().offset(), padded.size(), padded);
  }

  test::ScratchFolder folder_;
  test::WaitingSink sink_;
  test::QuietLog log_;
  std::string base_path_;
  std::string base_;
  std::string answer_ = "hostname=web-01\naddress=10.0.0.7\n";
  wire::ImageFacts facts_;
  std::unique_ptr<AgentDoor> door_;
  std::unique_ptr<MediaServer> server_;
  std::unique_ptr<MediaClient> agent_;
  int settled_ = 0;
};

TEST_P(MediaServerTest, SaysWhereItListens) {
  const auto up = sink_.media(wire::MediaEvent::kUp);
  ASSERT_TRUE(up.has_value());
  EXPECT_EQ(up->up().address(), server_->address());
}

TEST_P(MediaServerTest, ComposedImageDiffersOnlyAtThePlaceholder) {
  mount(wire::LAUNCHED);
  const std::string out = folder_ / "served.iso";
  ASSERT_EQ(curl("-o " + out + " " + url()).exit_code, 0);
  EXPECT_TRUE(test::read_file(out) == patched());
  const Ran extracted = run("osirrox -indev " + out + " -extract /answer.txt " + (folder_ / "answer") +
                            " -extract /boot/vmlinuz " + (folder_ / "kernel"));
  ASSERT_EQ(extracted.exit_code, 0) << extracted.output;
  EXPECT_THAT(test::read_file(folder_ / "answer"), testing::StartsWith(answer_));
  const auto reads = sink_.wait<bool>([&](const Input& input) -> std::optional<bool> {
    const auto* reported = std::get_if<MediaReported>(&input);
    if (reported == nullptr || reported->event.reads().bytes_covered() != base_.size()) return std::nullopt;
    return reported->event.reads().peer() == "127.0.0.1";
  });
  EXPECT_EQ(reads, true);
}

TEST_P(MediaServerTest, ServesRangesAcrossThePlaceholder) {
  mount(wire::LAUNCHED);
  const std::uint64_t start = facts_.placeholder().offset();
  const std::uint64_t end = start + facts_.placeholder().length();
  const std::string whole = patched();
  for (const auto& [first, last] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{start - 5, start + 40},
                                                            {start + 3, start + 3},
                                                            {end - 2, end + 2},
                                                            {0, 0},
                                                            {start - 1, end},
                                                            {4096, 900000}}) {
    const std::string out = folder_ / "part";
    ASSERT_EQ(curl("-r " + std::to_string(first) + "-" + std::to_string(last) + " -o " + out + " " + url())
                  .exit_code,
              0);
    EXPECT_TRUE(test::read_file(out) == whole.substr(first, last - first + 1)) << first;
  }
}

TEST_P(MediaServerTest, ServesSeveralRangesAtOnce) {
  mount(wire::LAUNCHED);
  const std::uint64_t at = facts_.placeholder().offset();
  const std::string whole = patched();
  const std::string body =
      curl("-r 0-99," + std::to_string(at - 5) + "-" + std::to_string(at + 40) + ",-50 " + url()).output;
  std::size_t from = 0;
  for (const auto& [first, length] :
       std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 100}, {at - 5, 46}, {whole.size() - 50, 50}}) {
    from = body.find("Content-Range: bytes " + std::to_string(first) + "-", from);
    ASSERT_NE(from, std::string::npos) << first;
    from = body.find("\r\n\r\n", from) + 4;
    EXPECT_TRUE(body.substr(from, length) == whole.substr(first, length)) << first;
    from += length;
    EXPECT_EQ(body.substr(from, 4), "\r\n--");
  }
}

TEST_P(MediaServerTest, ServesTheFarEndOf8TiB) {
  constexpr std::uint64_t size = 8ULL << 40;
  const std::string path = folder_ / "huge.img";
  const std::vector<std::uint64_t> marked = {(4ULL << 30) - 5, (4ULL << 40) + 3, size - 9};
  const FileHandle huge(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(huge.get(), static_cast<off_t>(size)), 0);
  for (const std::uint64_t at : marked) {
    ASSERT_EQ(::pwrite(huge.get(), std::to_string(at % 1000).c_str(), 3, static_cast<off_t>(at)), 3);
  }
  facts_.Clear();
  facts_.set_path(path);
  facts_.set_size(size);
  facts_.mutable_placeholder()->set_offset(size - 2048);
  facts_.mutable_placeholder()->set_length(64);
  mount(wire::LAUNCHED);
  EXPECT_THAT(curl("-I " + url()).output, HasSubstr("Content-Length: 8796093022208\r\n"));
  const auto part = [&](std::uint64_t from, std::uint64_t to) {
    return curl("-r " + std::to_string(from) + "-" + std::to_string(to) + " " + url()).output;
  };
  for (const std::uint64_t at : marked) EXPECT_EQ(part(at, at + 2), std::to_string(at % 1000));
  EXPECT_EQ(part(size - 2048, size - 2048 + answer_.size() - 1), answer_);
  ASSERT_EQ(curl("-r -65536 -o " + (folder_ / "end") + " " + url()).exit_code, 0);
  std::string end(65536, '\0');
  ASSERT_EQ(::pread(huge.get(), end.data(), end.size(), static_cast<off_t>(size - end.size())), 65536);
  end.replace(end.size() - 2048, 64, answer_ + std::string(64 - answer_.size(), '\n'));
  EXPECT_TRUE(test::read_file(folder_ / "end") == end);
  EXPECT_EQ(status(std::to_string(size) + "-"), "416");
}

TEST_P(MediaServerTest, HeadAndUnsatisfiableRange) {
  mount(wire::CLOSED);
  const std::string head = curl("-I " + url()).output;
  EXPECT_THAT(head, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(head, HasSubstr("Content-Length: " + std::to_string(base_.size())));
  EXPECT_THAT(head, HasSubstr("Accept-Ranges: bytes"));
  EXPECT_THAT(head, HasSubstr("ETag: \""));
  EXPECT_EQ(status(std::to_string(base_.size()) + "-"), "416");
  EXPECT_EQ(curl("-o /dev/null -w '%{http_code}' " + url("/m/other.iso")).output, "404");
  EXPECT_EQ(curl("-o /dev/null -w '%{http_code}' -X DELETE " + url()).output, "405");
}

TEST_P(MediaServerTest, KeepsTheConnection) {
  mount(wire::LAUNCHED);
  const std::string one = "-o /dev/null -w '%{num_connects}' " + url();
  EXPECT_EQ(
      curl("-r 0-99 " + one + " --next -sS --cacert " + (folder_ / "cert.pem") + " -r 100-199 " + one).output,
      "10");
}

TEST_P(MediaServerTest, FenceStates) {
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

TEST_P(MediaServerTest, FirstGuardedReadWaitsForTheVerdict) {
  mount(wire::OPEN);
  auto reader = std::async(std::launch::async, [&] { return status(kernel_range()); });
  const auto asked = sink_.media(wire::MediaEvent::kLaunchAsked);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->launch_asked().peer(), "127.0.0.1");
  EXPECT_EQ(reader.wait_for(300ms), std::future_status::timeout) << "not a byte before the verdict";
  verdict(true);
  EXPECT_EQ(reader.get(), "206");
}

TEST_P(MediaServerTest, RefusedVerdictIs503) {
  mount(wire::OPEN);
  auto reader = std::async(std::launch::async, [&] { return status(kernel_range()); });
  ASSERT_TRUE(sink_.media(wire::MediaEvent::kLaunchAsked).has_value());
  verdict(false);
  EXPECT_EQ(reader.get(), "503");
}

TEST_P(MediaServerTest, SilenceOfTheAgentIs503) {
  mount(wire::OPEN);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(status(kernel_range()), "503");
  EXPECT_GE(std::chrono::steady_clock::now() - began, 9s);
}

TEST_P(MediaServerTest, AReaderOutlivesTheAgent) {
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

TEST_P(MediaServerTest, AReaderWaitsForTheNextAgent) {
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

TEST_P(MediaServerTest, DeathCutsAReaderMidway) {
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

TEST_P(MediaServerTest, AnImageThatIsPutAsideIsReadByWhoWasLaunchedAlone) {
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

TEST_P(MediaServerTest, CallbackIsReported) {
  mount(wire::CLOSED);
  const std::string post = "-o /dev/null -w '%{http_code}' --data-binary 'host up' ";
  EXPECT_EQ(curl(post + url("/c/call")).output, "409");
  mount(wire::DEAD);
  auto caller = std::async(std::launch::async, [&] { return curl(post + url("/c/call")).output; });
  const auto callback = sink_.media(wire::MediaEvent::kCallback);
  ASSERT_TRUE(callback.has_value());
  EXPECT_EQ(caller.wait_for(200ms), std::future_status::timeout) << "no answer before the call is safe";
  wire::MediaCommand taken;
  taken.set_callback_taken("tok");
  agent_->send({taken});
  EXPECT_EQ(caller.get(), "204");
  EXPECT_EQ(callback->callback().token(), "tok");
  EXPECT_EQ(callback->callback().body(), "host up");
  EXPECT_EQ(curl(post + url("/c/wrong")).output, "404");
}

TEST_P(MediaServerTest, SurvivesNoiseAndManyReaders) {
  mount(wire::LAUNCHED);
  for (const char* noise :
       {"head -c 20000 /dev/urandom", "printf 'GET / HTTP/9.9\\r\\n\\r\\n'", "printf 'GET /m/tok'"}) {
    const std::string port = server_->address().substr(server_->address().rfind(':') + 1);
    run("bash -c \"exec 3<>/dev/tcp/127.0.0.1/" + port + "; " + noise +
        " >&3; timeout 0.3 cat <&3 >/dev/null\"");
  }
  std::vector<std::future<std::string>> readers;
  for (int i = 0; i < 8; ++i) {
    readers.push_back(std::async(std::launch::async, [&] { return curl(url() + " | sha256sum").output; }));
  }
  test::write_file(folder_ / "expected", patched());
  const std::string expected = run("sha256sum < " + (folder_ / "expected")).output;
  for (auto& reader : readers) EXPECT_EQ(reader.get(), expected);
}

TEST_P(MediaServerTest, ReportsReadersThatDoNotTrustIt) {
  if (!GetParam()) GTEST_SKIP() << "TLS only";
  EXPECT_NE(run("curl -sS " + url()).exit_code, 0);  // no --cacert
  const auto refused = sink_.media(wire::MediaEvent::kTlsRefused);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->tls_refused().peer(), "127.0.0.1");
  EXPECT_THAT(refused->tls_refused().detail(), HasSubstr("unknown ca"));
}

constexpr auto name_of = [](const auto& with) { return with.param ? "Tls" : "Plain"; };
INSTANTIATE_TEST_SUITE_P(Media, MediaServerTest, testing::Bool(), name_of);

class CappedMediaServerTest : public MediaServerTest {
 protected:
  [[nodiscard]] std::uint64_t bandwidth() const override { return 4'000'000; }
};

/// Eight connections from one address, one from another, which reads the whole image: both get the same.
TEST_P(CappedMediaServerTest, SharesTheCapAmongPeers) {
  mount(wire::LAUNCHED);
  std::vector<std::future<std::string>> greedy;
  const auto read = [&](const std::string& from) {
    return curl("--interface " + from + " -o /dev/null -w '%{size_download}' " + url()).output;
  };
  for (int i = 0; i < 8; ++i) greedy.push_back(std::async(std::launch::async, read, "127.0.0.2"));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(read("127.0.0.3"), std::to_string(base_.size()));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double alone = static_cast<double>(base_.size()) / static_cast<double>(bandwidth());
  EXPECT_GT(took.count(), 1.5 * alone) << "the cap holds for all together";
  EXPECT_LT(took.count(), 3.5 * alone) << "one of nine readers, but one of two peers";
  mount(wire::DEAD);  // the others need not go on
  for (auto& reader : greedy) reader.wait();
}

INSTANTIATE_TEST_SUITE_P(Media, CappedMediaServerTest, testing::Bool(), name_of);

TEST(MediaServerStart, NamesWhatIsWrong) {
  test::WaitingSink sink;
  test::QuietLog log;
  MediaServerOptions options;
  options.listen = "127.0.0.1:0";
  options.certificate = "/nonexistent/cert.pem";
  options.key = "/nonexistent/key.pem";
  const auto server = MediaServer::start(options, sink, log);
  ASSERT_FALSE(server.has_value());
  EXPECT_THAT(server.error().message, HasSubstr("/nonexistent/cert.pem"));
  options.tls = false;
  options.listen = "nonsense";
  EXPECT_THAT(MediaServer::start(options, sink, log).error().message, HasSubstr("no port"));
}

TEST(MediaServerStart, StrangersThatAskNothingMakeRoom) {
  test::WaitingSink sink;
  test::QuietLog log;
  MediaServerOptions options;
  options.listen = "127.0.0.1:0";
  options.tls = false;
  options.connections = 8;
  const auto server = MediaServer::start(options, sink, log);
  ASSERT_TRUE(server.has_value()) << server.error().message;
  const std::string& address = (*server)->address();
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  std::vector<std::unique_ptr<contract::RawSocket>> strangers;
  for (int i = 0; i < 20; ++i) strangers.push_back(std::make_unique<contract::RawSocket>(port));
  EXPECT_EQ(run("curl -sS -m 10 -o /dev/null -w '%{http_code}' http://" + address + "/m/none.iso").output,
            "503")
      << "an answer: without an agent no medium is known yet";
}

}  // namespace
}  // namespace metalmesh::media
