#include "common/adapters/sqlite_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "common/base/check.h"
#include "common/ports/row_key_search.h"
#include "common/ports/row_seal.h"

namespace metalmesh::adapters {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Error sqlite_error(sqlite3* db, std::string_view what) {
  const int code = sqlite3_errcode(db) & 0xff;
  const ErrorKind kind = code == SQLITE_FULL                               ? ErrorKind::exhausted
                         : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ErrorKind::corrupt
                                                                           : ErrorKind::internal;
  return {kind, fmt::format("{}: {}", what, sqlite3_errmsg(db))};
}

Status execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return std::unexpected(sqlite_error(db, sql));
}

Result<Statement> prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return std::unexpected(sqlite_error(db, sql));
  }
  return Statement(raw);
}

/// Binds bytes that outlive the step. An empty view must still be an empty blob, not NULL.
void bind_bytes(sqlite3_stmt* statement, int index, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  MM_CHECK(sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
}

std::string column_bytes(sqlite3_stmt* statement, int column) {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return data == nullptr ? std::string() : std::string(data, size);
}

/// Leaves a statement ready for its next use on every path.
class Use {
 public:
  explicit Use(const Statement& statement) : raw_(statement.get()) {}
  ~Use() {
    sqlite3_reset(raw_);
    sqlite3_clear_bindings(raw_);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  [[nodiscard]] sqlite3_stmt* get() const { return raw_; }

 private:
  sqlite3_stmt* raw_;
};

/// No -shm file and little memory: this process is the only one.
constexpr char setup_sql[] =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA secure_delete=ON;"
    "PRAGMA cache_size=-1024;"
    "PRAGMA journal_size_limit=4194304;"
    "PRAGMA cell_size_check=ON;"
    "CREATE TABLE IF NOT EXISTS rows(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

/// What is in the WAL goes into its pages, and none of it stays.
constexpr char empty_wal_sql[] = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Pages are whole, and a key among them has rotted: the rows are all there, one after another, but not to be found by
/// their keys.
constexpr char out_of_order[] = "row not in PRIMARY KEY order";
constexpr char sort_sql[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE sorted(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "INSERT INTO sorted SELECT key, value FROM rows;"
    "DROP TABLE rows;"
    "ALTER TABLE sorted RENAME TO rows;"
    "COMMIT;";

Status check_integrity(sqlite3* db) {
  auto statement = prepare(db, "PRAGMA integrity_check(1)");
  if (!statement) return std::unexpected(statement.error());
  if (sqlite3_step(statement->get()) != SQLITE_ROW)
    return std::unexpected(sqlite_error(db, "integrity check"));
  const std::string answer = column_bytes(statement->get(), 0);
  if (answer == "ok") return {};
  return fail(ErrorKind::corrupt, answer);
}

}  // namespace

struct SqliteStore::State {
  State(StoreFolder owned, std::vector<std::string> prefixes)
      : folder(std::move(owned)), wiped(std::move(prefixes)) {}

  [[nodiscard]] Status write(const Batch& batch);
  [[nodiscard]] bool wipes(const Batch& batch) const {
    return std::ranges::any_of(batch, [this](const RowWrite& row) {
      return !row.value &&
             std::ranges::any_of(wiped, [&](const auto& prefix) { return row.key.starts_with(prefix); });
    });
  }
  [[nodiscard]] Error read_error(std::string_view where) const {
    Error error = sqlite_error(db.get(), fmt::format("reading the store {}", where));
    if (error.kind == ErrorKind::internal) error.kind = ErrorKind::unavailable;
    return error;
  }

  /// Rows whose keys have rotted go back to where they were written, unless another one is there.
  [[nodiscard]] Status put_moved_back();

  std::vector<std::string> notes;
  mutable std::mutex mutex;
  StoreFolder folder;
  const std::vector<std::string> wiped;
  Database db;
  Statement begin, commit, rollback, put, remove, get, scan_from, scan_range;
};

Status SqliteStore::State::write(const Batch& batch) {
  const auto run = [&](const Statement& statement) {
    const Use use(statement);
    return sqlite3_step(use.get()) == SQLITE_DONE;
  };
  const auto give_up = [&](std::string_view what) -> Status {
    Error error = sqlite_error(db.get(), what);
    // After some errors SQLite has rolled back by itself.
    if (sqlite3_get_autocommit(db.get()) == 0) run(rollback);
    return std::unexpected(std::move(error));
  };
  if (!run(begin)) return give_up("begin");
  for (const RowWrite& row : batch) {
    const Use use(row.value ? put : remove);
    bind_bytes(use.get(), 1, row.key);
    std::string sealed;
    if (row.value) bind_bytes(use.get(), 2, sealed = seal_row(row.key, *row.value));
    if (sqlite3_step(use.get()) != SQLITE_DONE) return give_up("write");
  }
  if (!run(commit)) return give_up("commit");
  return {};
}

Status SqliteStore::State::put_moved_back() {
  std::vector<std::pair<std::string, std::string>> moved;  // found under, written under
  Batch batch;
  {
    const Use use(scan_from);
    bind_bytes(use.get(), 1, "");
    MM_CHECK(sqlite3_bind_int64(use.get(), 2, -1) == SQLITE_OK);
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(use.get())) == SQLITE_ROW) {
      std::string key = column_bytes(use.get(), 0);
      const std::string stored = column_bytes(use.get(), 1);
      auto right = key_written_under(key, stored);
      if (!right) continue;
      batch.push_back({key, std::nullopt});
      batch.push_back({*right, *unseal_row(*right, stored)});
      moved.emplace_back(std::move(key), std::move(*right));
    }
    if (code != SQLITE_DONE) return std::unexpected(read_error("at its start"));
  }
  for (std::size_t i = moved.size(); i-- > 0;) {
    const Use use(get);
    bind_bytes(use.get(), 1, moved[i].second);
    if (sqlite3_step(use.get()) != SQLITE_ROW) {
      notes.push_back(fmt::format("row {} lay under {} and is back in its place",
                                  printable_key(moved[i].second), printable_key(moved[i].first)));
    } else {
      batch.erase(batch.begin() + static_cast<std::ptrdiff_t>(2 * i),
                  batch.begin() + static_cast<std::ptrdiff_t>(2 * i + 2));
    }
  }
  return batch.empty() ? Status() : write(batch);
}

const std::vector<std::string>& SqliteStore::notes() const { return state_->notes; }

SqliteStore::SqliteStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& folder,
                                                       const StoreOptions& options) {
  auto locked = StoreFolder::open(folder, "sqlite", options);
  if (!locked) return std::unexpected(locked.error());
  return open_in(std::move(*locked), options);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open_existing(const std::filesystem::path& folder,
                                                                const StoreOptions& options) {
  auto locked = StoreFolder::open_existing(folder, "sqlite", options);
  if (!locked) return std::unexpected(locked.error());
  return open_in(std::move(*locked), options);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open_in(StoreFolder folder, const StoreOptions& options) {
  const std::string path = (folder.path() / "rows.db").string();
  auto state = std::make_unique<State>(std::move(folder), options.wiped);
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(
      path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  state->db.reset(raw);
  if (opened != SQLITE_OK) return std::unexpected(sqlite_error(raw, path));
  const auto fill = [&]() -> Status {
    if (auto status = execute(raw, setup_sql); !status) return status;
    auto whole = check_integrity(raw);
    if (!whole && whole.error().message.starts_with(out_of_order)) {
      if (auto status = execute(raw, sort_sql); !status) return status;
      whole = check_integrity(raw);
    }
    if (!whole) return whole;
    const std::pair<Statement State::*, const char*> statements[] = {
        {&State::begin, "BEGIN IMMEDIATE"},
        {&State::commit, "COMMIT"},
        {&State::rollback, "ROLLBACK"},
        {&State::put, "INSERT INTO rows(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2"},
        {&State::remove, "DELETE FROM rows WHERE key=?1"},
        {&State::get, "SELECT value FROM rows WHERE key=?1"},
        {&State::scan_from, "SELECT key, value FROM rows WHERE key>=?1 ORDER BY key LIMIT ?2"},
        {&State::scan_range, "SELECT key, value FROM rows WHERE key>=?1 AND key<?3 ORDER BY key LIMIT ?2"},
    };
    for (const auto& [member, sql] : statements) {
      auto statement = prepare(raw, sql);
      if (!statement) return std::unexpected(statement.error());
      (*state).*member = std::move(*statement);
    }
    if (auto status = state->put_moved_back(); !status) return status;
    return execute(raw, empty_wal_sql);  // of a life that ended before it got to that
  };
  if (auto status = fill(); !status) {
    Error error = std::move(status.error()).with(path);
    if (error.kind == ErrorKind::corrupt) {
      error.message += fmt::format(
          ". Rows cannot be told from one another any more, no backup of an agent is of use: what it knows "
          "must be "
          "the newest. Next: mv {0} {0}.damaged (keep it: it may hold facts that the controller does not "
          "know yet) and "
          "start the agent with an empty folder; the controller then says what must be looked at",
          state->folder.path().string());
    }
    return std::unexpected(std::move(error));
  }
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(state)));
}

Result<std::optional<std::string>> SqliteStore::get(std::string_view key) const {
  const std::lock_guard lock(state_->mutex);
  const Use use(state_->get);
  bind_bytes(use.get(), 1, key);
  const int code = sqlite3_step(use.get());
  if (code == SQLITE_DONE) return std::nullopt;
  if (code != SQLITE_ROW) return std::unexpected(state_->read_error("at row " + printable_key(key)));
  auto value = unseal_row(key, column_bytes(use.get(), 0));
  if (!value) return std::unexpected(damaged_row(key, value.error()));
  return std::move(*value);
}

Result<std::vector<Row>> SqliteStore::scan(std::string_view first, std::string_view last,
                                           std::size_t limit) const {
  const std::lock_guard lock(state_->mutex);
  const Use use(last.empty() ? state_->scan_from : state_->scan_range);
  bind_bytes(use.get(), 1, first);
  // A negative LIMIT means none, which is what a limit beyond int64 asks for.
  const auto most = static_cast<sqlite3_int64>(limit);
  MM_CHECK(sqlite3_bind_int64(use.get(), 2, most) == SQLITE_OK);
  if (!last.empty()) bind_bytes(use.get(), 3, last);
  std::vector<Row> rows;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(use.get())) == SQLITE_ROW) {
    std::string key = column_bytes(use.get(), 0);
    auto value = unseal_row(key, column_bytes(use.get(), 1));
    rows.push_back({std::move(key), std::move(value)});
  }
  if (code != SQLITE_DONE) {
    const std::string_view last_read = rows.empty() ? first : std::string_view(rows.back().key);
    return std::unexpected(state_->read_error("behind row " + printable_key(last_read)));
  }
  return rows;
}

Status SqliteStore::commit(const Batch& batch) {
  const std::lock_guard lock(state_->mutex);
  auto status = state_->write(batch);
  if (!status && status.error().kind == ErrorKind::exhausted && state_->folder.give_up_ballast()) {
    status = state_->write(batch);
  } else if (status) {
    state_->folder.restore_ballast();
  }
  // The rows are durable and gone; where this fails, the next one does it.
  if (status && state_->wipes(batch)) static_cast<void>(execute(state_->db.get(), empty_wal_sql));
  return status;
}

StoreSpace SqliteStore::space() const {
  const std::lock_guard lock(state_->mutex);
  return state_->folder.space();
}

}  // namespace metalmesh::adapters
