// SPDX-License-Identifier: MIT
// Fits in files: everything that a chg::Fit or chg::ContrastiveFit holds but the number of threads, to resume or to read later.
//
// Layout, little-endian: 8 bytes of magic; version and kind, 4 bytes each; length of the payload, 8 bytes; payload; FNV-1a of all
// that precedes, 8 bytes.
#pragma once

#include <chg/files/write_file.hpp>
#include <chg/gate/fit_record.hpp>
#include <chg/tensor/read_whole.hpp>

#include <bit>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <type_traits>

namespace chg {

namespace detail {

inline constexpr std::string_view kFitMagic =
    "\x89"
    "CHGFIT\n";
inline constexpr std::uint32_t kFitVersion = 1;
template <class Record>
inline constexpr std::uint32_t kFitKind = std::is_same_v<Record, Fit> ? 1 : 2;

/// Calls io(field) for every field of a record, in the order of the file: one description for both directions.
template <class Io, class Record>
void exchange(Io& io, Record& record) {
  visit_options(record.options, [&](char const*, auto& value) { io(value); });
  io(record.status);
  io(record.origin.data), io(record.origin.units), io(record.origin.layers), io(record.origin.heads);
  io(record.origin.scalar_bytes);
  io(record.point.phase), io(record.point.update), io(record.point.u), io(record.point.update_state);
  auto const phases = static_cast<Index>(phases_of(record.options).size());
  for (Index p = 0; p < phases; ++p) io(result(record, p));
  io(record.metrics);
}

template <class Io, class Row>
void exchange_row(Io& io, Row& row) {
  io(row.seed), io(row.phase), io(row.update), io(row.nll), io(row.regularizer), io(row.loss), io(row.grad_norm), io(row.lr);
  if constexpr (requires { row.share_clipped; }) io(row.logprob_retain), io(row.logprob_forget), io(row.share_clipped);
}

class FitWriter {
 public:
  void operator()(std::uint64_t x) { integer(x); }
  void operator()(std::uint32_t x) { integer(x); }
  void operator()(Index x) { integer(static_cast<std::uint64_t>(x)); }
  void operator()(double x) { integer(std::bit_cast<std::uint64_t>(x)); }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void operator()(Enum x) {
    integer(static_cast<std::uint32_t>(x));
  }
  void operator()(LearningRate const& r) { (*this)(r.start), (*this)(r.end); }
  template <class T>
  void operator()(std::optional<T> const& x) {
    integer(std::uint32_t{x.has_value()});
    if (x) (*this)(*x);
  }
  void operator()(GateLogits const& u) {
    (*this)(u.sets()), (*this)(u.layers()), (*this)(u.heads());
    for (auto const x : u.values()) (*this)(x);
  }
  void operator()(std::vector<double> const& v) {
    (*this)(std::uint64_t{v.size()});
    for (auto const x : v) (*this)(x);
  }
  template <class Row>
  void operator()(std::vector<Row> const& rows) {
    (*this)(std::uint64_t{rows.size()});
    for (auto const& row : rows) exchange_row(*this, row);
  }

  std::string bytes;

 private:
  template <class Unsigned>
  void integer(Unsigned x) {
    for (std::size_t i = 0; i < sizeof x; ++i) bytes.push_back(static_cast<char>(x >> (8 * i)));
  }
};

class FitReader {
 public:
  FitReader(std::string_view bytes, std::string name) : bytes_(bytes), name_(std::move(name)) {}

  void operator()(std::uint64_t& x) { integer(x); }
  void operator()(std::uint32_t& x) { integer(x); }
  void operator()(Index& x) { x = static_cast<Index>(take<std::uint64_t>()); }
  void operator()(double& x) { x = std::bit_cast<double>(take<std::uint64_t>()); }
  void operator()(Status& x) { enumerator(x, Status::interrupted); }
  void operator()(Preset& x) { enumerator(x, Preset::paper); }
  void operator()(Normalise& x) { enumerator(x, Normalise::sum); }
  void operator()(Order& x) { enumerator(x, Order::sequential); }
  void operator()(Phase& x) { enumerator(x, Phase::contrast); }
  void operator()(LearningRate& r) { (*this)(r.start), (*this)(r.end); }
  template <class T>
  void operator()(std::optional<T>& x) {
    auto const there = take<std::uint32_t>();
    expect(there <= 1, "an option that is there or not");
    x.reset();
    if (there) (*this)(x.emplace());
  }
  void operator()(GateLogits& u) {
    Index sets, layers, heads;
    (*this)(sets), (*this)(layers), (*this)(heads);
    if (sets == 0 && layers == 0 && heads == 0) {
      u = {};
      return;
    }
    auto const room = static_cast<Index>(bytes_.size() / 8);  // numbers that can still follow
    expect(sets >= 1 && layers >= 1 && heads >= 1, "a shape of logits");
    expect(sets <= room && layers <= room / sets && heads <= room / sets / layers, "as many logits as their shape says");
    auto values = GateLogits::filled(sets, layers, heads, 0).values();
    for (auto& x : values) (*this)(x);
    u = GateLogits(std::move(values));
  }
  void operator()(std::vector<double>& v) {
    v.resize(count(8));
    for (auto& x : v) (*this)(x);
  }
  template <class Row>
  void operator()(std::vector<Row>& rows) {
    rows.resize(count(60));  // no row takes fewer bytes
    for (auto& row : rows) exchange_row(*this, row);
  }

  void end() const { expect(bytes_.empty(), "nothing after the last row"); }
  void expect(bool holds, char const* what) const {
    if (!holds) throw Error({name_ + " is damaged", what, "something else", "Begin the fit again."});
  }

 private:
  template <class Unsigned>
  Unsigned take() {
    expect(bytes_.size() >= sizeof(Unsigned), "more bytes");
    Unsigned x = 0;
    for (std::size_t i = 0; i < sizeof x; ++i) x |= Unsigned{static_cast<unsigned char>(bytes_[i])} << (8 * i);
    bytes_.remove_prefix(sizeof x);
    return x;
  }
  template <class Unsigned>
  void integer(Unsigned& x) {
    x = take<Unsigned>();
  }
  template <class Enum>
  void enumerator(Enum& x, Enum last) {
    auto const value = take<std::uint32_t>();
    expect(value <= static_cast<std::uint32_t>(last), "a known kind of option");
    x = static_cast<Enum>(value);
  }
  std::size_t count(std::size_t bytes_each) {
    auto const n = take<std::uint64_t>();
    expect(n <= bytes_.size() / bytes_each, "as many entries as their number says");
    return static_cast<std::size_t>(n);
  }

  std::string_view bytes_;
  std::string name_;
};

inline std::uint64_t checksum(std::string_view bytes) {
  Fingerprint f;
  f.add(bytes.data(), bytes.size());
  return f.value();
}

/// The bytes of a file around those of its record.
template <class Record>
std::string framed(std::string_view payload) {
  FitWriter file;
  file.bytes = kFitMagic;
  file(kFitVersion), file(kFitKind<Record>), file(std::uint64_t{payload.size()});
  file.bytes += payload;
  file(checksum(file.bytes));
  return std::move(file.bytes);
}

template <class Record>
void save_record(Record const& record, std::filesystem::path const& path) {
  validate_record(record);
  FitWriter payload;
  exchange(payload, record);
  files::write_file(path, framed<Record>(payload.bytes));
}

/// The fit of a file's bytes; `name` stands for the file in errors.
template <class Record>
Record parse_record(std::string_view bytes, std::string const& name) {
  auto const header = kFitMagic.size() + 16;
  check(bytes.starts_with(kFitMagic), name + " is no fit", "a file that chg::save wrote", "other bytes at its start");
  check(bytes.size() >= header + 8, name + " is cut off", text(header + 8, " bytes or more"), bytes.size());

  FitReader head(bytes.substr(kFitMagic.size()), name);
  std::uint32_t version, kind;
  std::uint64_t length, sum;
  head(version), head(kind), head(length);
  check(version == kFitVersion, name + ": version of the format", text(kFitVersion), version,
        "It was written by another version of chg.");
  auto const name_of_kind = [](std::uint32_t k) { return k == 1 ? "a fit" : "a contrastive fit"; };
  check(kind == kFitKind<Record>, name + ": kind", name_of_kind(kFitKind<Record>), name_of_kind(kind),
        kind == 1 ? "Use chg::load_fit." : "Use chg::load_contrastive_fit.");
  check(length == bytes.size() - header - 8, name + " is cut off", text(length, " bytes of payload"), bytes.size() - header - 8,
        "Begin the fit again.");
  auto const covered = bytes.substr(0, bytes.size() - 8);
  FitReader(bytes.substr(bytes.size() - 8), name)(sum);
  check(sum == checksum(covered), name + " is damaged", text("checksum ", checksum(covered)), sum, "Begin the fit again.");

  Record record;
  FitReader payload(covered.substr(header), name);
  exchange(payload, record);
  payload.end();
  validate_record(record);
  return record;
}

template <class Record>
Record load_record(std::filesystem::path const& path) {
  std::string bytes;
  auto const failed = read_whole(path, bytes);
  check(failed == 0, "load: " + path.string(), "a file that can be read", std::generic_category().message(failed));
  return parse_record<Record>(bytes, path.string());
}

}  // namespace detail

/// Writes a fit, finished or interrupted, so that load gives it back bit for bit. Throws Error when the file cannot be written;
/// what was at `path` before is unharmed then.
inline void save(Fit const& fit, std::filesystem::path const& path) { detail::save_record(fit, path); }
inline void save(ContrastiveFit const& fit, std::filesystem::path const& path) { detail::save_record(fit, path); }

/// Reads what save wrote. The number of threads is that of default options. Throws Error for a file that is missing, cut off,
/// damaged, of another version or of the other kind.
inline Fit load_fit(std::filesystem::path const& path) { return detail::load_record<Fit>(path); }
inline ContrastiveFit load_contrastive_fit(std::filesystem::path const& path) {
  return detail::load_record<ContrastiveFit>(path);
}

}  // namespace chg
