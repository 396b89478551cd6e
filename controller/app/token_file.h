// The tokens file, read again when asked. The API authenticates on the turn's thread while a signal makes
// another one reload: a lock keeps the two apart.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "controller/api/access.h"

namespace metalmesh::controller {

class TokenFile final : public Authenticator {
 public:
  /// Refuses a file that group or others may read or write, and one that lists no token at all.
  static Result<std::unique_ptr<TokenFile>> open(const std::filesystem::path& path);

  /// The number of tokens. On failure the old ones stay in force.
  Result<std::size_t> reload();
  [[nodiscard]] std::optional<Principal> known(const std::string& sha256) const override;

 private:
  explicit TokenFile(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const TokenTable> table_;
};

}  // namespace metalmesh::controller
