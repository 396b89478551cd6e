#include "tests/contract/media/media_bench.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace metalmesh::media::test {

void WaitingSink::deliver(Input input) {
  const std::lock_guard lock(mutex_);
  inputs_.push_back(std::move(input));
  changed_.notify_all();
}

std::optional<wire::MediaEvent> WaitingSink::media(wire::MediaEvent::BodyCase kind,
                                                   std::chrono::milliseconds limit) {
  return wait<wire::MediaEvent>(
      [&](const Input& input) -> std::optional<wire::MediaEvent> {
        const auto* reported = std::get_if<MediaReported>(&input);
        if (reported == nullptr || reported->event.body_case() != kind) return std::nullopt;
        return reported->event;
      },
      limit);
}

std::size_t WaitingSink::count(const std::function<bool(const Input&)>& matches) {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(inputs_.begin(), inputs_.end(), matches));
}

void WaitingSink::clear() {
  const std::lock_guard lock(mutex_);
  inputs_.clear();
}

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "metalmesh-media-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) std::perror("mkdtemp");
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Ran run(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    ran.output.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

const std::string& installer_iso() {
  static const ScratchFolder folder;
  static const std::string path = [] {
    std::string iso = folder / "installer.iso";
    const Ran made = run(std::string(MM_MAKE_ISO) + " " + iso + " 6");
    EXPECT_EQ(made.exit_code, 0) << made.output;
    return iso;
  }();
  return path;
}

void make_certificate(const ScratchFolder& folder) {
  const Ran made =
      run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=media "
          "-addext subjectAltName=IP:127.0.0.1 -keyout " +
          (folder / "key.pem") + " -out " + (folder / "cert.pem"));
  ASSERT_EQ(made.exit_code, 0) << made.output;
}

}  // namespace metalmesh::media::test
