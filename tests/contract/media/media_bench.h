// What the media contract tests share: a folder of their own, a sink that can be waited on, a certificate,
// an installer ISO made by xorriso, and commands run as foreign clients.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/ports/sink.h"

namespace metalmesh::media::test {

class WaitingSink final : public Sink {
 public:
  void deliver(Input input) override;
  /// Waits up to `limit` for an input, also an earlier one, for which `pick` gives a value.
  template <class T>
  std::optional<T> wait(const std::function<std::optional<T>(const Input&)>& pick,
                        std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    std::unique_lock lock(mutex_);
    std::optional<T> found;
    changed_.wait_for(lock, limit, [&] {
      for (const Input& input : inputs_) {
        if (!found) found = pick(input);
      }
      return found.has_value();
    });
    return found;
  }
  /// The first media event of `kind`, whenever it came.
  std::optional<wire::MediaEvent> media(wire::MediaEvent::BodyCase kind,
                                        std::chrono::milliseconds limit = std::chrono::seconds(20));
  std::size_t count(const std::function<bool(const Input&)>& matches);
  void clear();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Input> inputs_;
};

class QuietLog final : public LogSink {
 public:
  void write(const LogLine&) override {}
};

class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Ran {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};
Ran run(const std::string& command);

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);
/// Path of an installer-shaped ISO of about 6 MB, made once per process.
const std::string& installer_iso();
/// Self-signed for 127.0.0.1: cert.pem and key.pem in `folder`.
void make_certificate(const ScratchFolder& folder);

}  // namespace metalmesh::media::test
