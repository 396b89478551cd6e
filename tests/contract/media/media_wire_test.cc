// What a reader of our own sees on the wire where curl sees nothing: how a full socket, a kernel with TLS, a
// death, a replaced image and too many connections end.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "agents/media/image_probe.h"
#include "agents/media/patch/second_medium.h"
#include "agents/media/server/file_reader.h"
#include "agents/media/server/media_server.h"
#include "tests/contract/media/media_bench.h"

namespace {
std::atomic<bool> kernel_has_tls = false;
}

/// Where the kernel has no TLS this makes OpenSSL believe that it has. What the kernel would encrypt then
/// goes out as it is, and can be compared.
extern "C" int setsockopt(int fd, int level, int option, const void* value, socklen_t length) noexcept {
  constexpr int upper_protocol = 31, tls_level = 282, transmit = 1;
  using Real = int (*)(int, int, int, const void*, socklen_t);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "setsockopt"));
  const bool of_tls = (level == IPPROTO_TCP && option == upper_protocol) || level == tls_level;
  if (!of_tls) return real(fd, level, option, value, length);
  if (kernel_has_tls && (level != tls_level || option == transmit)) return 0;
  errno = ENOPROTOOPT;
  return -1;
}

namespace metalmesh::media {
namespace {

using namespace std::chrono_literals;

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

/// A connection with a small receive buffer, so that the server's end is full soon.
class Reader {
 public:
  explicit Reader(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int room = 16384;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    const timeval patience{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }
  ~Reader() { ::close(socket_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void start_tls() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_);
    ASSERT_EQ(SSL_connect(ssl_.get()), 1);
  }
  void ask(const std::string& path, const std::string& header = "") {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n";
    if (ssl_) {
      SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size()));
    } else {
      (void)!::write(socket_, request.data(), request.size());
    }
  }
  /// Past TLS, as the bytes came. Stops at `most`, at the end and when nothing comes.
  std::string take(std::size_t most, Duration between = {}) {
    std::string all;
    std::string piece(16384, '\0');
    while (all.size() < most) {
      const auto got = ::recv(socket_, piece.data(), std::min(piece.size(), most - all.size()), 0);
      if (got <= 0) {
        ended_ = got == 0;
        reset_ = got < 0 && errno == ECONNRESET;
        break;
      }
      all.append(piece.data(), static_cast<std::size_t>(got));
      std::this_thread::sleep_for(between);
    }
    return all;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool was_reset() const { return reset_; }

 private:
  int socket_;
  std::unique_ptr<SSL_CTX, SslContextFree> context_;
  std::unique_ptr<SSL, SslFree> ssl_;
  bool ended_ = false;
  bool reset_ = false;
};

class MediaWire : public testing::Test {
 protected:
  void start(bool tls) {
    test::make_certificate(folder_);
    options_.listen = "127.0.0.1:0";
    options_.packages_listen = "127.0.0.1:0";
    options_.tls = tls;
    options_.certificate = folder_ / "cert.pem";
    options_.key = folder_ / "key.pem";
    auto server = MediaServer::start(options_, sink_, log_);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
  }
  void TearDown() override { kernel_has_tls = false; }

  /// A medium of its own for `token`, with a file of which no 16 bytes are alike. Returns its content.
  std::string second(const std::string& token, std::size_t size) {
    wire::MediaCommand command;
    wire::Mount& mount = *command.mutable_mount();
    mount.set_token(token);
    mount.set_state(wire::LAUNCHED);
    mount.mutable_second()->set_label("CIDATA");
    mount.mutable_second()->set_format(wire::SecondMedium::FAT);
    wire::FileChange& file = *mount.mutable_second()->add_files();
    file.set_path("/user-data");
    for (std::size_t i = 0; file.content().size() < size; ++i)
      file.mutable_content()->append(token + std::to_string(1'000'000 + i) + "\n");
    auto made = make_second_medium(mount.second());
    server_->send({command});
    return std::string(std::get<SharedText>(made->patches.at(0).content).view());
  }
  void image(const std::string& path, wire::MountState state) {
    auto reader = FileReader::open(path);
    ASSERT_TRUE(reader.has_value());
    wire::MediaCommand command;
    wire::Mount& mount = *command.mutable_mount();
    mount.set_token("tok");
    *mount.mutable_image() = *probe_image(*reader);
    mount.mutable_image()->set_path(path);
    mount.set_state(state);
    mount.set_patience_seconds(patience_seconds_);
    server_->send({command});
  }
  /// Orders are carried out in the server's own time.
  void wait_for_mounts() {
    server_->send({});
    std::this_thread::sleep_for(300ms);
  }

  unsigned patience_seconds_ = 0;  // of the mounts
  MediaServerOptions options_;
  test::ScratchFolder folder_;
  test::WaitingSink sink_;
  test::QuietLog log_;
  std::unique_ptr<MediaServer> server_;
};

std::string body_of(const std::string& response) {
  const std::size_t head = response.find("HTTP/1.1 200");
  const std::size_t end = response.find("\r\n\r\n", head);
  return head == std::string::npos || end == std::string::npos ? std::string() : response.substr(end + 4);
}

TEST_F(MediaWire, AFullSocketCostsNoByteWhenTheKernelEncrypts) {
  kernel_has_tls = true;
  start(true);
  const std::string wanted[] = {second("alpha", 8 << 20), second("beta", 8 << 20)};
  wait_for_mounts();
  std::string got[2];
  std::thread readers[2];
  for (int i = 0; i < 2; ++i) {
    readers[i] = std::thread([&, i] {
      Reader reader(server_->address());
      reader.start_tls();
      reader.ask(i == 0 ? "/m/alpha.img" : "/m/beta.img", "Connection: close\r\n");
      got[i] = body_of(reader.take(wanted[i].size() + 4000, 100us)).substr(0, wanted[i].size());
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(got[0] == wanted[0]) << got[0].size() << " of " << wanted[0].size() << " bytes, or others";
  EXPECT_TRUE(got[1] == wanted[1]) << got[1].size() << " of " << wanted[1].size() << " bytes, or others";
}

TEST_F(MediaWire, DeathReachesWhatIsInTheKernelOfAConnectionThatIsToClose) {
  start(false);
  image(test::installer_iso(), wire::LAUNCHED);
  wait_for_mounts();
  Reader reader(server_->address());
  reader.ask("/m/tok.iso", "Range: bytes=0-1048575\r\nConnection: close\r\n");
  std::this_thread::sleep_for(500ms);  // all of it is in the kernel by now
  image(test::installer_iso(), wire::DEAD);
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(reader.take(2 << 20).size(), 600'000U);
  EXPECT_TRUE(reader.was_reset());
}

TEST_F(MediaWire, WhatThePeerStillSendsDoesNotCutTheEndOfAResponse) {
  start(false);
  image(test::installer_iso(), wire::LAUNCHED);
  wait_for_mounts();
  Reader reader(server_->address());
  reader.ask("/m/tok.iso", "Range: bytes=0-1048575\r\nConnection: close\r\n");
  reader.ask("/m/tok.iso");  // nobody reads this one
  std::this_thread::sleep_for(500ms);
  const std::string response = reader.take(2 << 20);
  EXPECT_EQ(response.size() - response.find("\r\n\r\n") - 4, 1U << 20);
  EXPECT_TRUE(reader.ended());
}

TEST_F(MediaWire, AnImageThatCameAnewIsReadAnew) {
  start(false);
  const std::string path = folder_ / "base.iso";
  std::filesystem::copy_file(test::installer_iso(), path);
  image(path, wire::LAUNCHED);
  wait_for_mounts();
  Reader busy(server_->address());
  busy.ask("/m/tok.iso");
  EXPECT_EQ(busy.take(4096).size(), 4096U);  // and it holds the file
  std::string fresh = test::read_file(path);
  fresh[2'000'000] ^= 1;
  test::write_file(path + ".new", fresh);
  std::filesystem::rename(path + ".new", path);
  Reader next(server_->address());
  next.ask("/m/tok.iso", "Range: bytes=2000000-2000000\r\nConnection: close\r\n");
  EXPECT_EQ(next.take(8192).back(), fresh[2'000'000]);
}

/// A host that formats its disks in the middle of a response takes nothing for minutes.
TEST_F(MediaWire, ALaunchedInstallerMayPauseAsLongAsItsOrderSays) {
  options_.patience.stalled = 1s;
  patience_seconds_ = 30;
  start(false);
  image(test::installer_iso(), wire::LAUNCHED);
  wait_for_mounts();
  Reader reader(server_->address());
  reader.ask("/m/tok.iso", "Connection: close\r\n");
  const std::string begin = reader.take(65536);
  std::this_thread::sleep_for(4s);
  const std::string rest = reader.take(64 << 20);
  EXPECT_EQ(body_of(begin + rest).size(), std::filesystem::file_size(test::installer_iso()));
  EXPECT_TRUE(reader.ended());
}

/// What waits in the kernel says nothing: a slow reader empties that once in minutes.
TEST_F(MediaWire, ASlowReaderIsNotCut) {
  options_.patience.stalled = 1s;
  start(false);
  image(test::installer_iso(), wire::LAUNCHED);
  wait_for_mounts();
  Reader reader(server_->address());
  reader.ask("/m/tok.iso", "Connection: close\r\n");
  std::string all;
  for (int i = 0; i < 25; ++i) {  // 80 KiB a second, of a response that fills the kernel at once
    all += reader.take(16384);
    std::this_thread::sleep_for(200ms);
  }
  all += reader.take(64 << 20);
  EXPECT_EQ(body_of(all).size(), std::filesystem::file_size(test::installer_iso()));
}

TEST_F(MediaWire, WhoTakesNothingIsCutInTheEnd) {
  options_.patience.stalled = 1s;
  start(false);
  image(test::installer_iso(), wire::LAUNCHED);
  wait_for_mounts();
  Reader reader(server_->address());
  reader.ask("/m/tok.iso");
  std::this_thread::sleep_for(4s);
  EXPECT_LT(reader.take(64 << 20).size(), std::filesystem::file_size(test::installer_iso()));
}

TEST_F(MediaWire, HostsLeaveRoomForBmcs) {
  options_.connections = 40;
  start(false);
  image(test::installer_iso(), wire::LAUNCHED);
  wait_for_mounts();
  const std::string packages = sink_.media(wire::MediaEvent::kUp)->up().packages_address();
  std::vector<std::unique_ptr<Reader>> silent;
  for (int i = 0; i < 60; ++i) silent.push_back(std::make_unique<Reader>(packages));
  std::this_thread::sleep_for(200ms);
  Reader bmc(server_->address());
  bmc.ask("/m/tok.iso", "Range: bytes=0-9\r\nConnection: close\r\n");
  EXPECT_THAT(bmc.take(4096), testing::StartsWith("HTTP/1.1 206"));
}

}  // namespace
}  // namespace metalmesh::media
