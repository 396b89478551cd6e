// LD_PRELOAD shim: kills its process around the n-th synced write of a database log, so that a test can
// stop a node at every commit without asking the node for help.
//
//   KILL_AT_SYNC=n        the n-th fdatasync/fsync of a matching file (1 = the first)
//   KILL_WHEN=before|after
//   KILL_MATCH=suffix     of the file's path, e.g. ".log" (RocksDB) or "-wal" (SQLite)
//   KILL_ARM_FILE=path    counting starts only while this file exists
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int count;

static int matches(int fd) {
  const char* suffix = getenv("KILL_MATCH");
  const char* arm = getenv("KILL_ARM_FILE");
  if (suffix == NULL || getenv("KILL_AT_SYNC") == NULL) return 0;
  if (arm != NULL && access(arm, F_OK) != 0) return 0;
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  const size_t n = strlen(suffix);
  return (size_t)length >= n && strcmp(path + length - n, suffix) == 0;
}

static int sync_with(const char* name, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (!matches(fd)) return real(fd);
  const int now = atomic_fetch_add(&count, 1) + 1;
  const int due = now == atoi(getenv("KILL_AT_SYNC"));
  const char* when = getenv("KILL_WHEN");
  const int after = when != NULL && strcmp(when, "after") == 0;
  if (due && !after) kill(getpid(), SIGKILL);
  const int result = real(fd);
  if (due && after) kill(getpid(), SIGKILL);
  return result;
}

int fdatasync(int fd) { return sync_with("fdatasync", fd); }
int fsync(int fd) { return sync_with("fsync", fd); }
