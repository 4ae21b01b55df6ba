/*
 * Preloaded into a process (LD_PRELOAD), writes down in order what that process changes below one folder, and when it
 * asks the disk to keep it. `disk-log.ts` reads the log; `simulated-disk.ts` makes of it what a power cut may leave.
 *
 *   POWER_CUT_ROOT     real absolute path of the folder
 *   POWER_CUT_LOG      file that records are appended to; not below the folder
 *   POWER_CUT_SYNC_MS  how long a flush takes at least, as on a slow disk: other threads write meanwhile
 *
 * A call and its record are under one lock, so the order of the records is the order in which things happened. A flush is
 * recorded when it begins and when it has returned, and runs outside the lock. What cannot be recorded (shared mappings
 * that may be written, sendfile) leaves a record of type '?', over which the reader fails. Linux with glibc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_FDS 65536

/* Behind it: the first path, the second path, the data. */
struct __attribute__((packed)) record {
  char type;
  uint64_t inode;
  /* Offset of a write, size of a truncation, number of a flush. */
  uint64_t number;
  uint32_t path_length;
  uint32_t other_path_length;
  uint32_t data_length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int log_fd = -1;
static long sync_ms;
static uint64_t sync_count;
static unsigned char is_watched[MOST_FDS];

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("POWER_CUT_ROOT"), *log = getenv("POWER_CUT_LOG"), *ms = getenv("POWER_CUT_SYNC_MS");
  if (!folder || !log || strlen(folder) >= sizeof root) return;
  strcpy(root, folder);
  root_length = strlen(root);
  if (ms) sync_ms = atol(ms);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  log_fd = fcntl(fd, F_DUPFD_CLOEXEC, 900);
  syscall(SYS_close, fd);
}

/* SQLite's index of its log is shared memory that happens to have a name: after a power cut it is made anew. */
static int is_shared_memory(const char *path) {
  size_t length = strlen(path);
  return length >= 4 && strcmp(path + length - 4, "-shm") == 0;
}

static int is_below_root(const char *path) {
  if (log_fd < 0 || strncmp(path, root, root_length) != 0 || is_shared_memory(path)) return 0;
  return path[root_length] == '/' || path[root_length] == 0;
}

/* Whether a call on this path may concern the folder; paths in the program are absolute, others are taken along. */
static int may_concern(const char *path) { return log_fd >= 0 && path && (is_below_root(path) || path[0] != '/'); }

static void append(char type, uint64_t inode, uint64_t number, const char *path, const char *other,
                   const struct iovec *data, int count, size_t length) {
  int saved = errno;
  struct record head = {type, inode, number, path ? strlen(path) : 0, other ? strlen(other) : 0, length};
  struct iovec parts[3 + 1024] = {
      {&head, sizeof head}, {(void *)path, head.path_length}, {(void *)other, head.other_path_length}};
  int used = 3;
  for (int at = 0; at < count && length > 0; at++, used++) {
    parts[used] = data[at];
    if (parts[used].iov_len > length) parts[used].iov_len = length;
    length -= parts[used].iov_len;
  }
  if (syscall(SYS_writev, log_fd, parts, used) < 0) abort();
  errno = saved;
}

static void append_path(char type, const char *path, const char *other) {
  struct stat stats;
  int saved = errno;
  int there = fstatat(AT_FDCWD, other ? other : path, &stats, AT_SYMLINK_NOFOLLOW);
  errno = saved;
  append(type, there == 0 ? stats.st_ino : 0, 0, path, other, NULL, 0, 0);
}

/* The inode behind a descriptor below the folder; 0 for any other. Regular files and folders only. */
static uint64_t watched_inode(int fd) {
  struct stat stats;
  if (fd < 0 || fd >= MOST_FDS || !is_watched[fd]) return 0;
  int saved = errno;
  int failed = fstat(fd, &stats);
  errno = saved;
  return failed == 0 && (S_ISREG(stats.st_mode) || S_ISDIR(stats.st_mode)) ? stats.st_ino : 0;
}

static int open_recorded(int folder, const char *path, int flags, mode_t mode) {
  if (!may_concern(path)) {
    int fd = REAL(openat)(folder, path, flags, mode);
    if (fd >= 0 && fd < MOST_FDS) is_watched[fd] = 0;
    return fd;
  }
  pthread_mutex_lock(&lock);
  struct stat stats;
  int was_there = (flags & O_CREAT) == 0 || fstatat(folder, path, &stats, 0) == 0;
  int fd = REAL(openat)(folder, path, flags, mode);
  if (fd >= 0 && fd < MOST_FDS) {
    char link[32], real[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, real, sizeof real - 1);
    if (length >= 0) real[length] = 0;
    is_watched[fd] = length >= 0 && is_below_root(real);
    uint64_t inode = watched_inode(fd);
    if (inode && !was_there) append('O', inode, 0, real, NULL, NULL, 0, 0);
    if (inode && was_there && (flags & O_TRUNC)) append('T', inode, 0, NULL, NULL, NULL, 0, 0);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(arguments, int) : 0;
}

#define OPEN_WITH(name)                              \
  int name(const char *path, int flags, ...) {       \
    va_list arguments;                               \
    va_start(arguments, flags);                      \
    mode_t mode = mode_of(flags, arguments);         \
    va_end(arguments);                               \
    return open_recorded(AT_FDCWD, path, flags, mode); \
  }
#define OPENAT_WITH(name)                                  \
  int name(int folder, const char *path, int flags, ...) { \
    va_list arguments;                                     \
    va_start(arguments, flags);                            \
    mode_t mode = mode_of(flags, arguments);               \
    va_end(arguments);                                     \
    return open_recorded(folder, path, flags, mode);       \
  }
OPEN_WITH(open)
OPEN_WITH(open64)
/* In libraries that were compiled with _FORTIFY_SOURCE. */
OPEN_WITH(__open_2)
OPEN_WITH(__open64_2)
OPENAT_WITH(openat64)
OPENAT_WITH(__openat_2)
OPENAT_WITH(__openat64_2)
/* `openat` itself is what the others call. */
int openat(int folder, const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_recorded(folder, path, flags, mode);
}
int creat(const char *path, mode_t mode) { return open_recorded(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int fd) {
  /* Before: the number is free for others as soon as it is closed. */
  if (fd >= 0 && fd < MOST_FDS) is_watched[fd] = 0;
  return REAL(close)(fd);
}

/* A write at `offset`, or at the file's own position (-1); what goes to the terminal or the test is a mark. */
#define WRITE_RECORDED(fd, offset, data, count, call)                                  \
  do {                                                                                 \
    if (log_fd < 0 || (fd != 1 && (fd < 0 || fd >= MOST_FDS || !is_watched[fd]))) return call; \
    pthread_mutex_lock(&lock);                                                         \
    uint64_t inode = watched_inode(fd);                                                \
    off_t at = offset >= 0 || !inode ? offset : lseek(fd, 0, SEEK_CUR);                \
    ssize_t written = call;                                                            \
    if (written > 0 && inode) append('W', inode, at, NULL, NULL, data, count, written); \
    else if (written > 0 && fd == 1) append('M', 0, 0, NULL, NULL, data, count, written); \
    pthread_mutex_unlock(&lock);                                                       \
    return written;                                                                    \
  } while (0)

ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec data = {(void *)bytes, length};
  WRITE_RECORDED(fd, (off_t)-1, &data, 1, REAL(write)(fd, bytes, length));
}
ssize_t writev(int fd, const struct iovec *data, int count) {
  WRITE_RECORDED(fd, (off_t)-1, data, count, REAL(writev)(fd, data, count));
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  struct iovec data = {(void *)bytes, length};
  WRITE_RECORDED(fd, offset, &data, 1, REAL(pwrite)(fd, bytes, length, offset));
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return pwrite(fd, bytes, length, offset); }
ssize_t pwritev(int fd, const struct iovec *data, int count, off_t offset) {
  WRITE_RECORDED(fd, offset, data, count, REAL(pwritev)(fd, data, count, offset));
}
ssize_t pwritev64(int fd, const struct iovec *data, int count, off64_t offset) {
  return pwritev(fd, data, count, offset);
}

int ftruncate(int fd, off_t size) {
  pthread_mutex_lock(&lock);
  uint64_t inode = watched_inode(fd);
  int result = REAL(ftruncate)(fd, size);
  if (result == 0 && inode) append('T', inode, size, NULL, NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int sync_recorded(int fd, int (*sync)(int)) {
  pthread_mutex_lock(&lock);
  uint64_t inode = watched_inode(fd);
  uint64_t number = ++sync_count;
  if (inode) append('S', inode, number, NULL, NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  if (!inode) return sync(fd);
  struct timespec pause = {sync_ms / 1000, sync_ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
  int result = sync(fd);
  pthread_mutex_lock(&lock);
  append(result == 0 ? 'E' : 'F', inode, number, NULL, NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  return result;
}
int fsync(int fd) { return sync_recorded(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_recorded(fd, REAL(fdatasync)); }

#define CHANGE_RECORDED(type, path, other, concerned, call)  \
  do {                                                       \
    if (!(concerned)) return call;                           \
    pthread_mutex_lock(&lock);                               \
    int result = call;                                       \
    if (result == 0) append_path(type, path, other);         \
    pthread_mutex_unlock(&lock);                             \
    return result;                                           \
  } while (0)

int mkdir(const char *path, mode_t mode) {
  CHANGE_RECORDED('D', path, NULL, may_concern(path), REAL(mkdir)(path, mode));
}
int rmdir(const char *path) { CHANGE_RECORDED('U', path, NULL, may_concern(path), REAL(rmdir)(path)); }
int unlink(const char *path) { CHANGE_RECORDED('U', path, NULL, may_concern(path), REAL(unlink)(path)); }
int rename(const char *from, const char *to) {
  CHANGE_RECORDED('R', from, to, may_concern(from) || may_concern(to), REAL(rename)(from, to));
}
int link(const char *from, const char *to) {
  CHANGE_RECORDED('L', from, to, may_concern(from) || may_concern(to), REAL(link)(from, to));
}
int symlink(const char *target, const char *path) {
  CHANGE_RECORDED('?', path, NULL, may_concern(path), REAL(symlink)(target, path));
}

/* What has no record of its own. */
static void refuse(int fd, const char *what) {
  pthread_mutex_lock(&lock);
  uint64_t inode = watched_inode(fd);
  if (inode) append('?', inode, 0, what, NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
  if (log_fd >= 0 && (protection & PROT_WRITE) && (flags & MAP_SHARED)) refuse(fd, "mmap");
  return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
  return mmap(address, length, protection, flags, fd, offset);
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  if (log_fd >= 0) refuse(to, "sendfile");
  return syscall(SYS_sendfile, to, from, offset, count);
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  if (log_fd >= 0) refuse(fd, "fallocate");
  return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}
