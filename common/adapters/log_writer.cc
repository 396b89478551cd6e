#include "common/adapters/log_writer.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>

#include "common/base/check.h"
#include "common/text/utf8.h"

namespace metalmesh::adapters {
namespace {

/// Whoever does not read our log must not keep us from ending: as much as surely fits, after a moment at most.
void last_words(std::string_view line) {
  constexpr int patience_ms = 1000;
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, patience_ms) > 0) [[maybe_unused]]
    const auto written = ::write(STDERR_FILENO, line.data(), std::min<std::size_t>(line.size(), PIPE_BUF));
}

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

struct LogWriter::Queue {
  explicit Queue(int target) : fd(::fcntl(target, F_DUPFD_CLOEXEC, 3)) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() { ::close(fd); }

  /// Of the writing thread: until it is told to end and nothing is left.
  void drain();
  /// The oldest lines that one call can write; the mutex is held.
  std::string take(std::uint64_t& lines);
  /// Waits for a reader as long as it takes; false when nobody can read any more.
  bool put(std::string_view text);

  const int fd;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> records;
  std::size_t bytes = 0;
  std::uint64_t dropped = 0;
  std::uint64_t untold = 0;  // of the dropped
  std::uint64_t written = 0;
  bool ending = false;
  bool ended = false;
};

void LogWriter::Queue::drain() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return ending || !records.empty(); });
    if (records.empty()) break;
    std::uint64_t lines = 0;
    const std::string taken = take(lines);
    lock.unlock();
    const bool readable = put(taken);
    lock.lock();
    bytes -= taken.size();
    written += lines;
    if (!readable) dropped += lines;
    changed.notify_all();
  }
  ended = true;
  changed.notify_all();
}

/// No more than a pipe takes at once, so that nobody else who writes to it gets between two halves of a line.
std::string LogWriter::Queue::take(std::uint64_t& lines) {
  std::string taken = std::move(records.front());
  records.pop_front();
  for (lines = 1; !records.empty() && taken.size() + records.front().size() <= PIPE_BUF; ++lines) {
    taken += records.front();
    records.pop_front();
  }
  return taken;
}

bool LogWriter::Queue::put(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd wait{fd, POLLOUT, 0};
      ::poll(&wait, 1, -1);
      continue;
    }
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

LogWriter::LogWriter(Clock& clock, LogFormat format, LogLevel least, int fd)
    : clock_(clock), format_(format), least_(least), queue_(std::make_shared<Queue>(fd)) {
  say_last_words_by(last_words);
  // Signals are for the threads that wait for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([queue = queue_] { queue->drain(); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LogWriter::~LogWriter() {
  constexpr auto patience = std::chrono::seconds(1);
  std::unique_lock lock(queue_->mutex);
  queue_->ending = true;
  queue_->changed.notify_all();
  // As long as somebody reads; whoever does not read keeps nobody from ending.
  for (std::uint64_t before = queue_->written; !queue_->ended; before = queue_->written) {
    const bool moves =
        queue_->changed.wait_for(lock, patience, [&] { return queue_->ended || queue_->written != before; });
    if (!moves) return;
  }
}

void LogWriter::write(const LogLine& line) {
  if (line.level < least_) return;
  const WallTime now = clock_.now().wall();
  std::string record = format_line(line, format_, now);
  const std::lock_guard lock(queue_->mutex);
  const auto fits = [&](const std::string& text) { return queue_->bytes + text.size() <= most_queued_bytes; };
  const auto push = [&](std::string text) {
    queue_->bytes += text.size();
    queue_->records.push_back(std::move(text));
  };
  if (!fits(record)) {
    ++queue_->dropped;
    ++queue_->untold;
    return;
  }
  if (queue_->untold > 0) {
    const LogLine told{LogLevel::warning,
                       "log lines were dropped here: nobody read them in time",
                       {{"lines", std::to_string(queue_->untold)}}};
    queue_->untold = 0;
    push(format_line(told, format_, now));
  }
  push(std::move(record));
  queue_->changed.notify_all();
}

std::uint64_t LogWriter::dropped() const {
  const std::lock_guard lock(queue_->mutex);
  return queue_->dropped;
}

}  // namespace metalmesh::adapters
