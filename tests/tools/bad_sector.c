// LD_PRELOAD shim: a stretch of a file whose disk takes its time and may then fail, while all that is in memory is
// had at once. As a disk would, it hides from whoever only asks for what is in memory.
//
//   BAD_FILE=suffix       of the file's path
//   BAD_CONTROL=path      while this file exists: "<from> <to> <milliseconds> <errno>", errno 0: it succeeds at last
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct bad {
  long long from, to;
  int milliseconds, code;
};

enum { most_maps = 64 };
static struct {
  char* address;
  size_t length;
} maps[most_maps];
static int mapped;

static int is_ours(int fd) {
  const char* suffix = getenv("BAD_FILE");
  char link[64], path[4096];
  if (suffix == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  const size_t n = strlen(suffix);
  return length > 0 && (size_t)length >= n && strncmp(path + length - n, suffix, n) == 0;
}

static int read_control(struct bad* bad) {
  const char* control = getenv("BAD_CONTROL");
  FILE* file = control == NULL ? NULL : fopen(control, "re");
  if (file == NULL) return 0;
  const int fields = fscanf(file, "%lld %lld %d %d", &bad->from, &bad->to, &bad->milliseconds, &bad->code);
  fclose(file);
  return fields == 4;
}

static void wait_for_the_disk(const struct bad* bad) {
  const struct timespec time = {bad->milliseconds / 1000, (bad->milliseconds % 1000) * 1000000L};
  nanosleep(&time, NULL);
}

/// What of `length` bytes from `offset` on the disk gives: all, those before the stretch, or none (-1).
static ssize_t allowed(const struct bad* bad, long long offset, size_t length) {
  if (offset >= bad->to || offset + (long long)length <= bad->from) return (ssize_t)length;
  return offset < bad->from ? (ssize_t)(bad->from - offset) : -1;
}

ssize_t pread(int fd, void* into, size_t length, off_t offset) {
  static ssize_t (*real)(int, void*, size_t, off_t);
  if (real == NULL) real = (ssize_t (*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread");
  struct bad bad;
  if (!is_ours(fd) || !read_control(&bad)) return real(fd, into, length, offset);
  const ssize_t gives = allowed(&bad, offset, length);
  if (gives > 0) return real(fd, into, (size_t)gives, offset);
  wait_for_the_disk(&bad);
  if (bad.code == 0) return real(fd, into, length, offset);
  errno = bad.code;
  return -1;
}
ssize_t pread64(int fd, void* into, size_t length, off_t offset) { return pread(fd, into, length, offset); }

ssize_t preadv2(int fd, const struct iovec* to, int count, off_t offset, int flags) {
  static ssize_t (*real)(int, const struct iovec*, int, off_t, int);
  if (real == NULL) real = (ssize_t (*)(int, const struct iovec*, int, off_t, int))dlsym(RTLD_NEXT, "preadv2");
  struct bad bad;
  if (count != 1 || !is_ours(fd) || !read_control(&bad)) return real(fd, to, count, offset, flags);
  const ssize_t gives = allowed(&bad, offset, to->iov_len);
  if (gives < 0) {
    errno = EAGAIN;
    return -1;
  }
  const struct iovec part = {to->iov_base, (size_t)gives};
  return real(fd, &part, 1, offset, flags);
}
ssize_t preadv64v2(int fd, const struct iovec* to, int count, off_t offset, int flags) {
  return preadv2(fd, to, count, offset, flags);
}

ssize_t sendfile(int out, int in, off_t* offset, size_t length) {
  static ssize_t (*real)(int, int, off_t*, size_t);
  if (real == NULL) real = (ssize_t (*)(int, int, off_t*, size_t))dlsym(RTLD_NEXT, "sendfile");
  struct bad bad;
  if (offset == NULL || !is_ours(in) || !read_control(&bad)) return real(out, in, offset, length);
  const ssize_t gives = allowed(&bad, *offset, length);
  if (gives > 0) return real(out, in, offset, (size_t)gives);
  wait_for_the_disk(&bad);
  if (bad.code == 0) return real(out, in, offset, length);
  errno = bad.code;
  return -1;
}
ssize_t sendfile64(int out, int in, off_t* offset, size_t length) { return sendfile(out, in, offset, length); }

void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  static void* (*real)(void*, size_t, int, int, int, off_t);
  if (real == NULL) real = (void* (*)(void*, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
  void* where = real(address, length, protection, flags, fd, offset);
  if (where != MAP_FAILED && fd >= 0 && offset == 0 && mapped < most_maps && is_ours(fd)) {
    maps[mapped].address = where;
    maps[mapped++].length = length;
  }
  return where;
}
void* mmap64(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap(address, length, protection, flags, fd, offset);
}

int mincore(void* address, size_t length, unsigned char* pages) {
  static int (*real)(void*, size_t, unsigned char*);
  if (real == NULL) real = (int (*)(void*, size_t, unsigned char*))dlsym(RTLD_NEXT, "mincore");
  const int result = real(address, length, pages);
  struct bad bad;
  if (result != 0 || !read_control(&bad)) return result;
  for (int i = 0; i < mapped; ++i) {
    char* const base = maps[i].address;
    if ((char*)address < base || (char*)address >= base + maps[i].length) continue;
    const long long begin = (char*)address - base;
    for (size_t at = 0; at < length; at += 4096)
      if (allowed(&bad, begin + (long long)at, 4096) != 4096) pages[at / 4096] = 0;
  }
  return result;
}
