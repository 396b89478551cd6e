// OpenSSL and libcurl write to sockets without MSG_NOSIGNAL: on the threads that use them a closed peer
// must be an error code, not a signal that ends the process.
#pragma once

#include <pthread.h>

#include <csignal>

namespace metalmesh::media {

inline void block_pipe_signal() {
  sigset_t pipe_only;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_only, nullptr);
}

}  // namespace metalmesh::media
