// LD_PRELOAD shim: shifts the wall clock of a process while its monotone clocks and timers run on, as a clock
// does that is set.
//
//   CLOCK_SHIFT_FILE=path   a file of eight bytes: the shift in nanoseconds, a native integer; read at every
//   look
//
// Deadlines on the wall clock that a caller hands to the C library are shifted back, so that waits last as
// long as they should.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { second = 1000000000 };
static const time_t oldest_wall = 300000000;  // what is earlier (1979) is no wall clock; ten years back is

static int64_t shift(void) {
  static _Atomic(const volatile int64_t*) mapped;
  const volatile int64_t* value = atomic_load(&mapped);
  if (value == NULL) {
    const char* path = getenv("CLOCK_SHIFT_FILE");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    void* page = mmap(NULL, sizeof *value, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED) return 0;
    value = page;
    atomic_store(&mapped, value);
  }
  return *value;
}

static void move(struct timespec* at, int64_t by) {
  int64_t nanos = at->tv_nsec + by % second;
  at->tv_sec += by / second;
  if (nanos < 0) nanos += second, --at->tv_sec;
  if (nanos >= second) nanos -= second, ++at->tv_sec;
  at->tv_nsec = nanos;
}

int clock_gettime(clockid_t id, struct timespec* at) {
  const long result = syscall(SYS_clock_gettime, id, at);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) move(at, shift());
  return (int)result;
}

int gettimeofday(struct timeval* restrict at, void* restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at != NULL) *at = now.tv_sec;
  return now.tv_sec;
}

static struct timespec unshifted(const struct timespec* deadline) {
  struct timespec real = *deadline;
  if (real.tv_sec >= oldest_wall) move(&real, -shift());
  return real;
}

int sem_timedwait(sem_t* restrict sem, const struct timespec* restrict deadline) {
  static int (*real)(sem_t*, const struct timespec*);
  if (real == NULL) real = (int (*)(sem_t*, const struct timespec*))dlsym(RTLD_NEXT, "sem_timedwait");
  const struct timespec at = unshifted(deadline);
  return real(sem, &at);
}

int pthread_cond_timedwait(pthread_cond_t* restrict cond, pthread_mutex_t* restrict mutex,
                           const struct timespec* restrict deadline) {
  static int (*real)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);
  if (real == NULL)
    real = (int (*)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*))dlvsym(
        RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (real == NULL)
    real = (int (*)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*))dlsym(
        RTLD_NEXT, "pthread_cond_timedwait");
  const struct timespec at = unshifted(deadline);
  return real(cond, mutex, &at);
}
