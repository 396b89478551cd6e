// Writes log lines, one per record, as text for people or JSON for collectors. Times are RFC 3339 in UTC with
// milliseconds. Safe from any thread. Nobody who logs ever waits for who reads the log: lines go through a
// bounded queue to a thread of their own; what finds no room is dropped and counted, and the count is logged
// as soon as there is room again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/log.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/ports/clock.h"

namespace metalmesh::adapters {

enum class LogFormat { text, json };

/// For --log-format and --log-level.
Result<LogFormat> parse_log_format(std::string_view text);
Result<LogLevel> parse_log_level(std::string_view text);

/// `2026-11-22T14:47:13.123Z`
std::string rfc3339(WallTime time);
/// One record with its newline; control characters never get through.
std::string format_line(const LogLine& line, LogFormat format, WallTime time);

class LogWriter final : public LogSink {
 public:
  /// What waits for a reader, at most.
  static constexpr std::size_t most_queued_bytes = std::size_t{1} << 20;

  /// Borrows `clock`; writes to a duplicate of `fd` (2 is stderr). Lines below `least` are left out.
  LogWriter(Clock& clock, LogFormat format, LogLevel least, int fd = 2);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  /// Writes what is queued, for at most a second after the last line went out.
  ~LogWriter() override;
  void write(const LogLine& line) override;
  /// Lines that nobody read in time, so far.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Queue;
  Clock& clock_;
  LogFormat format_;
  LogLevel least_;
  std::shared_ptr<Queue> queue_;  // shared with the writing thread, which may hang in a write for ever
};

}  // namespace metalmesh::adapters
