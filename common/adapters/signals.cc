#include "common/adapters/signals.h"

#include <pthread.h>
#include <unistd.h>

namespace metalmesh::adapters {

Signals::Signals(std::initializer_list<int> more) {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, turn_ended_signal}) sigaddset(&set_, signal);
  for (const int signal : more) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int Signals::wait() const {
  int signal = 0;
  while (sigwait(&set_, &signal) != 0) {
  }
  return signal;
}

void Signals::turn_ended() { kill(getpid(), turn_ended_signal); }

}  // namespace metalmesh::adapters
