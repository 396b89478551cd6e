// LD_PRELOAD shim: a file system whose server is gone. Whoever opens a path that begins with $DEAD_PATH waits
// for ever, as with a hard NFS mount; ending the process works, as it does there.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static void hang_if_dead(const char* path) {
  const char* dead = getenv("DEAD_PATH");
  if (dead == NULL || path == NULL || strncmp(path, dead, strlen(dead)) != 0) return;
  for (;;) pause();
}

#define OPEN(name)                                                                  \
  int name(const char* path, int flags, ...) {                                      \
    va_list more;                                                                   \
    va_start(more, flags);                                                          \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                                   \
    hang_if_dead(path);                                                             \
    int (*real)(const char*, int, ...) = dlsym(RTLD_NEXT, #name);                   \
    return real(path, flags, mode);                                                 \
  }
OPEN(open)
OPEN(open64)
