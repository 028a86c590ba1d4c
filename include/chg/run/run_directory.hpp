// SPDX-License-Identifier: MIT
// A run directory: what a command found out, for people, for pandas, and for commands that go on from it.
//
//     G0.npy Gplus.npy Gminus.npy   gates after each phase, [S, L, H], float32 (contrastive: G.npy)
//     U0.npy Uplus.npy Uminus.npy   their logits, float64 (contrastive: U.npy)
//     metrics.csv heads.csv         one row an update and gate set; one row a gate set and head
//     run.json                      what it was made from and by
//     state/                        where to go on, of an interrupted fit
#pragma once

#include <chg/gate/checkpoint.hpp>
#include <chg/run/file.hpp>
#include <chg/run/manifest.hpp>
#include <chg/run/tables.hpp>

#include <filesystem>
#include <string>
#include <utility>

namespace chg::run {

struct RunDirectoryOptions {
  bool force = false;  ///< replace a run directory that is there already
};

/// A run directory in the making, NAME.partial, whose run.json says that it is running; finish() gives it its name. Without
/// finish() it is removed again, so that nothing half-written stays, unless the process is killed.
class RunDirectory {
 public:
  /// Makes NAME.partial. Throws Error when NAME or NAME.partial exists, unless options.force and it is a run directory or empty.
  explicit RunDirectory(std::filesystem::path name, RunDirectoryOptions options = {})
      : name_(without_slash(std::move(name))), force_(options.force) {
    refuse(name_, "Choose another name, or use force to replace it.");
    refuse(path(), "Another program is writing it, or was killed; use force to replace it.");
    refuse(replaced(), "A program was killed while it replaced a run; use force to remove it.");
    std::error_code failed;
    if (force_) std::filesystem::remove_all(path(), failed);
    if (!failed && name_.has_parent_path()) std::filesystem::create_directories(name_.parent_path(), failed);
    if (!failed && !std::filesystem::create_directory(path(), failed) && !failed)
      failed = std::make_error_code(std::errc::file_exists);
    if (failed) fail(path(), "cannot be made", failed);
    try {
      write("run.json", "{\"status\": \"running\"}\n");
    } catch (...) {
      std::filesystem::remove_all(path(), failed);
      throw;
    }
  }
  RunDirectory(RunDirectory const&) = delete;
  RunDirectory& operator=(RunDirectory const&) = delete;
  ~RunDirectory() {
    std::error_code ignored;
    if (!finished_) std::filesystem::remove_all(path(), ignored);
  }

  /// Where files are written until finish(): NAME.partial.
  std::filesystem::path path() const { return finished_ ? name_ : detail::aside(name_); }

  void write(std::string const& file, std::string_view bytes) const { files::write_file(path() / file, bytes); }

  /// Makes a folder in it, and returns where.
  std::filesystem::path folder(std::string const& name) const {
    std::error_code failed;
    std::filesystem::create_directory(path() / name, failed);
    if (failed) fail(path() / name, "cannot be made", failed);
    return path() / name;
  }

  /// Writes run.json and gives the directory its name. With force the directory that had it is removed last. Throws Error when
  /// that is not possible, leaving what was there.
  void finish(Json const& manifest) {
    write("run.json", manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    refuse(name_, "It appeared while this run was under way. Use force to replace it.");
    std::error_code failed, ignored;
    auto const there = exists(name_);
    if (there) std::filesystem::remove_all(replaced(), failed);
    if (there && !failed) std::filesystem::rename(name_, replaced(), failed);
    if (!failed) {
      std::filesystem::rename(path(), name_, failed);
      if (failed && there) std::filesystem::rename(replaced(), name_, ignored);
    }
    if (failed) fail(name_, "cannot be put in place", failed);
    finished_ = true;
    if (there) std::filesystem::remove_all(replaced(), ignored);
  }

 private:
  static std::filesystem::path without_slash(std::filesystem::path name) {
    check(!name.empty(), "run directory: name", "a path", "an empty one");
    return name.has_filename() ? name : name.parent_path();
  }

  std::filesystem::path replaced() const {
    auto name = name_;
    return name += ".replaced";
  }
  static bool exists(std::filesystem::path const& path) {
    std::error_code failed;
    return std::filesystem::exists(std::filesystem::symlink_status(path, failed));
  }
  [[noreturn]] static void fail(std::filesystem::path const& path, char const* what, std::error_code reason) {
    throw Error({path.string() + " " + what, "a place where directories can be made and renamed", reason.message(), ""});
  }

  // With force too, nothing but a run directory is ever replaced.
  void refuse(std::filesystem::path const& there, char const* advice) const {
    if (!exists(there)) return;
    check(force_, there.string() + " exists", "a name that is free", "a file or directory", advice);
    std::error_code failed;
    auto const run =
        std::filesystem::is_directory(there, failed) && (exists(there / "run.json") || std::filesystem::is_empty(there, failed));
    check(run && !failed, there.string() + " is no run directory", "a directory with run.json, to replace it", "something else",
          "Choose another name, or remove it yourself.");
  }

  std::filesystem::path name_;
  bool force_, finished_ = false;
};

namespace detail {

/// G of a phase as float32 and its logits as float64; nothing when the phase has not run to its end.
inline void write_phase(std::filesystem::path const& directory, char const* name, GateLogits const& u) {
  if (u.empty()) return;
  write_npy<float>(directory / text("G", name, ".npy"), sigmoid(u).values());
  write_npy<double>(directory / text("U", name, ".npy"), u.values());
}

}  // namespace detail

/// Writes the gates and logits of every phase that has run to its end, metrics.csv, and of a fit with all its phases heads.csv.
inline void write_results(std::filesystem::path const& directory, Fit const& fit) {
  detail::write_phase(directory, "0", fit.u0);
  detail::write_phase(directory, "plus", fit.u_plus);
  detail::write_phase(directory, "minus", fit.u_minus);
  if (fit.status == Status::finished && !fit.u_minus.empty()) files::write_file(directory / "heads.csv", heads_csv(fit));
  files::write_file(directory / "metrics.csv", metrics_csv(fit.metrics));
}
inline void write_results(std::filesystem::path const& directory, ContrastiveFit const& fit) {
  detail::write_phase(directory, "", fit.u);
  files::write_file(directory / "metrics.csv", metrics_csv(fit.metrics));
}

/// write_results, and of an interrupted fit state/fit.bin, which chg::load_fit (or load_contrastive_fit) reads.
template <class Record>
void write_fit(RunDirectory const& directory, Record const& fit) {
  write_results(directory.path(), fit);
  if (fit.status == Status::interrupted) save(fit, directory.folder("state") / "fit.bin");
}

}  // namespace chg::run
