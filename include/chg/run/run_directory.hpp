// SPDX-License-Identifier: MIT
// A run directory in the making, which survives `kill -9`: from its first moment run.json says what it is made from, and
// state/fit.bin where to go on. The status in run.json is "running" or "interrupted" until all results are in place, then
// "finished".
//
// A run that is replaced stays whole and readable until the new one is whole: the attempt lives in state/next, and its results
// take their places together (chg/run/run_files.hpp). An attempt that fails before there is anything to go on from leaves nothing.
#pragma once

#include <chg/gate/checkpoint.hpp>
#include <chg/run/run_files.hpp>
#include <chg/run/run_lock.hpp>
#include <chg/tensor/list_folder.hpp>
#include <chg/tensor/notice.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chg::run {

/// What is at the name of a run: of one that has an unfinished attempt to replace it, the attempt.
enum class Found { nothing, unfinished, finished };

class RunDirectory {
 public:
  /// Looks, and changes nothing but to put results in place that a killed program had written whole. Throws Error when the name is
  /// taken by something that is no run directory: neither empty, nor with a run.json of chg's, nor with nothing but state/ of ours.
  explicit RunDirectory(std::filesystem::path name) : run_{name.has_filename() ? std::move(name) : name.parent_path()} {
    check(!run_.name.empty(), "run directory: name", "a path", "an empty one");
    look();
    if (!committed_) return;
    lock();
    if (run_.has_committed()) roll_forward(run_);
    unlock();
    look();
  }
  RunDirectory(RunDirectory const&) = delete;
  RunDirectory& operator=(RunDirectory const&) = delete;
  ~RunDirectory() {
    try {
      leave();
    } catch (...) {  // no room to build a name: files of ours stay, which the next program passes over or replaces
    }
  }

  Found found() const { return found_; }
  /// Whether there is a run that an unfinished attempt is to replace.
  bool replacing() const { return attempt_; }
  /// run.json as it was found, of the attempt if there is one; empty where it is missing though there is a state to go on from.
  Json const& manifest() const { return manifest_; }
  std::filesystem::path const& path() const { return run_.name; }

  /// Throws Error when the directory cannot be written, or cannot be made. Changes nothing.
  void check_place() const {
    auto folder = run_.name;
    while (!detail::there(folder)) folder = folder.has_parent_path() ? folder.parent_path() : ".";
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return;
    detail::fail(run_.name, folder == run_.name ? "cannot be written" : "cannot be made", errno);
  }

  /// Begins a run, in place of what was found, at the latest when it finishes. names: results that it may write; where files of the
  /// user have such a name, Error says so now. Throws Error with the reason when the directory cannot be written.
  void begin(Json manifest, std::vector<std::string> const& names = {}) {
    take_over();
    for (auto const& name : names) check_ours(name);
    lists_ = true;
    attempt_ = older_;
    began_ = true;
    if (attempt_ && ::mkdir(run_.next().c_str(), 0777) != 0 && errno != EEXIST)
      detail::fail(run_.next(), "cannot be made", errno);
    for (auto const& file : {checkpoint_file(), checkpoint_file("fit.previous.bin")}) ::unlink(file.c_str());
    write_manifest(std::move(manifest));
  }

  /// Takes up the unfinished run that was found. Throws Error when another program is writing it.
  void reopen() {
    take_over();
    lists_ = manifest_.contains("results");
  }

  /// Writes where to go on. Throws Error when that is not possible; what was saved before stays then.
  template <class Record>
  void checkpoint(Record const& record) {
    auto const file = checkpoint_file(), previous = checkpoint_file("fit.previous.bin");
    if (detail::there(file)) {
      ::unlink(previous.c_str());
      // Where a file system has no second names, there is none for a moment.
      if (::link(file.c_str(), previous.c_str()) != 0) std::rename(file.c_str(), previous.c_str());
    }
    try {
      save(record, file);
    } catch (Error const&) {
      std::error_code unknown;
      constexpr std::uintmax_t kAlmostNothing = 1 << 20;
      auto const room = std::filesystem::space(run_.name, unknown);
      if (!unknown && room.available < kAlmostNothing)
        throw Error({file.string() + " cannot be written", "room on the disk", text(room.available, " bytes that are free"),
                     "Make room, then go on with --resume if the run was saved before."});
      throw;
    }
    began_ = false;  // there is something to go on from
  }

  /// What checkpoint wrote last, or where that is damaged what it wrote before, with a notice; nothing when the run was ended
  /// before the first. Throws Error when neither can be read.
  template <class Record>
  std::optional<Record> saved() const {
    auto const file = checkpoint_file(), previous = checkpoint_file("fit.previous.bin");
    auto const second = detail::there(previous);
    if (!detail::there(file) && !second) return std::nullopt;
    try {
      return chg::detail::load_record<Record>(file);
    } catch (Error const& e) {
      if (second) try {
          auto record = chg::detail::load_record<Record>(previous);
          notice(file.string() + " is missing or damaged: the fit goes on from the checkpoint before it, to the same bits");
          return record;
        } catch (Error const&) {  // the first one counts
        }
      auto complaint = e.complaint();
      complaint.advice = "Begin the fit again, by --force.";
      throw Error(std::move(complaint));
    }
  }

  /// Writes run.json of the run that was begun or reopened.
  void write_manifest(Json manifest) const {
    if (lists_) manifest["results"] = Json::array();
    files::write_file((attempt_ ? run_.next() : run_.name) / "run.json", dump(manifest));
  }

  /// The folder that results are written into until finish().
  std::filesystem::path results() {
    check(lock_.held(), "run directory: results", "a run that was begun or reopened", "neither");
    if (staged_) return run_.staging();
    detail::remove_folder(run_.staging());
    if (::mkdir(run_.staging().c_str(), 0777) != 0) detail::fail(run_.staging(), "cannot be made", errno);
    staged_ = true;
    return run_.staging();
  }
  void write(std::string const& file, std::string_view bytes) { files::write_file(results() / file, bytes); }

  /// Puts the results in place with this manifest, which lists them; with the status "finished" the state is removed. Throws Error
  /// when that is not possible: what was there counts then, or, once all was written whole, the new run.
  void finish(Json manifest) {
    auto const staging = results();
    manifest["results"] = Json::array();
    for (auto const& name : names_in_folder(staging)) {
      check_ours(name);
      auto const file = describe_file(staging / name);
      manifest["results"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
    }
    files::write_file(staging / "run.json", dump(manifest));
    detail::remove_folder(run_.committed());
    if (std::rename(staging.c_str(), run_.committed().c_str()) != 0)
      detail::fail(run_.committed(), "cannot be put in place", errno);
    staged_ = began_ = false;
    if (auto const failed = files::sync_folder(run_.state()); failed != 0) detail::fail(run_.state(), "cannot be synced", failed);
    roll_forward(run_);
    unlock();
    found_ = detail::finished(manifest) ? Found::finished : Found::unfinished;
  }

 private:
  static std::string dump(Json const& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }
  std::filesystem::path checkpoint_file(char const* name = "fit.bin") const {
    return (attempt_ ? run_.next() : run_.state()) / name;
  }

  void look() {
    found_ = Found::nothing, manifest_ = nullptr, older_ = attempt_ = committed_ = false;
    if (!detail::there(run_.name)) return;
    std::error_code failed;
    check(std::filesystem::is_directory(run_.name, failed), run_.name.string() + " is no run directory",
          "a free name, or a directory", failed ? "a link to nothing" : "a file", "Choose another name.");
    committed_ = run_.has_committed();
    older_ = detail::there(run_.manifest());
    if (older_) {
      manifest_ = Json(detail::read_manifest(run_.manifest()));
      found_ = detail::finished(manifest_) ? Found::finished : Found::unfinished;
      attempt_ = detail::there(run_.next() / "run.json");
      if (!attempt_) return;
      manifest_ = Json(detail::read_manifest(run_.next() / "run.json"));
      found_ = Found::unfinished;
    } else if (check_only_ours()) {
      manifest_ = Json::object();
      found_ = Found::unfinished;
    }
  }

  /// Throws Error unless the directory is empty or holds nothing but what a killed program leaves; says whether that is a state to
  /// go on from.
  bool check_only_ours() const {
    auto const only = [](std::filesystem::path const& folder, std::vector<std::string> const& ours) {
      for (auto const& name : names_in_folder(folder))
        if (std::find(ours.begin(), ours.end(), name) == ours.end() && !detail::leftover_file(name)) return false;
      return true;
    };
    std::error_code failed;
    // lost+found: an ext4 volume that is mounted there.
    auto const state = std::filesystem::is_directory(run_.state(), failed);
    auto const ours =
        only(run_.name, state ? std::vector<std::string>{"state", "lost+found"} : std::vector<std::string>{"lost+found"}) &&
        (!state || only(run_.state(), {"lock", "fit.bin", "fit.previous.bin", "next", "done", "done.writing"}));
    check(ours, run_.name.string() + " is no run directory", "a free name, an empty directory, or one with run.json",
          "a directory with other files", "Choose another name, for instance a directory inside it.");
    return detail::there(run_.state() / "fit.bin") || detail::there(run_.state() / "fit.previous.bin");
  }

  void check_ours(std::string const& name) const {
    if (!detail::there(run_.name / name)) return;
    auto const ours = older_ && detail::owns(detail::read_manifest(run_.manifest()), run_.manifest().string(), name);
    check(ours, (run_.name / name).string() + " would be overwritten", "a name that is free, for a result of this run",
          "a file that run.json does not list", "Move it away.");
  }

  /// The lock, and what was found still there.
  void take_over() {
    if (lock_.held()) return;
    auto const found = found_;
    auto const manifest = manifest_;
    lock();
    look();
    if (committed_) roll_forward(run_), look();
    for (auto const& folder : {run_.name, run_.state(), run_.next()}) detail::remove_leftovers(folder);
    if (found == found_ && manifest == manifest_) return;
    unlock();
    throw Error({run_.name.string() + " has changed", found == Found::nothing ? "a name that is free" : "the run that was there",
                 "one that another program just wrote", "Look at it, and try again."});
  }

  void lock() {
    if (auto const failed = lock_.take(run_.lock(), run_.name.string(), [&] { make_folders(); }); failed != 0)
      detail::fail(run_.lock(), "cannot be opened", failed);
  }
  void unlock() {
    lock_.release(true);
    ::rmdir(run_.state().c_str());  // unless there is something to go on from
  }

  /// RUN/state, RUN and the folders above, as far as they are missing.
  void make_folders() {
    std::vector<std::filesystem::path> missing;
    for (auto folder = run_.state(); !folder.empty() && ::access(folder.c_str(), F_OK) != 0; folder = folder.parent_path())
      missing.push_back(folder);
    for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
      if (::mkdir(folder->c_str(), 0777) == 0)
        made_.push_back(*folder);
      else if (errno != EEXIST && errno != ENOENT)
        detail::fail(*folder, "cannot be made", errno);
    }
  }

  void leave() {
    if (staged_) detail::remove_folder(run_.staging());
    if (began_) {
      ::unlink(((attempt_ ? run_.next() : run_.name) / "run.json").c_str());
      // of a checkpoint whose folder could not be synced
      for (auto const* name : {"fit.bin", "fit.previous.bin"}) ::unlink(checkpoint_file(name).c_str());
      if (attempt_) ::rmdir(run_.next().c_str());
    }
    lock_.release(lock_.made() || began_);
    for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) ::rmdir(folder->c_str());  // as far as they are empty
  }

  RunFiles run_;
  RunLock lock_;
  Found found_ = Found::nothing;
  Json manifest_;
  bool older_ = false;                         ///< RUN/run.json is there
  bool attempt_ = false;                       ///< this run is one to replace it, in state/next
  bool committed_ = false;                     ///< results of a program that was killed wait in state/done
  bool began_ = false;                         ///< by this object, and nothing was saved yet
  bool staged_ = false;                        ///< results were written
  bool lists_ = false;                         ///< run.json lists results: what it does not list is not ours
  std::vector<std::filesystem::path> made_{};  ///< folders, in the order in which this object made them
};

}  // namespace chg::run
