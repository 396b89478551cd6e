#include "agents/app/credential_command.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>

#include "agents/app/agent_config.h"
#include "common/adapters/credential_file.h"
#include "common/os/files.h"

namespace metalmesh::agent {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int misconfigured = 2;
constexpr std::size_t password_limit = 4096;

int report(const std::string& what, const Error& error, int exit_code) {
  std::cerr << "metalmesh-agent: " << what << ": " << error.message << '\n';
  return exit_code;
}

/// Typed characters stay invisible while this lives.
class QuietTerminal {
 public:
  QuietTerminal() : active_(tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (active_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~QuietTerminal() {
    if (active_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

 private:
  termios before_{};
  bool active_;
};

Result<Secret> read_line(const char* prompt) {
  std::string line;
  if (isatty(STDIN_FILENO) != 0) {
    std::cerr << prompt << std::flush;
    const QuietTerminal quiet;
    std::getline(std::cin, line);
    std::cerr << '\n';
  } else {
    std::getline(std::cin, line);
  }
  if (line.empty()) return fail(ErrorKind::invalid, "no password was given");
  if (line.size() > password_limit) return fail(ErrorKind::invalid, "the password is too long");
  return Secret(std::move(line));
}

Result<Secret> ask_password(const AgentOptions& options) {
  if (!options.password_file.empty()) {
    auto content = os::read_file(options.password_file, password_limit);
    if (!content) return std::unexpected(std::move(content.error()));
    content->resize(std::min(content->size(), content->find('\n')));
    if (content->empty())
      return fail(ErrorKind::invalid, options.password_file.string() + " has no first line");
    return Secret(std::move(*content));
  }
  auto password = read_line("Password: ");
  if (!password || isatty(STDIN_FILENO) == 0) return password;
  const auto again = read_line("Once more: ");
  if (!again || again->reveal() != password->reveal()) return fail(ErrorKind::invalid, "the two differ");
  return password;
}

/// Takes the names out of the one thing the file tells its node.
class NameSink final : public Sink {
 public:
  void deliver(Input input) override {
    if (auto* change = std::get_if<CredentialsChanged>(&input)) names = std::move(*change);
  }
  CredentialsChanged names;
};

}  // namespace

int set_credential_command(const AgentOptions& options, LogSink&) {
  const auto path = load_credentials_path(options);
  if (!path) return report("configuration refused", path.error(), misconfigured);
  const auto password = ask_password(options);
  if (!password) return report("credential not set", password.error(), misconfigured);
  if (const auto set = adapters::set_credential(*path, options.credential, options.username, *password);
      !set) {
    return report("credential not set", set.error(), failed);
  }
  std::cout << "credential " << options.credential << " set in " << *path
            << "; a running agent takes it up, and jobs held for it go on\n";
  return done;
}

int release_credential_command(const AgentOptions& options, LogSink&) {
  const auto path = load_credentials_path(options);
  if (!path) return report("configuration refused", path.error(), misconfigured);
  if (const auto released = adapters::release_credential(*path, options.credential); !released)
    return report("credential not released", released.error(), failed);
  std::cout << "credential " << options.credential
            << " released; a running agent tries it again, and jobs held for it go on\n";
  return done;
}

int list_credentials_command(const AgentOptions& options, LogSink& log) {
  const auto path = load_credentials_path(options);
  if (!path) return report("configuration refused", path.error(), misconfigured);
  NameSink sink;
  const auto file = adapters::CredentialFile::open(*path, log);
  if (!file) return report("cannot read the credentials", file.error(), failed);
  (*file)->watch(sink);
  for (const auto& entry : sink.names.credentials) {
    const auto value = (*file)->lookup(entry.name);
    std::cout << entry.name << '\t' << (value ? value->first : std::string()) << '\n';
  }
  return done;
}

}  // namespace metalmesh::agent
