// SPDX-License-Identifier: MIT
// What is where in a run directory, which of its files are ours, and how results get there all together.
//
//     RUN/run.json                  what the run was made from and by; it lists its results by name, size and SHA-256
//     RUN/G0.npy RUN/metrics.csv    results (chg/run/results.hpp)
//     RUN/state/lock                held while a program writes
//     RUN/state/fit.bin             where to go on; fit.previous.bin: the checkpoint before
//     RUN/state/next/               run.json and fit.bin of an attempt that is to replace the run
//     RUN/state/done.writing/       results and the last run.json while they are written
//     RUN/state/done/               the same, whole and on disk: from here on the new results count
//
// The directory itself is never renamed or removed as a whole, so it may be a mount point, the current directory or a link to one.
// Files in it that run.json does not list are the user's, and are left alone.
#pragma once

#include <chg/files/write_file.hpp>
#include <chg/formats/json.hpp>
#include <chg/run/manifest.hpp>
#include <chg/tensor/list_folder.hpp>
#include <chg/tensor/notice.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

namespace chg::run {

/// The names of the results of a fit: what write_results may write, and summary.csv.
template <class Record>
std::vector<std::string> result_names() {
  if (std::is_same_v<Record, ContrastiveFit>) return {"G.npy", "U.npy", "metrics.csv", "summary.csv"};
  return {"G0.npy", "Gplus.npy", "Gminus.npy", "U0.npy", "Uplus.npy", "Uminus.npy", "heads.csv", "metrics.csv", "summary.csv"};
}

namespace detail {

namespace fs = std::filesystem;

[[noreturn]] inline void fail(fs::path const& path, char const* what, int reason) {
  throw Error({path.string() + " " + what, "a directory that can be read and written", std::generic_category().message(reason),
               reason == ENOSPC || reason == EDQUOT ? "Make room, or write elsewhere." : ""});
}

/// Whether something has this name, a link to nothing too. Throws Error where that cannot be told.
inline bool there(fs::path const& path) {
  struct ::stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) fail(path, "cannot be looked at", errno);
  return false;
}

/// What write_file leaves of run.json or a checkpoint when it is killed: .NAME.chg- and six characters.
inline bool leftover_file(std::string_view name) {
  constexpr std::size_t kEnd = 11;
  return (name.starts_with(".run.json.chg-") || name.starts_with(".fit.bin.chg-")) && name.rfind(".chg-") == name.size() - kEnd;
}

inline void remove_leftovers(fs::path const& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) return;
  for (auto const& name : names_in_folder(folder))
    if (leftover_file(name)) ::unlink((folder / name).c_str());
}

/// Removes a folder of ours and the files in it; whatever else is in it stays, and the folder with it.
inline void remove_folder(fs::path const& folder) {
  std::error_code ignored;
  if (!fs::is_directory(fs::symlink_status(folder, ignored))) return;
  for (auto const& name : names_in_folder(folder)) ::unlink((folder / name).c_str());
  ::rmdir(folder.c_str());
}

/// run.json. Throws Error when it cannot be read, and when it is that of another program.
inline nlohmann::json read_manifest(fs::path const& file) {
  auto manifest = formats::read_json(file, {.bytes = 100'000'000});
  auto const text_at = [&](char const* key) {
    return manifest.is_object() && manifest.contains(key) && manifest[key].is_string();
  };
  check(text_at("chg") && text_at("kind"), file.string() + " is not one of chg's", "the manifest of a run: chg, kind, status",
        "something else", "Choose another directory.");
  return manifest;
}

inline bool finished(nlohmann::json const& manifest) {
  auto const status = manifest.find("status");
  return status != manifest.end() && *status == "finished";
}

/// The results that a manifest lists; nothing where it was written by a version that listed none. Throws Error for an entry that is
/// none: a name must be that of a file in the directory itself.
inline std::optional<std::vector<FileRecord>> listed(nlohmann::json const& manifest, std::string const& name) {
  if (!manifest.contains("results")) return std::nullopt;
  formats::JsonObject const object(manifest, name);
  std::vector<FileRecord> files;
  for (auto const& value : object.array("results")) {
    formats::JsonObject const entry(value, object.at(text("results[", files.size(), "]")));
    FileRecord file{entry.string("name"),
                    static_cast<std::uint64_t>(entry.integer("bytes", 0, std::numeric_limits<Index>::max())),
                    entry.string("sha256")};
    auto const plain = !file.name.empty() && file.name.find('/') == std::string::npos && file.name.front() != '.' &&
                       file.name != "run.json" && file.name != "state";
    check(plain, entry.at("name"), "the name of a result", formats::in_quotes(file.name), "The file is damaged.");
    files.push_back(std::move(file));
  }
  return files;
}

/// Whether the run of this manifest wrote a file of that name.
inline bool owns(nlohmann::json const& manifest, std::string const& where, std::string_view name) {
  auto const files = listed(manifest, where);
  if (!files) {  // of a version that listed none: one of these names
    auto known = result_names<Fit>();
    for (auto const& more : result_names<ContrastiveFit>()) known.push_back(more);
    known.emplace_back("ablation.csv");
    return std::find(known.begin(), known.end(), name) != known.end();
  }
  return std::any_of(files->begin(), files->end(), [&](auto const& file) { return file.name == name; });
}

inline bool is_as_listed(fs::path const& path, FileRecord const& wanted) {
  std::error_code failed;
  if (!fs::is_regular_file(fs::symlink_status(path, failed)) || fs::file_size(path, failed) != wanted.bytes) return false;
  return describe_file(path).sha256 == wanted.sha256;
}

}  // namespace detail

/// Where the parts of a run directory are.
struct RunFiles {
  std::filesystem::path name;

  std::filesystem::path manifest() const { return name / "run.json"; }
  std::filesystem::path state() const { return name / "state"; }
  std::filesystem::path lock() const { return state() / "lock"; }
  std::filesystem::path next() const { return state() / "next"; }
  std::filesystem::path staging() const { return state() / "done.writing"; }
  std::filesystem::path committed() const { return state() / "done"; }
  bool has_committed() const { return detail::there(committed() / "run.json"); }
};

/// Puts committed results in place, and may be called again after it was stopped anywhere: results one by one, run.json last. What
/// the run before listed and the new one has not is removed, where it still is what was listed. The lock must be held.
inline void roll_forward(RunFiles const& run) {
  auto const put = [&](std::string const& name) {
    if (!detail::there(run.committed() / name)) return;  // done before
    if (std::rename((run.committed() / name).c_str(), (run.name / name).c_str()) == 0) return;
    auto const reason = errno;
    throw Error({(run.name / name).string() + " cannot be put in place", "a place where files can be renamed",
                 std::generic_category().message(reason),
                 "All results are whole in " + run.committed().string() + ": they are put in place by --resume."});
  };
  auto const synced = [&](std::filesystem::path const& folder) {
    if (auto const failed = files::sync_folder(folder); failed != 0) detail::fail(folder, "cannot be synced", failed);
  };
  auto const manifest = detail::read_manifest(run.committed() / "run.json");
  auto const results = detail::listed(manifest, (run.committed() / "run.json").string()).value_or(std::vector<FileRecord>());
  std::vector<FileRecord> before;
  if (detail::there(run.manifest()))
    before = detail::listed(detail::read_manifest(run.manifest()), run.manifest().string()).value_or(before);
  for (auto const& file : results) put(file.name);
  for (auto const& file : before) {
    auto const kept = std::any_of(results.begin(), results.end(), [&](auto const& other) { return other.name == file.name; });
    if (kept || !detail::is_as_listed(run.name / file.name, file)) continue;
    if (::unlink((run.name / file.name).c_str()) != 0)
      notice((run.name / file.name).string() +
             " is of the run before and could not be removed: " + std::generic_category().message(errno));
  }
  synced(run.name);
  if (!detail::finished(manifest) && detail::there(run.next() / "fit.bin"))  // an interrupted attempt: the place where it goes on
    std::rename((run.next() / "fit.bin").c_str(), (run.state() / "fit.bin").c_str());
  put("run.json");
  synced(run.name);
  detail::remove_folder(run.committed());
  detail::remove_folder(run.next());
  if (!detail::finished(manifest)) return;
  for (auto const* name : {"fit.bin", "fit.previous.bin"}) ::unlink((run.state() / name).c_str());
}

}  // namespace chg::run
