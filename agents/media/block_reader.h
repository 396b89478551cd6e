// Random access to an image, without saying where it lives. Implementations: a file (server/), bytes in
// memory (tests).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"

namespace metalmesh::media {

class BlockReader {
 public:
  virtual ~BlockReader() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Exactly `length` bytes from `offset`. The caller keeps within size(); an error means the device
  /// failed (unavailable), never that the content is bad.
  [[nodiscard]] virtual Result<std::string> read(std::uint64_t offset, std::size_t length) = 0;
};

/// Opens base images by their path on this machine.
class BaseImages {
 public:
  virtual ~BaseImages() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<BlockReader>> open(const std::string& path) = 0;
};

class MemoryReader final : public BlockReader {
 public:
  explicit MemoryReader(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::size_t length) override {
    if (offset > bytes_.size() || length > bytes_.size() - offset) {
      return fail(ErrorKind::unavailable, "read past the end of the image");
    }
    return bytes_.substr(offset, length);
  }

 private:
  std::string bytes_;
};

}  // namespace metalmesh::media
