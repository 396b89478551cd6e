// A log line is data: cores put lines into their Outcome, adapters write them (text or JSON, one per
// line). Fields carry what operators filter by: site, server, deployment, stage. Secrets never get here
// because cores never hold one (see ports/http_client.h on credentials).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace metalmesh {

enum class LogLevel { debug, info, warning, error };
std::string_view to_string(LogLevel level);

struct LogLine {
  LogLevel level = LogLevel::info;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;
  bool operator==(const LogLine&) const = default;
};

/// Where lines go. Implementations are safe to call from any thread.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogLine& line) = 0;
};

}  // namespace metalmesh
