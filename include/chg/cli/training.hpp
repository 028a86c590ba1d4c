// SPDX-License-Identifier: MIT
// Runs a fit in a RUN directory: a checkpoint every few updates, an end on Ctrl-C that can be resumed, results at the end.
//
// A checkpoint is a callback that stops, a save, and a resume, which gives the bits of a fit that never stopped.
#pragma once

#include <chg/cli/checkpoint_pace.hpp>
#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/cli/interrupts.hpp>
#include <chg/run/resumable_run.hpp>
#include <chg/run/run_directory.hpp>
#include <chg/run/summary.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chg::cli {

/// What was asked for, and how it was typed.
struct TrainingRequest {
  std::string out;
  bool resume = false, force = false;
  std::string command_line, null = "none";
};

/// A data set to score the fit on.
struct SummaryData {
  std::string name;
  Examples const* examples;
};

namespace detail {

/// At most that many training examples are scored for summary.csv, evenly spread over the data.
inline constexpr Index kTrainingSample = 1024;

inline Examples training_sample(Examples const& data) {
  auto const n = std::min(data.size(), kTrainingSample);
  std::vector<Example> sample;
  for (Index i = 0; i < n; ++i) sample.push_back(data[i * data.size() / n]);
  return Examples(std::move(sample));
}

template <class Record>
class Training {
  using Options = typename Record::Options;
  using Json = run::Json;

 public:
  Training(TrainingRequest request, Settings const& s, run::Manifest manifest, Options options, Index scalar_bytes)
      : request_(std::move(request)),
        settings_(s),
        manifest_(std::move(manifest)),
        options_(std::move(options)),
        run_(request_.out) {
    if (begun_rows() > 0) options_.run.max_rows = begun_rows();
    planned_.options = options_;
    planned_.origin.scalar_bytes = scalar_bytes;
    planned_.status = Status::interrupted;
  }

  /// How the chunks of the run to go on with were cut, which is part of its bits, whatever --max-memory is today; 0 for a new run.
  Index begun_rows() const {
    if (!request_.resume || run_.found() == run::Found::nothing) return 0;
    auto const options = run_.manifest().value("options", Json::object());
    auto const rows = options.is_object() ? options.value("run.max_rows", Json()) : Json();
    return rows.is_number_integer() ? std::max<Index>(1, rows.get<Index>()) : 0;
  }

  void run_with(RunOptions run) {
    run.stop = &GracefulInterrupts::requested;
    options_.run = planned_.options.run = run;
  }
  RunOptions const& run() const { return options_.run; }

  /// Whether there is nothing to do. Throws Error when what is at the name of the run may not be taken up or replaced.
  bool done_before() const {
    auto const found = run_.found();
    if (found == run::Found::nothing || request_.force) return false;
    auto const name = request_.out;
    if (!request_.resume)
      throw Error({name + " exists", "a name that is free",
                   found == run::Found::finished ? "a finished run" : "an unfinished run",
                   found == run::Found::finished ? "Choose another name, or use --force to overwrite it."
                                                 : "Go on with it by --resume, or use --force to overwrite it."});
    run::check_same_run(run_.path(), run_.manifest(), json(planned_, "running"));
    return found == run::Found::finished;
  }

  /// begin(options) and resume(record, options) as chg::fit_with and chg::resume_with; both call the progress callback.
  template <class Begin, class Resume>
  Record operator()(Begin const& begin, Resume const& resume) {
    graceful_.emplace();
    std::optional<Record> record;
    if (run_.found() == run::Found::unfinished && request_.resume) {
      run_.reopen();
      began_with_ = run_.manifest();
      record = run_.template saved<Record>();
      run_.write_manifest(json(planned_, "running"));
    } else {
      run_.begin(json(planned_, "running"));
    }
    ProgressLine line(settings_);
    CheckpointPace pace;
    options_.progress = [&](Progress const& p) {
      line.show(p);
      std::chrono::duration<double> const now = std::chrono::steady_clock::now().time_since_epoch();
      return !pace.due(now.count(), p.seconds) && !GracefulInterrupts::requested();
    };
    record = record ? resume(*std::move(record), options_) : begin(options_);
    while (record->status == Status::interrupted) {
      run_.checkpoint(*record);
      if (GracefulInterrupts::requested()) stop(line, *record);
      record = resume(*std::move(record), options_);
    }
    run_.checkpoint(*record);
    return *std::move(record);
  }

  /// Writes all results and says that the run is finished.
  template <class Model>
  void finish(Record const& record, Model const& model, std::vector<SummaryData> const& data) {
    run::write_results(run_.path(), record);
    std::vector<run::SummaryRow> rows;
    try {
      for (auto const& [name, examples] : data) {
        auto more = run::summarise(model, record, name, *examples, options_.run);
        rows.insert(rows.end(), more.begin(), more.end());
      }
    } catch (Stopped const&) {
      ProgressLine line(settings_);
      stop(line, record);
    }
    run_.write("summary.csv", run::summary_csv(rows));
    run_.finish(json(record, "finished"));
    graceful_.reset();
  }

  std::filesystem::path const& path() const { return run_.path(); }

 private:
  [[noreturn]] void stop(ProgressLine& line, Record const& record) {
    line.clear();
    run_.write_manifest(json(record, "interrupted"));
    auto const again = request_.command_line + (request_.resume ? "" : " --resume");
    throw Interrupted{"interrupted; all updates so far are saved. Go on with: " +
                      (request_.force ? without_force(again) : again)};
  }
  static std::string without_force(std::string line) {
    constexpr std::string_view flag = " --force";
    if (auto const at = line.find(flag); at != std::string::npos) line.erase(at, flag.size());
    return line;
  }

  Json json(Record const& record, char const* status) const {
    auto j = run::manifest_json(manifest_, record);
    j["status"] = status;
    j["options"]["null"] = request_.null;
    if (status != std::string_view("finished")) j["ended"] = nullptr;
    if (began_with_.is_object()) {
      j["started"] = began_with_.value("started", j["started"]);
      j["resumed"] = began_with_.value("resumed", 0) + 1;
    }
    return j;
  }

  TrainingRequest request_;
  Settings const& settings_;
  run::Manifest manifest_;
  Options options_;
  Record planned_;
  run::ResumableRun run_;
  Json began_with_;
  std::optional<GracefulInterrupts> graceful_;  // from the first update until all is written
};

}  // namespace detail

}  // namespace chg::cli
