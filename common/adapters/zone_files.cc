#include "common/adapters/zone_files.h"

#include <string>
#include <system_error>
#include <utility>

#include "common/os/files.h"
#include "common/zones/tzif.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_file = std::size_t{256} << 10U;

/// Beside zones the folder has tables, and the same zones twice more, once by another count of seconds.
bool is_of_zones(const fs::path& name) {
  const std::string text = name.string();
  const bool is_copy = text.starts_with("posix/") || text.starts_with("right/");
  const bool is_table = text.find('.') != text.npos || text == "leapseconds" || text == "+VERSION";
  return !is_copy && !is_table && text != "localtime" && text != "posixrules" && text != "Factory";
}

}  // namespace

zones::ZoneBook load_zones(const fs::path& folder, zones::Seconds now, LogSink& log) {
  zones::ZoneBook book;
  std::error_code error;
  const auto tell = [&](const std::string& file, const std::string& why) {
    log.write({LogLevel::warning, "a time zone is not known", {{"file", file}, {"why", why}}});
  };
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code unread;
    const fs::path name = at->path().lexically_relative(folder);
    if (!at->is_regular_file(unread) || !is_of_zones(name)) continue;
    const auto bytes = os::read_file(at->path(), longest_file);
    const Result<zones::Zone> zone =
        bytes ? zones::read_tzif(*bytes) : Result<zones::Zone>(std::unexpected(bytes.error()));
    if (zone) {
      book.add(name.string(), zone->without_the_past(now));
    } else {
      tell(at->path().string(), zone.error().message);
    }
  }
  if (book.size() == 0)
    tell(folder.string(), "no zone is there: install the package tzdata; until then UTC alone is known");
  return book;
}

}  // namespace metalmesh::adapters
