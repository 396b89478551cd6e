// Reads media the way a BMC does: HTTPS range requests, and the installed system's callback. One thread
// on curl's multi interface; answers are posted to the caller's function from that thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace metalmesh::bmcsim {

struct MediaAnswer {
  std::uint64_t ticket = 0;
  std::size_t member = 0;
  int status = 0;  // 0: no answer
  std::string bytes;
  std::uint64_t size = 0;
};

class MediaReader {
 public:
  /// `ca_file` empty: certificates are not verified (as many BMCs do).
  MediaReader(std::string ca_file, std::function<void(MediaAnswer)> deliver);
  ~MediaReader();
  /// From any thread; each is answered once. A callback is a POST; `length` 0 asks for all, without a range; a glance
  /// does, too, and goes when it has seen the beginning.
  void read(std::size_t member, std::uint64_t ticket, std::string url, std::uint64_t offset,
            std::uint64_t length);
  void glance(std::size_t member, std::uint64_t ticket, std::string url);
  void callback(std::size_t member, std::uint64_t ticket, std::string url);
  /// Begins TLS as one who knows no private CA, from the BMC's own address, and ends it. Not answered.
  void distrust(std::size_t member, std::string url, const std::string& address);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metalmesh::bmcsim
