// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <chg/gate/checkpoint.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <limits>

using namespace chg;
using toy::complaint;
using toy::has;
using namespace std::string_literals;

namespace {

namespace fs = std::filesystem;

struct Directory {
  fs::path path = fs::temp_directory_path() / text("chg-checkpoint-", reinterpret_cast<std::uintptr_t>(this), "-",
                                                   std::chrono::steady_clock::now().time_since_epoch().count());
  Directory() { fs::create_directories(path); }
  ~Directory() { fs::remove_all(path); }
  fs::path operator/(char const* name) const { return path / name; }
};

std::string bytes_of(fs::path const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(fs::path const& path, std::string const& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

FitOptions small() {
  FitOptions o;
  o.gate_sets = 2, o.batch = 5, o.updates = 4, o.updates_pressed = 3, o.seed = 5,
  o.clip_norm = std::numeric_limits<double>::infinity();
  return o;
}

Fit stopped(Index after, FitOptions options = small()) {
  toy::Runner<float> runner;
  options.progress = [after](Progress const& p) { return p.done < after; };
  return fit_with(runner, 2, 3, toy::examples(10), options);
}

void require_same(Fit const& a, Fit const& b) {
  REQUIRE(a.u0 == b.u0);
  REQUIRE(a.u_plus == b.u_plus);
  REQUIRE(a.u_minus == b.u_minus);
  REQUIRE(a.metrics == b.metrics);
  REQUIRE(a.status == b.status);
  REQUIRE(a.point == b.point);
  REQUIRE(a.origin == b.origin);
  REQUIRE_NOTHROW(detail::check_same_options(a.options, b.options));
  REQUIRE(a.options.preset == b.options.preset);
}

/// Adjusts a file's checksum to its bytes, so that what lies behind it is reached.
std::string resealed(std::string bytes) {
  bytes.resize(bytes.size() - 8);
  auto const sum = detail::checksum(bytes);
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(sum >> (8 * i)));
  return bytes;
}

}  // namespace

TEST_CASE("checkpoint: a fit comes back bit for bit from every phase, and resumes to the bits of an uninterrupted one",
          "[gate]") {
  Directory const dir;
  toy::Runner<float> runner;
  auto const data = toy::examples(10);
  auto const whole = fit_with(runner, 2, 3, data, small());
  for (Index after : {1, 3, 4, 5, 7, 9, 10}) {  // inside each phase, at each border, at the end
    auto const part = stopped(after);
    save(part, dir / "fit");
    auto const loaded = load_fit(dir / "fit");
    require_same(loaded, part);
    require_same(resume_with(runner, 2, 3, data, loaded, small()), whole);
  }
}

TEST_CASE("checkpoint: options that are not the defaults come back too", "[gate]") {
  Directory const dir;
  auto options = small();
  options.preset = Preset::paper, options.order = Order::sequential, options.init = random_logits(2, 2, 3, 77);
  options.lambda = 0.3, options.clip_logit = 3, options.learning_rate = {0.2, 0.05}, options.run.max_rows = 99;
  auto const part = stopped(6, options);
  save(part, dir / "fit");
  auto const loaded = load_fit(dir / "fit");
  require_same(loaded, part);
  REQUIRE(loaded.options.init == options.init);
  REQUIRE(loaded.options.normalise == Normalise::sum);
  REQUIRE(loaded.options.run.max_rows == 99);
}

TEST_CASE("checkpoint: a contrastive fit comes back bit for bit and resumes to the bits of an uninterrupted one", "[gate]") {
  Directory const dir;
  toy::Runner<float> runner;
  auto const data = toy::pairs(10);
  ContrastOptions options;
  options.gate_sets = 2, options.batch = 5, options.updates = 6, options.clip_difference = 3;
  auto const whole = contrast_with(runner, 2, 3, data, options);
  auto stopping = options;
  stopping.progress = [](Progress const& p) { return p.done < 4; };
  auto const part = contrast_with(runner, 2, 3, data, stopping);
  save(part, dir / "fit");
  auto const loaded = load_contrastive_fit(dir / "fit");
  REQUIRE(loaded.point == part.point);
  REQUIRE(loaded.metrics == part.metrics);
  auto const fit = resume_with(runner, 2, 3, data, loaded, options);
  REQUIRE(fit.u == whole.u);
  REQUIRE(fit.metrics == whole.metrics);
}

TEST_CASE("checkpoint: a file with any byte changed is refused", "[gate]") {
  Directory const dir;
  save(stopped(5), dir / "fit");
  auto const good = bytes_of(dir / "fit");
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    write(dir / "bad", bad);
    REQUIRE_THROWS_AS(load_fit(dir / "bad"), Error);
  }
}

TEST_CASE("checkpoint: a file cut off anywhere, or with anything behind it, is refused", "[gate]") {
  Directory const dir;
  save(stopped(5), dir / "fit");
  auto const good = bytes_of(dir / "fit");
  for (std::size_t length = 0; length < good.size(); ++length) {
    write(dir / "bad", good.substr(0, length));
    REQUIRE_THROWS_AS(load_fit(dir / "bad"), Error);
  }
  write(dir / "bad", good.substr(0, good.size() - 1));
  REQUIRE(has(complaint([&] { load_fit(dir / "bad"); }), "is cut off"));
  write(dir / "bad", good + "x");
  REQUIRE_THROWS_AS(load_fit(dir / "bad"), Error);
}

TEST_CASE("checkpoint: a file that is damaged under a right checksum gives an error, never a crash or a huge allocation",
          "[gate]") {
  Directory const dir;
  save(stopped(5), dir / "fit");
  auto const good = bytes_of(dir / "fit");
  Index refused = 0, accepted = 0;
  for (std::size_t i = 24; i + 8 < good.size(); ++i)
    for (char const byte : {'\0', '\x7f', '\xff'}) {
      auto bad = good;
      bad[i] = byte;
      write(dir / "bad", resealed(bad));
      try {
        load_fit(dir / "bad");
        ++accepted;  // a changed number of the log, for instance, is a number still
      } catch (Error const&) {
        ++refused;
      }
    }
  REQUIRE(refused > 100);
  REQUIRE(accepted > 100);
}

TEST_CASE("checkpoint: what is wrong with a file is said by name", "[gate]") {
  Directory const dir;
  auto const part = stopped(5);
  save(part, dir / "fit");
  auto const good = bytes_of(dir / "fit");
  auto const said = [&](std::string const& bytes) {
    write(dir / "bad", bytes);
    return complaint([&] { load_fit(dir / "bad"); });
  };
  REQUIRE(has(complaint([&] { load_fit(dir / "nothing"); }), "nothing. Expected a file that can be read, got No such file"));
  REQUIRE(has(complaint([&] { load_fit(dir.path); }), "Expected a file that can be read, got Is a directory"));
  REQUIRE(has(said("a text"), "bad is no fit. Expected a file that chg::save wrote, got other bytes at its start"));
  REQUIRE(has(said(""), "is no fit"));
  REQUIRE(has(said(good.substr(0, 31)), "bad is cut off. Expected 32 bytes or more, got 31"));
  REQUIRE(has(said(good.substr(0, 32)), text("bad is cut off. Expected ", good.size() - 32, " bytes of payload, got 0")));
  REQUIRE(has(said(detail::framed<Fit>(good.substr(24, good.size() - 32) + "x")), "Expected nothing after the last row"));
  auto contradictory = part;
  contradictory.metrics.pop_back();
  detail::FitWriter payload;
  detail::exchange(payload, contradictory);
  REQUIRE(has(said(detail::framed<Fit>(payload.bytes)), "rows of the log"));
  auto other = good;
  other[8] = 2;
  REQUIRE(has(said(resealed(other)), "version of the format. Expected 1, got 2"));
  REQUIRE(
      has(complaint([&] { load_contrastive_fit(dir / "fit"); }), "Expected a contrastive fit, got a fit. Use chg::load_fit."));
  other = good;
  other[40] = static_cast<char>(other[40] ^ 1);
  REQUIRE(has(said(other), "is damaged. Expected checksum"));
}

TEST_CASE("checkpoint: a save that fails names the path and leaves the file before unharmed", "[gate]") {
  Directory const dir;
  REQUIRE(has(complaint([&] { save(stopped(5), dir / "missing/fit"); }),
              "missing/fit cannot be written. Expected a file that can be written, got No such file"));
  save(stopped(5), dir / "fit");
  auto const before = bytes_of(dir / "fit");
  fs::create_directories(dir / "folder/of");
  REQUIRE(has(complaint([&] { save(stopped(6), dir / "folder"); }), "folder cannot be written"));
  REQUIRE(bytes_of(dir / "fit") == before);
  save(stopped(6), dir / "fit");
  REQUIRE(bytes_of(dir / "fit") != before);
  REQUIRE(std::distance(fs::directory_iterator(dir.path), fs::directory_iterator()) == 2);  // nothing is left beside it
  auto contradictory = stopped(5);
  contradictory.metrics.pop_back();
  REQUIRE(has(complaint([&] { save(contradictory, dir / "fit"); }), "rows of the log"));
}

TEST_CASE("checkpoint: what is read has to be what its own numbers say, each contradiction by its words", "[gate]") {
  using detail::FitReader, detail::FitWriter;
  auto const written = [](auto const&... numbers) {
    FitWriter w;
    (w(numbers), ...);
    return w.bytes;
  };
  auto const said = [](std::string const& bytes, auto value) {
    return complaint([&] {
      FitReader reader(bytes, "file");
      reader(value);
      reader.end();
    });
  };
  std::uint64_t const one = 1, two = 2;

  REQUIRE(has(said("short", one), "file is damaged. Expected more bytes"));
  REQUIRE(has(said(written(one, one), one), "Expected nothing after the last row"));
  REQUIRE(has(said(written(std::uint32_t{4}), Phase::none), "Expected a known kind of option"));
  REQUIRE(has(said(written(std::uint32_t{2}, 1.0), std::optional<double>()), "Expected an option that is there or not"));
  std::optional<double> option = 3.0;
  FitReader("\0\0\0\0"s, "file")(option);
  REQUIRE(!option);

  auto const list = std::vector<double>();
  REQUIRE(has(said(written(two, 1.0), list), "Expected as many entries as their number says"));
  REQUIRE(has(said(written(std::uint64_t{8}) + std::string(56, '\0'), list), "Expected as many entries as their number says"));
  auto numbers = list;
  auto const both = written(two, 1.5, 2.5);
  FitReader(both, "file")(numbers);
  REQUIRE(numbers == std::vector{1.5, 2.5});
  // A row of the log takes 60 bytes: 59 of them are not 60.
  REQUIRE(has(said(written(std::uint64_t{60}) + std::string(59 * 60, '\0'), std::vector<UpdateRow>()),
              "Expected as many entries as their number says"));

  auto const shaped = [&](std::uint64_t sets, std::uint64_t layers, std::uint64_t heads, int there) {
    return written(sets, layers, heads) + std::string(static_cast<std::size_t>(8 * there), '\0');
  };
  for (auto const& bad : {shaped(0, 1, 1, 9), shaped(1, 0, 1, 9), shaped(1, 1, 0, 9), shaped(0, 0, 1, 9), shaped(1, 0, 0, 9)})
    REQUIRE(has(said(bad, GateLogits()), "Expected a shape of logits"));
  for (auto const& bad :
       {shaped(2, 1, 1, 1), shaped(1, 2, 1, 1), shaped(1, 1, 2, 1), shaped(2, 1, 2, 2), shaped(1, 2, 2, 2), shaped(8, 1, 1, 7)})
    REQUIRE(has(said(bad, GateLogits()), "Expected as many logits as their shape says"));
  for (auto const& [sets, layers, heads] : {std::array{1, 1, 1}, {2, 1, 1}, {1, 2, 1}, {1, 1, 2}, {2, 3, 4}}) {
    auto const u = random_logits(sets, layers, heads, 7);
    auto const bytes = written(u);
    GateLogits back = random_logits(1, 1, 1, 8);
    FitReader reader(bytes, "file");
    reader(back);
    REQUIRE_NOTHROW(reader.end());
    REQUIRE(back == u);
  }
  auto logits = random_logits(1, 1, 1, 8);
  FitReader(shaped(0, 0, 0, 0), "file")(logits);
  REQUIRE(logits.empty());
}

TEST_CASE("checkpoint: a file is as long as its format says", "[gate]") {
  Directory const dir;
  save(stopped(5), dir / "fit");
  // Of version 1. What changes this changes the format: count its version up.
  REQUIRE(bytes_of(dir / "fit").size() == 1328);
}

TEST_CASE("checkpoint: a record that contradicts itself is refused by the part that does, and one at the edge is not", "[gate]") {
  auto const part = stopped(5);  // in the second phase, one update made
  auto const said = [&](auto const& change) {
    auto record = part;
    change(record);
    return complaint([&] { detail::validate_record(record); });
  };
  REQUIRE(said([](Fit&) {}) == "nothing was thrown");
  REQUIRE(said([](Fit& f) { f.origin.units = 1; }) == "nothing was thrown");
  REQUIRE(has(said([](Fit& f) { f.origin.units = 0; }), "fit: examples. Expected 1 or more, got 0"));
  REQUIRE(has(said([](Fit& f) { f.origin.heads = 0; }), "fit: layers and heads. Expected 1 to 1048576 of each"));
  REQUIRE(has(said([](Fit& f) { f.options.normalise.reset(); }), "fit: option normalise. Expected mean or sum, got none"));
  REQUIRE(has(said([](Fit& f) { f.point.update = 3; }), "fit: update to go on with. Expected 0 to 2, got 3"));
  REQUIRE(has(said([](Fit& f) { f.point.update = -1; }), "fit: update to go on with. Expected 0 to 2, got -1"));
  REQUIRE(has(said([](Fit& f) { f.point.phase = 3; }), "fit: status. Expected finished after the last phase alone"));
  REQUIRE(has(said([](Fit& f) { f.u_plus = f.u0; }), "fit: logits after phase 1. Expected none yet, got [2, 2, 3]"));
  REQUIRE(has(said([](Fit& f) { f.u0 = {}; }), "fit: logits after phase 0. Expected [2, 2, 3], got [0, 0, 0]"));
  toy::Runner<float> runner;
  auto const whole = fit_with(runner, 2, 3, toy::examples(10), small());
  REQUIRE_NOTHROW(detail::validate_record(whole));
  auto late = whole;
  late.point.update = 1;
  REQUIRE(has(complaint([&] { detail::validate_record(late); }), "fit: update to go on with. Expected 0 to 0, got 1"));

  Fit const fresh;
  REQUIRE(fresh.origin == Origin{0, 0, 0, 0, 0});
}
