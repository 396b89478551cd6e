// What the media server answers, how it starts, and who shares it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "tests/contract/media/media_server_fixture.h"
#include "tests/contract/support/processes.h"

namespace metalmesh::media {
namespace {

using test::Ran;
using test::run;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

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
  facts_.clear_kernels();  // nobody boots it, so it stays as it is
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

INSTANTIATE_TEST_SUITE_P(Media, MediaServerTest, testing::Bool(), tls_or_plain);

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

INSTANTIATE_TEST_SUITE_P(Media, CappedMediaServerTest, testing::Bool(), tls_or_plain);

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
