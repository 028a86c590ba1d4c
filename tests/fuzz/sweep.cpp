// SPDX-License-Identifier: MIT
// The other program of a fuzz target, for counts: libFuzzer's finds what reaches new code, and this
// one reads many times as many files made of what it found. It counts no coverage, so that the
// sanitizers are all that an input costs beside its reading.
//
//     chg_sweep_TARGET CORPUS [-runs=N] [-max_total_time=SECONDS] [-seed=N]
//                             [-artifact_prefix=PREFIX] [-seen=FILE] [-show=INDEX]
//
// The options mean what they mean to libFuzzer. The files are the seeds and those of CORPUS. Input
// number INDEX depends on the seed and the files alone: -show writes it out. One that was read
// before in this run, or that looks so (one in 25 after 40 million), is neither read nor counted; with -seen
// neither is what any run with the same FILE has read, also at the same time. What breaks the target
// is kept as PREFIXsweep-SEED-INDEX; the libFuzzer program of the target reads it again.
#define CHG_FUZZ_WITHOUT_ENTRY
#include "fuzz/input_heap.hpp"
#include "fuzz/mutate.hpp"

#include <chg/tensor/notice.hpp>

#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <memory>
#include <span>

/// A quarantine that fits into the caches of a processor is faster; what an input frees stays there
/// for many more. Of stacks of fewer than two frames no leak would be found.
extern "C" char const* __asan_default_options() {
  return "malloc_context_size=2:quarantine_size_mb=1:thread_local_quarantine_size_kb=16:"
         "detect_stack_use_after_return=0:max_allocation_size_mb=256:allocator_may_return_null=0";
}

/// The address sanitizer asks the system for the stack of signals at every throw.
extern "C" int sigaltstack(stack_t const* next, stack_t* before) noexcept {
  thread_local stack_t now{nullptr, SS_DISABLE, 0};
  if (before != nullptr) *before = now;
  if (next == nullptr) return 0;
  now = *next;
  return static_cast<int>(syscall(SYS_sigaltstack, next, nullptr));
}

namespace {

using chg::fuzz::Mutator;
using chg::fuzz::Random;

constexpr std::size_t kMostBytes = 8'192;
constexpr std::size_t kSmall = 256;
constexpr long kMostResident = 2'048 * 1'024;  // KiB
constexpr int kMostTicks = 10;                 // seconds of processor time for one input
constexpr std::size_t kInputsALeakCheck = 500'000;
constexpr std::size_t kMostKept =
    64;  // inputs that leave objects, such as what is made at its first use

struct Options {
  std::string corpus, prefix, seen;
  std::uint64_t runs = ~std::uint64_t{0}, seconds = ~std::uint64_t{0}, seed = 1;
  std::optional<std::uint64_t> show;
};

/// What the handlers of signals need: the input that is being read.
struct Current {
  char const* data = nullptr;
  std::size_t size = 0;
  std::uint64_t volatile index = 0;
  char name[4'096] = "";
};
Current current;
std::string prefix_and_seed;
std::sig_atomic_t volatile stopped = 0;
Random* bytes_random = nullptr;

void say(char const* words) { static_cast<void>(!write(2, words, std::strlen(words))); }

/// Without memory of the heap.
void keep_input() {
  if (current.data == nullptr) return;
  std::snprintf(current.name, sizeof current.name, "%s-%llu", prefix_and_seed.c_str(),
                static_cast<unsigned long long>(current.index));
  auto const file = open(current.name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  auto const whole =
      file >= 0 && write(file, current.data, current.size) == static_cast<ssize_t>(current.size);
  say("chg: error: the input is ");
  say(whole ? "kept as " : "lost: cannot write ");
  say(current.name), say("\n");
  current.data = nullptr;
}

void aborted(int signal) {
  say("chg: error: aborted\n");
  keep_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

/// Once a second of processor time.
void tick(int) {
  static std::uint64_t last = 0;
  static int ticks = 0;
  ticks = current.index == last ? ticks + 1 : 0;
  last = current.index;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto const slow = ticks > kMostTicks, large = usage.ru_maxrss > kMostResident;
  if (current.data == nullptr || (!slow && !large)) return;
  say(slow ? "chg: error: an input takes longer than 10 s\n"
           : "chg: error: 2 GB of memory, by this input or one before it\n");
  keep_input();
  _exit(70);
}

void watch() {
  __sanitizer_set_death_callback(keep_input);
  std::signal(SIGABRT, aborted);
  for (auto const signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, [](int) { stopped = 1; });
  struct sigaction action {};
  action.sa_handler = tick;
  action.sa_flags = SA_RESTART;
  sigaction(SIGPROF, &action, nullptr);
  itimerval const second{{1, 0}, {1, 0}};
  setitimer(ITIMER_PROF, &second, nullptr);
}

/// The inputs that were read, by one bit each: 128 MiB, 4 % of them set after 40 million, in a file
/// or in memory.
class Seen {
 public:
  explicit Seen(std::string const& file) {
    auto const in = file.empty() ? -1 : open(file.c_str(), O_RDWR | O_CREAT, 0644);
    auto const flags = file.empty() ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    auto const sized = in < 0 || ftruncate(in, kBits / 8) == 0;
    auto* const all = mmap(nullptr, kBits / 8, PROT_READ | PROT_WRITE, flags, in, 0);
    chg::check(sized && all != MAP_FAILED, "-seen=" + file, "128 MiB that can be mapped", "none");
    words_ = static_cast<std::uint64_t*>(all);
  }

  /// Whether this is the first of its bytes.
  bool add(std::string_view bytes) {
    auto const bit = hash(bytes) % kBits;
    auto const mask = std::uint64_t{1} << bit % 64;
    std::atomic_ref word(words_[bit / 64]);
    return (word.load(std::memory_order_relaxed) & mask) == 0 &&
           (word.fetch_or(mask, std::memory_order_relaxed) & mask) == 0;
  }

 private:
  static constexpr std::size_t kBits = std::size_t{1} << 30;

  static std::uint64_t hash(std::string_view bytes) {
    std::uint64_t h = bytes.size();
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      std::uint64_t word = 0;
      __builtin_memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
      h = Random(h ^ word).bits();
    }
    return h;
  }

  std::uint64_t* words_;
};

/// Whether the bytes were read to the end. What was noticed on the way is forgotten, unsaid.
bool is_read(std::string_view bytes) {
  auto whole = true;
  try {
    chg::fuzz::read(bytes);
  } catch (chg::Error const&) {
    whole = false;
  }
  chg::set_notice_handler({});
  return whole;
}

/// The files that inputs are made of.
class Files {
 public:
  explicit Files(std::string const& corpus) {
    for (auto& seed : chg::fuzz::seeds()) add(std::move(seed));
    std::vector<std::filesystem::path> paths;
    for (auto const& entry : std::filesystem::directory_iterator(corpus))
      paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (auto const& path : paths) {
      std::ifstream in(path, std::ios::binary);
      add(std::string(std::istreambuf_iterator<char>(in), {}));
    }
    for (auto& file : files_) file.mutate = chg::fuzz::mutator(file.bytes);
  }

  std::size_t size() const { return files_.size(); }
  std::size_t read() const { return read_.size(); }

  /// The input of this number, in `buffer`. Half are made of files that are read to the end. Files of
  /// more than kSmall bytes are drawn the less often the larger they are: all take a like time.
  std::string_view input(std::uint64_t seed, std::uint64_t index,
                         std::span<char, kMostBytes> buffer) const {
    Random random(Random(seed + index).bits());
    bytes_random = &random;
    auto const& among = random.one_in(2) && !read_.empty() ? read_ : all_;
    auto number = random.of(among);
    auto const passed_over = [&] { return random.below(files_[number].bytes.size() + 1) > kSmall; };
    for (auto draws = 0; draws < 16 && passed_over(); ++draws) number = random.of(among);
    auto const& file = files_[number];
    std::memcpy(buffer.data(), file.bytes.data(), file.bytes.size());
    auto const size = chg::fuzz::mutate(file.mutate, reinterpret_cast<std::uint8_t*>(buffer.data()),
                                        file.bytes.size(), buffer.size(), random);
    bytes_random = nullptr;
    return {buffer.data(), size};
  }

 private:
  struct File {
    std::string bytes;
    Mutator mutate;
  };

  void add(std::string bytes) {
    if (bytes.size() > kMostBytes) return;
    current.size = bytes.size();
    current.index = files_.size();
    current.data = bytes.data();
    if (is_read(bytes)) read_.push_back(files_.size());
    current.data = nullptr;
    all_.push_back(files_.size());
    files_.push_back({std::move(bytes), {}});
  }

  std::vector<File> files_;
  std::vector<std::size_t> all_, read_;
};

std::optional<Options> parsed(int count, char** words) {
  Options options;
  auto const number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t n = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(n)
                                                                    : std::nullopt;
  };
  for (auto i = 1; i < count; ++i) {
    std::string_view const word(words[i]);
    auto const equals = word.find('=');
    auto const name = word.substr(0, equals);
    auto const value =
        equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    auto const n = number(value);
    if (!word.starts_with('-') && options.corpus.empty())
      options.corpus = word;
    else if (name == "-artifact_prefix")
      options.prefix = value;
    else if (name == "-seen")
      options.seen = value;
    else if (name == "-runs" && n)
      options.runs = *n;
    else if (name == "-max_total_time" && n)
      options.seconds = *n;
    else if (name == "-seed" && n)
      options.seed = *n;
    else if (name == "-show" && n)
      options.show = *n;
    else
      return std::nullopt;
  }
  return options.corpus.empty() ? std::nullopt : std::optional(options);
}

/// Whether nothing leaked among the inputs before `index`.
bool no_leak(std::uint64_t before, std::uint64_t index) {
  if (__lsan_do_recoverable_leak_check() == 0) return true;
  std::fprintf(stderr, "chg: error: a leak by an input from %llu to %llu\n",
               static_cast<unsigned long long>(before), static_cast<unsigned long long>(index));
  return false;
}

int sweep(Options const& options, Files const& files) {
  using Clock = std::chrono::steady_clock;
  auto const start = Clock::now();
  auto const seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  Seen seen(options.seen);
  std::array<char, kMostBytes> buffer;
  std::uint64_t index = 0, runs = 0, whole = 0, bytes = 0, checked = 0, kept = 0;
  auto next_line = 30.0;
  for (; runs < options.runs && stopped == 0; ++index) {
    if (index % 1'024 == 0) {
      auto const now = seconds();
      if (now >= static_cast<double>(options.seconds)) break;
      if (now >= next_line) {
        std::printf("#%llu\tindex: %llu exec/s: %.0f\n", static_cast<unsigned long long>(runs),
                    static_cast<unsigned long long>(index), static_cast<double>(runs) / now);
        std::fflush(stdout);
        next_line = now + 30;
      }
      if (index >= checked + kInputsALeakCheck) {
        if (!no_leak(checked, index)) return 1;
        checked = index;
      }
    }
    auto const input = files.input(options.seed, index, buffer);
    if (!seen.add(input)) continue;
    // A block of its own, so that a byte past its end is found.
    std::unique_ptr<char[]> const block(new char[input.size()]);
    std::memcpy(block.get(), input.data(), input.size());
    current.size = input.size();
    current.index = index;
    current.data = block.get();
    chg::fuzz::heap::reading = true;
    whole += is_read({block.get(), input.size()}) ? 1 : 0;
    chg::fuzz::heap::reading = false;
    if (!chg::fuzz::heap::all_deleted() && ++kept > kMostKept)
      chg::fuzz::heap::fail("chg: error: one input after the other keeps objects\n");
    current.data = nullptr;
    ++runs, bytes += input.size();
  }
  if (!no_leak(checked, index)) return 1;
  auto const line = [](char const* name, double value) {
    std::printf("stat::%s: %.0f\n", name, value);
  };
  line("number_of_executed_units", static_cast<double>(runs));
  line("seen_before", static_cast<double>(index - runs));
  line("read_to_the_end", static_cast<double>(whole));
  line("mean_bytes",
       static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(runs, 1)));
  line("average_exec_per_sec", static_cast<double>(runs) / seconds());
  line("inputs_that_left_objects", static_cast<double>(kept));
  return 0;
}

}  // namespace

/// One change of the bytes.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most) {
  auto& random = *bytes_random;
  auto const room = most - size;
  if (size == 0) {
    if (most == 0) return 0;
    data[0] = static_cast<std::uint8_t>(random.bits());
    return 1;
  }
  auto const place = random.below(size);
  auto const make_room = [&](std::size_t n) {
    std::memmove(data + place + n, data + place, size - place);
  };
  switch (random.below(9)) {
    case 0: data[place] = static_cast<std::uint8_t>(random.bits()); return size;
    case 1: data[place] ^= static_cast<std::uint8_t>(1u << random.below(8)); return size;
    case 2: {  // a number, of either byte order
      auto number = random.number();
      auto const width = std::min(std::size_t{1} << random.below(4), size - place);
      if (random.one_in(2)) number = __builtin_bswap64(number << (64 - 8 * width));
      std::memcpy(data + place, &number, width);
      return size;
    }
    case 3: {  // one beside the number that is there
      std::uint64_t number = 0;
      auto const width = std::min(std::size_t{1} << random.below(4), size - place);
      std::memcpy(&number, data + place, width);
      number += random.below(21) - 10;
      std::memcpy(data + place, &number, width);
      return size;
    }
    case 4: {
      auto const n =
          1 + random.below(std::min<std::size_t>(size - place, random.one_in(4) ? size : 8));
      std::memmove(data + place, data + place + n, size - place - n);
      return size - n;
    }
    case 5: {
      if (room == 0) return size;
      make_room(1);
      data[place] = static_cast<std::uint8_t>(random.bits());
      return size + 1;
    }
    case 6: {  // one byte many times
      auto const n = std::min(room, 3 + random.below(30));
      make_room(n);
      std::memset(data + place,
                  random.one_in(2)   ? static_cast<int>(random.bits() & 255u)
                  : random.one_in(2) ? 0
                                     : 255,
                  n);
      return size + n;
    }
    case 7: {  // a part over or into another
      auto const from = random.below(size);
      std::array<std::uint8_t, 64> part;
      auto const n = 1 + random.below(std::min(part.size(), size - from));
      std::memcpy(part.data(), data + from, n);
      if (random.one_in(2)) {
        std::memcpy(data + place, part.data(), std::min(n, size - place));
        return size;
      }
      auto const into = std::min(n, room);
      make_room(into);
      std::memcpy(data + place, part.data(), into);
      return size + into;
    }
    default: {  // the same bytes in another order
      auto const n = std::min<std::size_t>(size - place, 2 + random.below(7));
      for (std::size_t i = n; i > 1; --i)
        std::swap(data[place + i - 1], data[place + random.below(i)]);
      return size;
    }
  }
}

int main(int count, char** words) try {
  auto const options = parsed(count, words);
  if (!options) {
    std::fprintf(stderr,
                 "chg: error: %s CORPUS [-runs=N] [-max_total_time=SECONDS] [-seed=N] "
                 "[-artifact_prefix=PREFIX] [-seen=FILE] [-show=INDEX]\n",
                 words[0]);
    return 2;
  }
  prefix_and_seed = options->prefix + "sweep-" + std::to_string(options->seed);
  chg::fuzz::heap::set_up();
  watch();
  Files const files(options->corpus);
  if (options->show) {
    std::array<char, kMostBytes> buffer;
    auto const input = files.input(options->seed, *options->show, buffer);
    return std::fwrite(input.data(), 1, input.size(), stdout) == input.size() ? 0 : 1;
  }
  std::printf("%zu files, %zu of them read to the end, seed %llu\n", files.size(), files.read(),
              static_cast<unsigned long long>(options->seed));
  return sweep(*options, files);
} catch (std::filesystem::filesystem_error const& e) {
  std::fprintf(stderr, "chg: error: %s\n", e.what());
  return 2;
} catch (chg::Error const& e) {
  std::fprintf(stderr, "chg: error: %s\n", e.what());
  return 2;
}
