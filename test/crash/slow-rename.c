/*
 * Preloaded into the process under test: renames under one folder take a while, so that a kill hits the moment in
 * which ClickHouse has written a deduplication token and not yet renamed the part into place.
 * SLOW_RENAME_UNDER: folder; SLOW_RENAME_US: microseconds; SLOW_RENAME_COUNT: a file that grows by a byte each time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void slow(const char *path) {
  const char *folder = getenv("SLOW_RENAME_UNDER");
  const char *delay = getenv("SLOW_RENAME_US");
  const char *count = getenv("SLOW_RENAME_COUNT");
  if (!folder || !delay || !path || !strstr(path, folder)) return;
  if (count) {
    int fd = open(count, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
      if (write(fd, ".", 1) < 0) abort();
      close(fd);
    }
  }
  usleep((useconds_t)atoi(delay));
}

int rename(const char *from, const char *to) {
  int (*next)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
  slow(to);
  return next(from, to);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
  int (*next)(int, const char *, int, const char *) = dlsym(RTLD_NEXT, "renameat");
  slow(to);
  return next(from_dir, from, to_dir, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
  int (*next)(int, const char *, int, const char *, unsigned) = dlsym(RTLD_NEXT, "renameat2");
  slow(to);
  return next(from_dir, from, to_dir, to, flags);
}
