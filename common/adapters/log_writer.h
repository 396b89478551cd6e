// Writes log lines, one per record and one write(2) each, as text for people or JSON for collectors.
// Times are RFC 3339 in UTC with milliseconds. Safe from any thread. A line that cannot be written is
// dropped: a node does not stop because nobody reads its log.
#pragma once

#include <mutex>
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
  /// Borrows `fd` (2 is stderr); both must outlive the writer. Lines below `least` are left out.
  LogWriter(Clock& clock, LogFormat format, LogLevel least, int fd = 2);
  void write(const LogLine& line) override;

 private:
  Clock& clock_;
  LogFormat format_;
  LogLevel least_;
  int fd_;
  std::mutex mutex_;
};

}  // namespace metalmesh::adapters
