// Small files that must be whole or absent: keys, tokens, credentials, marks. Reads are bounded; writes go to
// a temporary file that is synced and then renamed over the target, so a crash leaves the old content. All of
// it may be called from any thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/os/fd.h"

namespace metalmesh::os {

/// The whole file. Kinds: not_found, denied, exhausted (longer than `limit`), internal.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit = std::size_t{16} << 20);
/// Replaces `path` atomically and durably (file and folder are synced) with `mode` permissions. Kinds as
/// above.
Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);
/// All of it, at the descriptor's place. False with errno set if that failed half way.
bool write_all(int fd, std::string_view bytes);
/// The files of `folder` whose names end in `ending` (".yaml"), by name.
Result<std::vector<std::filesystem::path>> files_in(const std::filesystem::path& folder,
                                                    std::string_view ending);
/// Makes names that were created, renamed or removed in `folder` durable.
Status sync_folder(const std::filesystem::path& folder);

enum class Held { fail, wait };
/// Locks `path`, which is made (0600) if it is not there, until the descriptor closes; `held` says what
/// happens while another process has it. Kinds: conflict (held by another), denied, internal.
Result<Fd> lock_file(const std::filesystem::path& path, Held held);

/// Refuses (denied) a file that group or others may read or write.
Status check_private(const std::filesystem::path& path);

struct DiskRoom {
  std::uint64_t bytes = 0;
  std::uint64_t free_bytes = 0;  // for processes without privilege
};
/// Of the disk that holds `path`; nothing if that cannot be told.
std::optional<DiskRoom> disk_room(const std::filesystem::path& path);

/// "No such file or directory" for the errno value `code`.
std::string errno_text(int code);
/// `what`, the path and the text, of the kind that `code` means.
Error errno_error(std::string_view what, const std::filesystem::path& path, int code);

}  // namespace metalmesh::os
