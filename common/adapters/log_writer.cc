#include "common/adapters/log_writer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/utf8.h"

namespace metalmesh::adapters {
namespace {

enum class Quotes { escaped, kept };

/// The inside of a JSON string. Bytes that are not UTF-8 become U+FFFD, so that collectors take the line.
std::string json_escape(std::string_view text, Quotes quotes = Quotes::escaped) {
  std::string out;
  out.reserve(text.size() + 2);
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      switch (byte) {
        case '"':
          out += quotes == Quotes::kept ? "\"" : "\\\"";
          break;
        case '\\':
          out += quotes == Quotes::kept ? "\\" : "\\\\";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        default:
          if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\u{:04x}", byte);
          } else {
            out += text[i];
          }
      }
      ++i;
      continue;
    }
    const std::size_t length = utf8_length(text.substr(i));
    out += length == 0 ? "\\ufffd" : text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  return out;
}

/// A value people can read and grep: quoted only when a blank or a quote would make it ambiguous.
std::string text_value(std::string_view value) {
  const bool plain = !value.empty() && std::ranges::all_of(value, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != '"' && c != '=' && c != '\\' && c != 0x7f;
  });
  return plain ? std::string(value) : fmt::format("\"{}\"", json_escape(value));
}

}  // namespace

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::text;
  if (text == "json") return LogFormat::json;
  return fail(ErrorKind::invalid, fmt::format("log format \"{}\": expected text or json", text));
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (text == to_string(level)) return level;
  }
  return fail(ErrorKind::invalid,
              fmt::format("log level \"{}\": expected debug, info, warning or error", text));
}

std::string rfc3339(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds.count())),
                     millis);
}

std::string format_line(const LogLine& line, LogFormat format, WallTime time) {
  if (format == LogFormat::json) {
    std::string out = fmt::format(R"({{"time":"{}","level":"{}","message":"{}")", rfc3339(time),
                                  to_string(line.level), json_escape(line.message));
    for (const auto& [name, value] : line.fields) {
      out += fmt::format(R"(,"{}":"{}")", json_escape(name), json_escape(value));
    }
    return out += "}\n";
  }
  std::string out = fmt::format("{} {:<7} {}", rfc3339(time), to_string(line.level),
                                json_escape(line.message, Quotes::kept));
  for (const auto& [name, value] : line.fields) out += fmt::format(" {}={}", name, text_value(value));
  return out += '\n';
}

LogWriter::LogWriter(Clock& clock, LogFormat format, LogLevel least, int fd)
    : clock_(clock), format_(format), least_(least), fd_(fd) {}

void LogWriter::write(const LogLine& line) {
  if (line.level < least_) return;
  const std::string record = format_line(line, format_, clock_.now().wall());
  const std::lock_guard lock(mutex_);
  std::string_view rest = record;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace metalmesh::adapters
