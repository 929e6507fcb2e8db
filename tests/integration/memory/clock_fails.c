/* The machine's clock, failing once: in the thread that has just read from the upstream at port CLOCK_FAILS_AT.
 *
 * Preloaded into the broker by the test beside it. The first to ask for the time then is the TLS library, which is to judge
 * the upstream's certificate; Rust's standard library panics on a clock that fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static __thread int read_from_upstream;
static int has_failed;

ssize_t recv(int socket, void *buffer, size_t length, int flags) {
  ssize_t (*next)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
  ssize_t got = next(socket, buffer, length, flags);
  int error = errno;
  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  const char *port = getenv("CLOCK_FAILS_AT");
  read_from_upstream = got > 0 && port && getpeername(socket, (struct sockaddr *)&peer, &size) == 0 &&
                       peer.sin_family == AF_INET && ntohs(peer.sin_port) == atoi(port);
  errno = error;
  return got;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (clock == CLOCK_REALTIME && read_from_upstream && !__atomic_exchange_n(&has_failed, 1, __ATOMIC_SEQ_CST)) {
    errno = EINVAL;
    return -1;
  }
  return (int)syscall(SYS_clock_gettime, clock, time);
}
