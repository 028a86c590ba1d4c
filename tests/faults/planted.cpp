// SPDX-License-Identifier: MIT
// A stand-in for the program that writes --out with one mistake of each kind that faults.py is to find: it ends by abort() where
// memory runs out, truncates the older file first, leaves a temporary name behind, and takes a failed fsync for success.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

int fail(char const* what) {
  std::fprintf(stderr, "chg: error: %s. Expected a file that can be written, got a failure.\n", what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  char const* path = nullptr;
  for (auto i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--out") == 0) path = argv[i + 1];
  auto* const text = static_cast<char*>(std::malloc(8));
  if (text == nullptr) std::abort();
  std::memcpy(text, "results\n", 8);
  auto const file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file < 0 || ::write(file, text, 8) != 8) return fail(path);
  if (::fsync(file) != 0) (void)::ftruncate(file, 0);
  ::close(file);
  auto const other = ::open("temporary", O_WRONLY | O_CREAT, 0666);
  if (other < 0 || ::close(other) != 0) return fail("temporary");
  if (::unlink("temporary") != 0) return fail("temporary");
  std::free(text);
}
