// SPDX-License-Identifier: MIT
// Makes the n-th call of a kind fail, for a program that is started with LD_PRELOAD on this library (glibc).
//
//     CHG_FAULT_CALL    a name of kKinds below; without it calls are counted and nothing fails
//     CHG_FAULT_N       which call of that kind, from 1; calls before main() are not counted unless CHG_FAULT_EARLY is set
//     CHG_FAULT_EVER    set: all later calls of that kind fail too
//     CHG_FAULT_HOW     a number: the call fails with this errno. short: half of a read or write. kill-before, kill-after: SIGKILL.
//                       term: SIGTERM, and the call is made
//     CHG_FAULT_REPORT  a file that holds, in the order of kKinds and then for the calls that were struck, a count each (uint64)
//     CHG_FAULT_TRACE   a file that gets the stack of the first call that was struck, and that of an abort() after it
//
// Only calls from the program and its libraries are seen: those that libc makes for itself are not.
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace {

enum Kind {
  allocate,
  open_file,
  read_file,
  write_file,
  out,
  err,
  sync_file,
  rename_file,
  link_file,
  make_folder,
  remove_file,
  map_file,
  lock_file,
  close_file,
  look,
  truncate_file,
  list_folder,
  change_mode,
  random_bytes,
  start_thread,
  kinds
};
constexpr char const* kKinds[kinds] = {"malloc", "open",     "read",  "write",  "stdout", "stderr", "fsync",
                                       "rename", "link",     "mkdir", "unlink", "mmap",   "lock",   "close",
                                       "stat",   "truncate", "list",  "chmod",  "random", "thread"};

enum class How { error, shorter, kill_before, kill_after, terminate };

std::atomic<bool> counting = false;
std::atomic<std::uint64_t> counts_without_report[kinds + 1];
std::atomic<std::uint64_t>* counts = counts_without_report;
int struck_kind = -1, error_number = EIO, trace = -1;
std::uint64_t struck_call = 0;
bool ever = false;
How how = How::error;

[[noreturn]] void die() {
  ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
  for (;;) ::pause();
}

/// Counts a call, and tells whether it is one to strike.
bool strikes(Kind kind) {
  if (!counting.load(std::memory_order_relaxed)) return false;
  auto const n = ++counts[kind];
  if (kind != struck_kind || n < struck_call || (n > struck_call && !ever)) return false;
  if (counts[kinds]++ == 0 && trace >= 0) {
    counting = false;
    void* frames[48];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, 48), trace);
    counting = true;
  }
  return true;
}

template <class Result, class Call>
Result faulty(Kind kind, Result const& failure, Call const& call) {
  if (!strikes(kind)) return call();
  switch (how) {
    case How::kill_before: die();
    case How::kill_after: call(), die();
    case How::terminate: ::raise(SIGTERM); return call();
    case How::shorter: return call();
    case How::error: break;
  }
  errno = error_number;
  return failure;
}

/// What the call would have reached. dlsym allocates nothing when it finds a name.
template <class Function>
Function* following(std::atomic<void*>& known, char const* name) {
  auto* found = known.load(std::memory_order_relaxed);
  if (found == nullptr) known = found = ::dlsym(RTLD_NEXT, name);
  return reinterpret_cast<Function*>(found);
}

/// A read or write that a fault may make shorter; half of one byte is one byte.
template <class Call>
ssize_t transfer(Kind kind, std::size_t size, Call const& call) {
  if (how != How::shorter) return faulty<ssize_t>(kind, -1, [&] { return call(size); });
  return call(strikes(kind) ? (size + 1) / 2 : size);
}

Kind kind_of(int file, Kind otherwise) { return file == 1 ? out : file == 2 ? err : otherwise; }
Kind kind_of(FILE* stream) { return kind_of(::fileno(stream), write_file); }

bool locks(int command) { return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW; }

}  // namespace

// A definition under the name of a function of libc, whose declaration it does not repeat: that has noexcept in some versions.
#define CHG_UNDER_NAME(type, name, parameters)                                                 \
  extern "C" __attribute__((visibility("default"))) type chg_##name parameters __asm__(#name); \
  static std::atomic<void*> next_##name;                                                       \
  extern "C" type chg_##name parameters
#define CHG_NEXT(name) following<decltype(chg_##name)>(next_##name, #name)
#define CHG_FAULTY(kind, type, failure, name, parameters, arguments)              \
  CHG_UNDER_NAME(type, name, parameters) {                                        \
    return faulty<type>(kind, failure, [&] { return CHG_NEXT(name) arguments; }); \
  }

CHG_FAULTY(allocate, void*, nullptr, malloc, (std::size_t size), (size))
CHG_FAULTY(allocate, void*, nullptr, calloc, (std::size_t n, std::size_t size), (n, size))
CHG_FAULTY(allocate, void*, nullptr, realloc, (void* old, std::size_t size), (old, size))
CHG_FAULTY(allocate, void*, nullptr, aligned_alloc, (std::size_t alignment, std::size_t size), (alignment, size))
CHG_FAULTY(allocate, void*, nullptr, memalign, (std::size_t alignment, std::size_t size), (alignment, size))
CHG_FAULTY(allocate, int, error_number, posix_memalign, (void** found, std::size_t alignment, std::size_t size),
           (found, alignment, size))

CHG_FAULTY(open_file, int, -1, open, (char const* path, int flags, mode_t mode), (path, flags, mode))
CHG_FAULTY(open_file, int, -1, open64, (char const* path, int flags, mode_t mode), (path, flags, mode))
CHG_FAULTY(open_file, int, -1, openat, (int folder, char const* path, int flags, mode_t mode), (folder, path, flags, mode))
CHG_FAULTY(open_file, int, -1, openat64, (int folder, char const* path, int flags, mode_t mode), (folder, path, flags, mode))
CHG_FAULTY(open_file, int, -1, creat, (char const* path, mode_t mode), (path, mode))
CHG_FAULTY(open_file, int, -1, mkstemp, (char* pattern), (pattern))
CHG_FAULTY(open_file, int, -1, mkstemp64, (char* pattern), (pattern))
CHG_FAULTY(open_file, int, -1, mkostemp, (char* pattern, int flags), (pattern, flags))
CHG_FAULTY(open_file, int, -1, mkostemp64, (char* pattern, int flags), (pattern, flags))
CHG_FAULTY(open_file, FILE*, nullptr, fopen, (char const* path, char const* mode), (path, mode))
CHG_FAULTY(open_file, FILE*, nullptr, fopen64, (char const* path, char const* mode), (path, mode))
CHG_FAULTY(open_file, FILE*, nullptr, fdopen, (int file, char const* mode), (file, mode))

CHG_UNDER_NAME(ssize_t, read, (int file, void* bytes, std::size_t size)) {
  return transfer(read_file, size, [&](std::size_t some) { return CHG_NEXT(read)(file, bytes, some); });
}
CHG_UNDER_NAME(ssize_t, pread, (int file, void* bytes, std::size_t size, off_t from)) {
  return transfer(read_file, size, [&](std::size_t some) { return CHG_NEXT(pread)(file, bytes, some, from); });
}
CHG_UNDER_NAME(ssize_t, pread64, (int file, void* bytes, std::size_t size, off64_t from)) {
  return transfer(read_file, size, [&](std::size_t some) { return CHG_NEXT(pread64)(file, bytes, some, from); });
}
CHG_UNDER_NAME(ssize_t, write, (int file, void const* bytes, std::size_t size)) {
  return transfer(kind_of(file, write_file), size, [&](std::size_t some) { return CHG_NEXT(write)(file, bytes, some); });
}
CHG_UNDER_NAME(ssize_t, pwrite, (int file, void const* bytes, std::size_t size, off_t to)) {
  return transfer(write_file, size, [&](std::size_t some) { return CHG_NEXT(pwrite)(file, bytes, some, to); });
}
CHG_UNDER_NAME(ssize_t, pwrite64, (int file, void const* bytes, std::size_t size, off64_t to)) {
  return transfer(write_file, size, [&](std::size_t some) { return CHG_NEXT(pwrite64)(file, bytes, some, to); });
}
CHG_UNDER_NAME(ssize_t, writev, (int file, ::iovec const* parts, int n)) {  // shorter: the first half of the parts
  auto const some = [&](std::size_t first) { return CHG_NEXT(writev)(file, parts, static_cast<int>(first)); };
  return transfer(kind_of(file, write_file), static_cast<std::size_t>(n), some);
}
CHG_FAULTY(kind_of(stream), std::size_t, 0, fwrite, (void const* bytes, std::size_t size, std::size_t n, FILE* stream),
           (bytes, size, n, stream))
CHG_FAULTY(kind_of(stream), int, EOF, fputs, (char const* text, FILE* stream), (text, stream))
CHG_FAULTY(kind_of(stream), int, EOF, fputc, (int c, FILE* stream), (c, stream))
CHG_FAULTY(stream == nullptr ? out : kind_of(stream), int, EOF, fflush, (FILE * stream), (stream))

CHG_FAULTY(sync_file, int, -1, fsync, (int file), (file))
CHG_FAULTY(sync_file, int, -1, fdatasync, (int file), (file))
CHG_FAULTY(sync_file, int, -1, syncfs, (int file), (file))

CHG_FAULTY(rename_file, int, -1, rename, (char const* from, char const* to), (from, to))
CHG_FAULTY(rename_file, int, -1, renameat, (int a, char const* from, int b, char const* to), (a, from, b, to))
CHG_FAULTY(rename_file, int, -1, renameat2, (int a, char const* from, int b, char const* to, unsigned flags),
           (a, from, b, to, flags))
CHG_FAULTY(link_file, int, -1, link, (char const* from, char const* to), (from, to))
CHG_FAULTY(link_file, int, -1, linkat, (int a, char const* from, int b, char const* to, int flags), (a, from, b, to, flags))
CHG_FAULTY(link_file, int, -1, symlink, (char const* from, char const* to), (from, to))
CHG_FAULTY(make_folder, int, -1, mkdir, (char const* path, mode_t mode), (path, mode))
CHG_FAULTY(make_folder, int, -1, mkdirat, (int folder, char const* path, mode_t mode), (folder, path, mode))
CHG_FAULTY(make_folder, char*, nullptr, mkdtemp, (char* pattern), (pattern))
CHG_FAULTY(remove_file, int, -1, unlink, (char const* path), (path))
CHG_FAULTY(remove_file, int, -1, unlinkat, (int folder, char const* path, int flags), (folder, path, flags))
CHG_FAULTY(remove_file, int, -1, rmdir, (char const* path), (path))
CHG_FAULTY(remove_file, int, -1, remove, (char const* path), (path))

CHG_FAULTY(map_file, void*, MAP_FAILED, mmap, (void* at, std::size_t size, int may, int flags, int file, off_t from),
           (at, size, may, flags, file, from))
CHG_FAULTY(map_file, void*, MAP_FAILED, mmap64, (void* at, std::size_t size, int may, int flags, int file, off64_t from),
           (at, size, may, flags, file, from))
CHG_UNDER_NAME(int, fcntl, (int file, int command, long argument)) {
  auto const call = [&] { return CHG_NEXT(fcntl)(file, command, argument); };
  return locks(command) ? faulty(lock_file, -1, call) : call();
}
CHG_UNDER_NAME(int, fcntl64, (int file, int command, long argument)) {
  auto const call = [&] { return CHG_NEXT(fcntl64)(file, command, argument); };
  return locks(command) ? faulty(lock_file, -1, call) : call();
}
CHG_FAULTY(lock_file, int, -1, flock, (int file, int what), (file, what))

/// A close that fails has closed all the same.
template <class Call>
static int closing(Call const& call) {
  auto const result = faulty<int>(close_file, -2, call);
  if (result != -2) return result;
  call();
  errno = error_number;
  return -1;
}
CHG_UNDER_NAME(int, close, (int file)) {
  return closing([&] { return CHG_NEXT(close)(file); });
}
CHG_UNDER_NAME(int, fclose, (FILE * stream)) {
  return closing([&] { return CHG_NEXT(fclose)(stream); });
}

CHG_FAULTY(look, int, -1, stat, (char const* path, struct ::stat* found), (path, found))
CHG_FAULTY(look, int, -1, lstat, (char const* path, struct ::stat* found), (path, found))
CHG_FAULTY(look, int, -1, fstat, (int file, struct ::stat* found), (file, found))
CHG_FAULTY(look, int, -1, fstatat, (int folder, char const* path, struct ::stat* found, int flags), (folder, path, found, flags))
CHG_FAULTY(look, int, -1, stat64, (char const* path, struct ::stat64* found), (path, found))
CHG_FAULTY(look, int, -1, lstat64, (char const* path, struct ::stat64* found), (path, found))
CHG_FAULTY(look, int, -1, fstat64, (int file, struct ::stat64* found), (file, found))
CHG_FAULTY(look, int, -1, fstatat64, (int folder, char const* path, struct ::stat64* found, int flags),
           (folder, path, found, flags))
CHG_FAULTY(look, int, -1, statx, (int folder, char const* path, int flags, unsigned mask, void* found),
           (folder, path, flags, mask, found))
CHG_FAULTY(look, int, -1, access, (char const* path, int mode), (path, mode))
CHG_FAULTY(look, int, -1, faccessat, (int folder, char const* path, int mode, int flags), (folder, path, mode, flags))
CHG_FAULTY(look, ssize_t, -1, readlink, (char const* path, char* bytes, std::size_t size), (path, bytes, size))
CHG_FAULTY(look, char*, nullptr, realpath, (char const* path, char* found), (path, found))

CHG_FAULTY(truncate_file, int, -1, ftruncate, (int file, off_t size), (file, size))
CHG_FAULTY(truncate_file, int, -1, ftruncate64, (int file, off64_t size), (file, size))
CHG_FAULTY(truncate_file, int, -1, truncate, (char const* path, off_t size), (path, size))
CHG_FAULTY(truncate_file, int, error_number, posix_fallocate, (int file, off_t from, off_t size), (file, from, size))
CHG_FAULTY(list_folder, void*, nullptr, opendir, (char const* path), (path))
CHG_FAULTY(list_folder, void*, nullptr, fdopendir, (int folder), (folder))
CHG_FAULTY(list_folder, void*, nullptr, readdir, (void* folder), (folder))
CHG_FAULTY(list_folder, void*, nullptr, readdir64, (void* folder), (folder))
CHG_FAULTY(change_mode, int, -1, chmod, (char const* path, mode_t mode), (path, mode))
CHG_FAULTY(change_mode, int, -1, fchmod, (int file, mode_t mode), (file, mode))
CHG_FAULTY(change_mode, int, -1, fchmodat, (int folder, char const* path, mode_t mode, int flags), (folder, path, mode, flags))
CHG_FAULTY(change_mode, int, -1, fchown, (int file, uid_t owner, gid_t group), (file, owner, group))
CHG_FAULTY(random_bytes, ssize_t, -1, getrandom, (void* bytes, std::size_t size, unsigned flags), (bytes, size, flags))
CHG_FAULTY(random_bytes, int, -1, getentropy, (void* bytes, std::size_t size), (bytes, size))
CHG_FAULTY(start_thread, int, error_number, pthread_create,
           (pthread_t * made, pthread_attr_t const* with, void* (*run)(void*), void* argument), (made, with, run, argument))

CHG_UNDER_NAME(void, abort, ()) {
  if (counting.exchange(false) && trace >= 0) {
    constexpr char kBorder[] = "abort\n";
    [[maybe_unused]] auto const written = ::write(trace, kBorder, sizeof kBorder - 1);
    void* frames[48];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, 48), trace);
  }
  CHG_NEXT(abort)();
}

namespace {

int (*main_of_program)(int, char**, char**);

int counted_main(int argc, char** argv, char** environment) {
  counting = true;
  return main_of_program(argc, argv, environment);
}

int number(char const* name, int otherwise) {
  auto const* const text = ::getenv(name);
  return text == nullptr ? otherwise : ::atoi(text);
}

__attribute__((constructor)) void begin() {
  if (auto const* const path = ::getenv("CHG_FAULT_REPORT")) {
    auto const file = ::open(path, O_RDWR | O_CLOEXEC);
    auto* const shared = ::mmap(nullptr, sizeof counts_without_report, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || shared == MAP_FAILED || ::ftruncate(file, sizeof counts_without_report) != 0) ::_exit(125);
    counts = static_cast<std::atomic<std::uint64_t>*>(shared);
    ::close(file);
  }
  if (auto const* const path = ::getenv("CHG_FAULT_TRACE")) {
    void* frame;
    ::backtrace(&frame, 1);  // loads what it needs now
    trace = ::fcntl(::open(path, O_WRONLY | O_CREAT | O_APPEND, 0666), F_DUPFD_CLOEXEC, 700);
  }
  ever = ::getenv("CHG_FAULT_EVER") != nullptr;
  struck_call = static_cast<std::uint64_t>(number("CHG_FAULT_N", 1));
  if (auto const* const text = ::getenv("CHG_FAULT_HOW")) {
    how = ::strcmp(text, "short") == 0         ? How::shorter
          : ::strcmp(text, "kill-before") == 0 ? How::kill_before
          : ::strcmp(text, "kill-after") == 0  ? How::kill_after
          : ::strcmp(text, "term") == 0        ? How::terminate
                                               : How::error;
    error_number = ::atoi(text);
  }
  if (auto const* const call = ::getenv("CHG_FAULT_CALL")) {
    for (auto kind = 0; kind < kinds; ++kind)
      if (::strcmp(call, kKinds[kind]) == 0) struck_kind = kind;
    if (struck_kind < 0) ::_exit(125);
  }
  counting = ::getenv("CHG_FAULT_EARLY") != nullptr;
}

}  // namespace

/// By this name the loader's start calls main(), after the constructors of all static objects.
CHG_UNDER_NAME(int, __libc_start_main,
               (int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(), void (*rtld_fini)(),
                void* stack)) {
  main_of_program = main;
  return CHG_NEXT(__libc_start_main)(counted_main, argc, argv, init, fini, rtld_fini, stack);
}
