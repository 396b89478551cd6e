#include <signal.h>

#include <string>
#include <vector>

#include "controller/cli/command_line.h"

int main(int argc, char** argv) {
  // A closed pipe (| head) ends the output, not the command.
  signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return static_cast<int>(metalmesh::cli::run(arguments, MM_VERSION));
}
