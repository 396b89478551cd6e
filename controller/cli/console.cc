#include "controller/cli/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "common/adapters/system_clock.h"
#include "common/text/visible.h"

namespace metalmesh::cli {
namespace {

/// Zero, or the errno of what went wrong.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno == EPIPE ? 0 : errno;  // nobody reads any more
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
  const bool unreachable = error.kind == ErrorKind::unavailable || error.kind == ErrorKind::timeout;
  return unreachable ? ExitCode::unreachable : ExitCode::refused;
}

void Console::write(std::string_view bytes) {
  if (const int code = write_all(STDOUT_FILENO, bytes); code != 0)
    write_failure_ = std::generic_category().message(code);
}
void Console::print(std::string_view text) { write(visible(text)); }
void Console::complain(std::string_view text) { (void)write_all(STDERR_FILENO, visible(text)); }

ExitCode Console::report(const Error& error) {
  complain(fmt::format("error: {}\n", error.message));
  return exit_code_of(error);
}

bool Console::is_terminal() const {
  const char* kind = std::getenv("TERM");
  return isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

Console::Size Console::size() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

void Console::draw(const std::vector<std::string>& lines) {
  std::string out;
  if (drawn_ > 0) out += fmt::format("\x1b[{}A", drawn_);
  for (const std::string& line : lines) out += "\r" + visible(line) + "\x1b[K\n";
  // A frame that became shorter must not leave its old end.
  out += "\x1b[J";
  drawn_ = lines.size();
  write(out);
}

WallTime Console::now() { return adapters::SystemClock().now().wall(); }

}  // namespace metalmesh::cli
