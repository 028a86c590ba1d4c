// SPDX-License-Identifier: MIT
// A finished run as a source of results: every file that is read is compared with its hash in run.json first.
#pragma once

#include <chg/run/run_files.hpp>
#include <chg/run/run_lock.hpp>
#include <chg/tensor/notice.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace chg::run {

class FinishedRun {
 public:
  /// Reads run.json. Results that a killed program had written whole are put in place first, or, where that is not possible, read
  /// where they are. Throws Error when the run is none, or is not finished.
  explicit FinishedRun(std::filesystem::path directory) : run_{std::move(directory)} {
    if (run_.has_committed()) try {
        RunLock lock;
        auto const locked = lock.take(run_.lock(), run_.name.string(), [] {}) == 0;
        if (locked && run_.has_committed()) roll_forward(run_);
        lock.release(true);
        ::rmdir(run_.state().c_str());
      } catch (Error const&) {  // another program does it just now, or nobody may write here
      }
    auto const file = first_of(run_.committed() / "run.json", run_.manifest(), [&](std::filesystem::path const& place) {
      manifest_ = detail::read_manifest(place);
      return place;
    });
    formats::JsonObject const object(manifest_, file.string());
    auto const status = object.string("status");
    check(status == "finished", run_.name.string() + ": status", "a finished run", formats::in_quotes(status),
          "Go on with it by --resume.");
    results_ = detail::listed(manifest_, file.string());
    if (!results_)
      notice(file.string() + " lists no results, as older versions wrote it: whether they are as they were is not checked");
  }

  std::filesystem::path const& path() const { return run_.name; }
  nlohmann::json const& manifest() const { return manifest_; }
  /// Whether a file of that name is one of its results.
  bool has(std::string const& name) const {
    return results_ ? record(name) != nullptr : detail::owns(manifest_, "", name) && detail::there(run_.name / name);
  }

  /// The bytes of a result. Throws Error when there is none of that name, and when it is not what the run wrote.
  formats::MappedFile read(std::string const& name) const {
    auto const path = run_.name / name;
    auto const* const wanted = record(name);
    check(!results_ || wanted, path.string(), "a result that run.json lists", "none of that name");
    auto file = first_of(run_.committed() / name, path, [&](std::filesystem::path const& place) {
      check(detail::there(place), path.string() + " is missing", "the file that run.json lists", "none", kAdvice);
      return formats::MappedFile(place);
    });
    if (!wanted) return file;
    check(file.bytes().size() == wanted->bytes, path.string() + " is damaged, or another file: bytes",
          text(wanted->bytes, ", as run.json says"), file.bytes().size(), kAdvice);
    auto const sha256 = files::Sha256().add(file.bytes()).hex();
    check(sha256 == wanted->sha256, path.string() + " is damaged, or another file: SHA-256",
          formats::in_quotes(wanted->sha256) + ", as run.json says", sha256, kAdvice);
    return file;
  }

  /// Throws Error naming the first result that is missing, damaged or another's.
  void check_all() const {
    if (results_)
      for (auto const& file : *results_) static_cast<void>(read(file.name));
  }

 private:
  static constexpr char const* kAdvice = "Put back the file of this run, or make the run again with --force.";

  /// What `read` makes of the first place while something is there, of the second otherwise: another program may be moving it.
  template <class Read>
  static std::invoke_result_t<Read const&, std::filesystem::path const&> first_of(std::filesystem::path const& waiting,
                                                                                  std::filesystem::path const& path,
                                                                                  Read const& read) {
    if (detail::there(waiting)) try {
        return read(waiting);
      } catch (Error const&) {
        if (detail::there(waiting)) throw;
      }
    return read(path);
  }

  FileRecord const* record(std::string const& name) const {
    if (results_)
      for (auto const& file : *results_)
        if (file.name == name) return &file;
    return nullptr;
  }

  RunFiles run_;
  nlohmann::json manifest_;
  std::optional<std::vector<FileRecord>> results_;
};

/// The run that wrote this file, found through links; nothing for other files, also those of users in a run directory. Throws
/// Error when the file is not what the run wrote.
inline std::optional<FinishedRun> run_of(std::filesystem::path const& file) {
  std::error_code failed;
  auto const real = std::filesystem::canonical(file, failed);
  if (failed) return std::nullopt;
  auto const directory = real.parent_path();
  try {
    if (!detail::there(directory / "run.json") || !detail::finished(detail::read_manifest(directory / "run.json")))
      return std::nullopt;
  } catch (Error const&) {
    return std::nullopt;  // a run.json of another program
  }
  FinishedRun run(directory);
  auto const name = real.filename().string();
  if (!run.has(name)) return std::nullopt;
  static_cast<void>(run.read(name));
  return run;
}

}  // namespace chg::run
