#include "common/adapters/rocks_backup.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "common/adapters/log_writer.h"
#include "common/adapters/system_clock.h"
#include "common/os/files.h"
#include "common/ports/row_walk.h"

namespace metalmesh::adapters {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr char rows_name[] = "rows";
constexpr char format_name[] = "FORMAT";
constexpr char done_name[] = "BACKUP";
constexpr std::size_t piece = std::size_t{1} << 20U;
constexpr auto told_every = std::chrono::milliseconds(500);

Error file_error(std::string_view what, const fs::path& path, const std::error_code& code) {
  const bool full = code == std::errc::no_space_on_device;
  return {full ? ErrorKind::exhausted : ErrorKind::internal,
          fmt::format("{} {}: {}", what, path.string(), code.message())};
}

Status check_empty(const fs::path& folder) {
  std::error_code code;
  if (!fs::exists(folder, code)) return {};
  if (!fs::is_directory(folder, code) || !fs::is_empty(folder, code))
    return fail(
        ErrorKind::conflict,
        fmt::format("{} is there and not empty; name a folder that is not there yet", folder.string()));
  return {};
}

/// Copies files one after another and says how far it is.
class Copier {
 public:
  Copier(const BackupProgress& progress, const std::stop_token& stop) : progress_(progress), stop_(stop) {}

  /// Whole and durable, or an error; what was written then stays.
  Status copy(const fs::path& from, const fs::path& to) {
    std::error_code code;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(from, code)) {
      if (!entry.is_regular_file()) continue;
      files.push_back(entry.path());
      size_ += entry.file_size();
    }
    if (code) return std::unexpected(file_error("reading", from, code));
    fs::create_directories(to, code);
    if (code) return std::unexpected(file_error("creating", to, code));
    fs::permissions(to, fs::perms::owner_all, code);
    for (const fs::path& file : files) {
      if (auto copied = copy_file(file, to / file.filename()); !copied) return copied;
    }
    return os::sync_folder(to);
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  Status copy_file(const fs::path& from, const fs::path& to) {
    const os::Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    const os::Fd out(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!in) return std::unexpected(os::errno_error("reading", from, errno));
    if (!out) return std::unexpected(os::errno_error("creating", to, errno));
    std::string buffer(piece, '\0');
    while (true) {
      if (stop_.stop_requested()) return fail(ErrorKind::unavailable, "the controller was stopped");
      const auto got = ::read(in.get(), buffer.data(), buffer.size());
      if (got < 0) return std::unexpected(os::errno_error("reading", from, errno));
      if (got == 0) break;
      if (!os::write_all(out.get(), std::string_view(buffer).substr(0, static_cast<std::size_t>(got))))
        return std::unexpected(os::errno_error("writing", to, errno));
      bytes_ += static_cast<std::uint64_t>(got);
      tell();
    }
    if (::fsync(out.get()) != 0) return std::unexpected(os::errno_error("writing", to, errno));
    return {};
  }
  void tell() {
    if (steady_clock::now() - told_ < told_every) return;
    told_ = steady_clock::now();
    progress_(bytes_, size_);
  }

  const BackupProgress& progress_;
  const std::stop_token& stop_;
  std::uint64_t bytes_ = 0;
  std::uint64_t size_ = 0;
  steady_clock::time_point told_ = steady_clock::now();
};

/// A snapshot beside the store, in links that cost nothing; gone when it is copied.
class Snapshot {
 public:
  explicit Snapshot(const fs::path& data_folder) : path_(data_folder / "rows.backup") { remove(); }
  ~Snapshot() { remove(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  void remove() const {
    std::error_code code;
    fs::remove_all(path_, code);
    fs::remove_all(path_.string() + ".tmp", code);
  }
  fs::path path_;
};

/// Opens the copy and reads every row of it.
Result<std::uint64_t> read_back(const fs::path& folder, const std::shared_ptr<const RowKeys>& keys,
                                const std::stop_token& stop) {
  std::uint64_t rows = 0;
  {
    const auto copy = RocksStore::open_for_reading(folder, {.keys = keys});
    if (!copy) return std::unexpected(copy.error());
    const Status whole =
        walk_whole_rows(**copy, {}, {}, [&](const std::string&, const std::string&) -> Status {
          ++rows;
          if (stop.stop_requested()) return fail(ErrorKind::unavailable, "the controller was stopped");
          return {};
        });
    if (!whole) return std::unexpected(whole.error());
  }
  std::error_code code;
  fs::remove(folder / "LOCK", code);
  return rows;
}

}  // namespace

Result<BackupFacts> make_backup(const RocksStore& store, const fs::path& data_folder, const fs::path& folder,
                                const std::string& version, const BackupProgress& progress,
                                const std::stop_token& stop) {
  SystemClock clock;
  BackupFacts facts{rfc3339(clock.now().wall()), version, 0, 0};
  if (auto empty = check_empty(folder); !empty) return std::unexpected(empty.error());
  const Snapshot snapshot(data_folder);
  if (auto taken = store.copy_to(snapshot.path()); !taken) return std::unexpected(taken.error());
  Copier copier(progress, stop);
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) return std::unexpected(file_error("creating", folder, code));
  fs::permissions(folder, fs::perms::owner_all, code);
  if (auto copied = copier.copy(snapshot.path(), folder / rows_name); !copied)
    return std::unexpected(copied.error());
  fs::copy_file(data_folder / format_name, folder / format_name, code);
  if (code) return std::unexpected(file_error("writing", folder / format_name, code));
  const auto rows = read_back(folder, store.keys(), stop);
  if (!rows) return std::unexpected(Error(rows.error()).with("reading the copy back"));
  facts.rows = *rows;
  facts.bytes = copier.bytes();
  const std::string text = fmt::format("made: {}\nversion: {}\nrows: {}\nbytes: {}\n", facts.made,
                                       facts.version, facts.rows, facts.bytes);
  if (auto written = os::write_file(folder / done_name, text, 0600); !written)
    return std::unexpected(written.error());
  return facts;
}

Result<BackupFacts> read_backup(const fs::path& folder) {
  const auto text = os::read_file(folder / done_name, 4096);
  if (!text && text.error().kind == ErrorKind::not_found) {
    return fail(ErrorKind::not_found,
                fmt::format("{} is no complete backup: it has no file {}; \"metalmesh backup DIR\" makes one",
                            folder.string(), done_name));
  }
  if (!text) return std::unexpected(text.error());
  BackupFacts facts;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    if (line.starts_with("made: ")) facts.made = line.substr(6);
    if (line.starts_with("version: ")) facts.version = line.substr(9);
    at = end + 1;
  }
  if (facts.made.empty())
    return fail(ErrorKind::corrupt, fmt::format("{} is damaged", (folder / done_name).string()));
  return facts;
}

Status copy_backup(const fs::path& folder, const fs::path& data_folder,
                   const std::shared_ptr<const RowKeys>& keys) {
  std::error_code code;
  if (fs::exists(data_folder / format_name, code) || fs::exists(data_folder / rows_name, code)) {
    return fail(
        ErrorKind::conflict,
        fmt::format(
            "{0} holds a store. Next: mv {0} {0}.lost (keep it: it may hold what the backup does not), "
            "then restore again",
            data_folder.string()));
  }
  const fs::path fresh = data_folder / "rows.restored";
  fs::create_directories(data_folder, code);
  if (code) return std::unexpected(file_error("creating", data_folder, code));
  fs::permissions(data_folder, fs::perms::owner_all, code);
  fs::remove_all(fresh, code);
  const BackupProgress silent = [](std::uint64_t, std::uint64_t) {};
  const std::stop_token never;
  fs::create_directories(fresh, code);
  if (auto copied = Copier(silent, never).copy(folder / rows_name, fresh / rows_name); !copied) return copied;
  fs::copy_file(folder / format_name, fresh / format_name, code);
  if (code) return std::unexpected(file_error("writing", fresh / format_name, code));
  // Before it counts: rows that nobody can read are no way back.
  if (const auto read = RocksStore::open_for_reading(fresh, {.keys = keys}); !read)
    return std::unexpected(read.error());
  for (const char* name : {format_name, rows_name}) {
    fs::rename(fresh / name, data_folder / name, code);
    if (code) return std::unexpected(file_error("renaming", fresh / name, code));
  }
  fs::remove_all(fresh, code);
  return os::sync_folder(data_folder);
}

void RocksBackups::begin(BackupStart start) {
  thread_ = std::jthread(
      [this, folder = std::move(start.folder)](const std::stop_token& stop) { run(folder, stop); });
}

void RocksBackups::run(const std::string& folder, const std::stop_token& stop) {
  BackupReported report;
  report.folder = folder;
  const auto facts = make_backup(
      store_, data_folder_, folder, version_,
      [&](std::uint64_t bytes, std::uint64_t size) {
        report.bytes = bytes;
        report.size = size;
        sink_.deliver(report);
      },
      stop);
  report.ended = true;
  if (facts) {
    report.rows = facts->rows;
    report.bytes = report.size = facts->bytes;
  } else {
    report.error = facts.error().message;
  }
  sink_.deliver(report);
}

}  // namespace metalmesh::adapters
