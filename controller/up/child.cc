#include "controller/up/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/os/files.h"

namespace metalmesh::up {
namespace {

/// Between fork and exec only calls that are safe after a fork; what fails is told through `report`.
[[noreturn]] void become(char* const* arguments, int log, int nothing, int report, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  const bool ready = setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
                     dup2(nothing, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
                     dup2(log, STDERR_FILENO) >= 0;
  // The parent may have died before the prctl: nobody would end us then.
  if (ready && getppid() == parent) execv(arguments[0], arguments);
  const int error = errno;
  (void)!write(report, &error, sizeof error);
  _exit(127);
}

std::string how(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return fmt::format("killed by signal {} ({})", number, strsignal(number));
  }
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace

Result<Child> Child::start(const Command& command) {
  const auto failed = [&](std::string_view what) {
    return fail(ErrorKind::internal,
                fmt::format("starting {}: {}: {}", command.program.string(), what, os::errno_text(errno)));
  };
  const os::Fd log(::open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!log) return failed(command.log.string());
  const os::Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> ends{-1, -1};
  if (!nothing || ::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("preparing");
  const os::Fd hear(ends[0]);
  os::Fd report(ends[1]);

  std::vector<std::string> words = {command.program.string()};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return failed("fork");
  if (pid == 0) become(arguments.data(), log.get(), nothing.get(), report.get(), parent);
  report = os::Fd();
  // The pipe closes at exec; what comes before is why there was none.
  int error = 0;
  if (::read(hear.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    ::waitpid(pid, nullptr, 0);
    errno = error;
    return failed("exec");
  }
  return Child(pid);
}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::optional<std::string> Child::ended() {
  int status = 0;
  if (pid_ < 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return how(status);
}

}  // namespace metalmesh::up
