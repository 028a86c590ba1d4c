// SPDX-License-Identifier: MIT
// A run directory that survives `kill -9`: from its first moment run.json says what it is made from, and state/fit.bin where to
// go on. The status in run.json is "running" or "interrupted" until all results are in place, then "finished".
//
// Every file is written aside and renamed; so is the directory itself when it is made. A lock, which the system gives back when a
// process ends in whatever way, keeps a second program out.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/gate/checkpoint.hpp>
#include <chg/run/file.hpp>
#include <chg/run/manifest.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace chg::run {

/// What is at the name of a run.
enum class Found { nothing, unfinished, finished };

class ResumableRun {
 public:
  /// Looks, and changes nothing. Throws Error when the name is taken by something that is no run directory.
  explicit ResumableRun(std::filesystem::path name) : name_(name.has_filename() ? std::move(name) : name.parent_path()) {
    check(!name_.empty(), "run directory: name", "a path", "an empty one");
    std::error_code failed;
    if (!std::filesystem::exists(std::filesystem::symlink_status(name_, failed))) return;
    auto const directory = std::filesystem::is_directory(name_, failed);
    if (directory && std::filesystem::is_empty(name_, failed)) return;
    check(directory && std::filesystem::exists(name_ / "run.json"), name_.string() + " is no run directory",
          "a free name, or a directory with run.json", "something else", "Choose another name, or remove it yourself.");
    manifest_ = Json(formats::read_json(name_ / "run.json", {.bytes = 100'000'000}));
    found_ = manifest_.is_object() && manifest_.value("status", "") == "finished" ? Found::finished : Found::unfinished;
  }
  ResumableRun(ResumableRun const&) = delete;
  ResumableRun& operator=(ResumableRun const&) = delete;
  /// A run that failed before there was anything to go on from leaves nothing.
  ~ResumableRun() {
    if (lock_ >= 0) ::close(lock_);
    std::error_code ignored;
    if (began_ && !std::filesystem::exists(state(), ignored)) std::filesystem::remove_all(name_, ignored);
  }

  Found found() const { return found_; }
  /// run.json as it was found.
  Json const& manifest() const { return manifest_; }
  std::filesystem::path const& path() const { return name_; }

  /// Makes the directory, in place of what was found there. Throws Error with the reason when that is not possible.
  void begin(Json const& manifest) {
    std::error_code failed, ignored;
    auto const aside = detail::aside(name_), replaced = with_suffix(".replaced");
    if (found_ != Found::nothing) hold(name_ / "state" / "lock");  // throws while another program is writing it
    remove_leftover(aside);
    remove_leftover(replaced);
    if (name_.has_parent_path()) std::filesystem::create_directories(name_.parent_path(), failed);
    if (!failed) std::filesystem::create_directories(aside / "state", failed);
    if (failed) fail(aside, "cannot be made", failed);
    try {
      files::write_file(aside / "run.json", dump(manifest));
      hold(aside / "state" / "lock");
      if (found_ != Found::nothing) std::filesystem::rename(name_, replaced, failed);
      if (!failed) std::filesystem::rename(aside, name_, failed);
      if (failed) fail(name_, "cannot be put in place", failed);
    } catch (...) {
      std::filesystem::remove_all(aside, ignored);
      throw;
    }
    std::filesystem::remove_all(replaced, ignored);
    began_ = true;
  }

  /// Takes up the unfinished run that was found. Throws Error when another program is writing it.
  void reopen() { hold(name_ / "state" / "lock"); }

  /// Writes where to go on. Throws Error when that is not possible; what was saved before stays then.
  template <class Record>
  void checkpoint(Record const& record) const {
    try {
      save(record, state());
    } catch (Error const&) {
      std::error_code unknown;
      constexpr std::uintmax_t kAlmostNothing = 1 << 20;
      auto const room = std::filesystem::space(name_, unknown);
      if (!unknown && room.available < kAlmostNothing)
        throw Error({state().string() + " cannot be written", "room on the disk", text(room.available, " bytes that are free"),
                     "Make room, then go on with --resume if the run was saved before."});
      throw;
    }
  }
  /// What checkpoint wrote; nothing when the run was ended before.
  template <class Record>
  std::optional<Record> saved() const {
    std::error_code ignored;
    if (!std::filesystem::exists(state(), ignored)) return std::nullopt;
    return chg::detail::load_record<Record>(state());
  }

  void write(std::string const& file, std::string_view bytes) const { files::write_file(name_ / file, bytes); }
  void write_manifest(Json const& manifest) const { write("run.json", dump(manifest)); }

  /// Says that the run is finished, after all its results were written, and removes the state.
  void finish(Json const& manifest) {
    write_manifest(manifest);
    began_ = false;
    std::error_code ignored;
    std::filesystem::remove_all(name_ / "state", ignored);
  }

 private:
  std::filesystem::path state() const { return name_ / "state" / "fit.bin"; }
  std::filesystem::path with_suffix(char const* suffix) const {
    auto name = name_;
    return name += suffix;
  }
  static std::string dump(Json const& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

  /// What a program that was killed while it made or replaced a run may have left; nothing else is removed.
  static void remove_leftover(std::filesystem::path const& path) {
    std::error_code failed;
    if (!std::filesystem::exists(std::filesystem::symlink_status(path, failed))) return;
    auto const ours = std::filesystem::is_directory(path, failed) &&
                      (std::filesystem::is_empty(path, failed) || std::filesystem::exists(path / "run.json") ||
                       std::filesystem::exists(path / "state"));
    check(ours, path.string() + " is in the way", "a free name, to write the run aside", "something that is no run directory",
          "Move it away.");
    std::filesystem::remove_all(path, failed);
    if (failed) fail(path, "cannot be removed", failed);
  }

  void hold(std::filesystem::path const& file) {
    std::error_code ignored;
    std::filesystem::create_directories(file.parent_path(), ignored);
    auto const opened = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (opened < 0) fail(file, "cannot be opened", {errno, std::generic_category()});
    struct ::flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    auto const locked = ::fcntl(opened, F_SETLK, &whole) == 0;
    auto const busy = !locked && (errno == EACCES || errno == EAGAIN);  // some file systems have no locks: go without
    if (busy) ::close(opened);
    check(!busy, name_.string() + " is being written by another program", "a run that nobody is writing", "one with a lock on it",
          "Wait for it, or end it.");
    if (lock_ >= 0) ::close(lock_);
    lock_ = opened;
  }

  [[noreturn]] static void fail(std::filesystem::path const& path, char const* what, std::error_code reason) {
    throw Error({path.string() + " " + what, "a place where directories can be made and renamed", reason.message(),
                 reason.value() == ENOSPC || reason.value() == EDQUOT ? "Make room, or write elsewhere." : ""});
  }

  std::filesystem::path name_;
  Found found_ = Found::nothing;
  Json manifest_;
  int lock_ = -1;
  bool began_ = false;
};

namespace detail {

/// The parts of a manifest that decide the bits of a result, by name.
inline std::vector<std::pair<std::string, nlohmann::json>> identity(nlohmann::json const& m) {
  using Sorted = nlohmann::json;  // objects are equal whatever the order of their keys
  auto const at = [](Sorted const& object, char const* key) {
    return object.is_object() ? object.value(key, Sorted()) : Sorted();
  };
  std::vector<std::pair<std::string, Sorted>> parts;
  for (auto const* key : {"kind", "precision", "bos"}) parts.emplace_back(key, at(m, key));
  auto const model = at(m, "model");
  parts.emplace_back("architecture of the model", at(model, "architecture"));
  auto const files = at(model, "files");
  if (files.empty()) parts.emplace_back("model", at(model, "name"));
  for (auto const& file : files) parts.emplace_back("SHA-256 of the model's " + file.value("name", ""), at(file, "sha256"));
  for (auto const& data : at(m, "data"))
    parts.emplace_back("SHA-256 of the data (" + data.value("role", "") + ")", at(data, "sha256"));
  auto const options = at(m, "options");
  for (auto const& option : options.items())
    if (option.key() != "preset")
      parts.emplace_back("option " + option.key(), option.value());  // what it decides is there itself
  return parts;
}

}  // namespace detail

/// Throws Error naming the first thing that decides the result and is not as it was when the run began.
inline void check_same_run(std::filesystem::path const& name, Json const& began_with, Json const& now) {
  auto const advice = "Resume with the model, data and options of the run, or overwrite it with --force.";
  auto const then = detail::identity(nlohmann::json(began_with));
  auto const parts = detail::identity(nlohmann::json(now));
  for (std::size_t i = 0; i < std::max(then.size(), parts.size()); ++i) {
    auto const what = name.string() + ": " + (i < then.size() ? then[i] : parts[i]).first;
    auto const same_part = i < then.size() && i < parts.size() && then[i].first == parts[i].first;
    check(same_part, what, "the same files and options as when the run began", "others", advice);
    check(then[i].second == parts[i].second, what, then[i].second.dump() + ", with which the run began", parts[i].second.dump(),
          advice);
  }
}

}  // namespace chg::run
