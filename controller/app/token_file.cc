#include "controller/app/token_file.h"

#include <utility>

#include "common/os/files.h"

namespace metalmesh::controller {
namespace {

constexpr std::size_t file_limit = std::size_t{1} << 20;

Result<TokenTable> read_table(const std::filesystem::path& path) {
  if (auto closed = os::check_private(path); !closed) return std::unexpected(closed.error());
  auto text = os::read_file(path, file_limit);
  if (!text) return std::unexpected(text.error());
  auto table = TokenTable::parse(*text);
  if (!table) return std::unexpected(std::move(table.error()).with(path.string()));
  if (table->size() == 0) {
    return fail(ErrorKind::invalid, path.string() + " lists no token: nobody could use the API");
  }
  return table;
}

}  // namespace

Result<std::unique_ptr<TokenFile>> TokenFile::open(const std::filesystem::path& path) {
  auto file = std::unique_ptr<TokenFile>(new TokenFile(path));
  if (auto read = file->reload(); !read) return std::unexpected(read.error());
  return file;
}

Result<std::size_t> TokenFile::reload() {
  auto table = read_table(path_);
  if (!table) return std::unexpected(table.error());
  const std::size_t count = table->size();
  auto fresh = std::make_shared<const TokenTable>(std::move(*table));
  const std::lock_guard lock(mutex_);
  table_ = std::move(fresh);
  return count;
}

std::optional<Principal> TokenFile::known(const std::string& sha256) const {
  std::shared_ptr<const TokenTable> table;
  {
    const std::lock_guard lock(mutex_);
    table = table_;
  }
  return table->known(sha256);
}

}  // namespace metalmesh::controller
