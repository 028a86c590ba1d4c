// SPDX-License-Identifier: MIT
// peak FILE PROGRAM ARGUMENTS...: runs a program, writes the most bytes that it had in memory into FILE, and ends with its status.
// A program of its own, because what a fork inherits counts: the tests' own memory would be the peak.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

int main(int count, char** words) {
  if (count < 3) return 2;
  auto const child = ::fork();
  if (child == 0) {
    ::execv(words[2], words + 2);
    ::_exit(127);
  }
  int status = 0;
  ::rusage used{};
  if (::wait4(child, &status, 0, &used) != child) return 2;
  auto* const file = std::fopen(words[1], "w");
  if (file == nullptr || std::fprintf(file, "%ld\n", used.ru_maxrss * 1024) < 0 || std::fclose(file) != 0) return 2;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
