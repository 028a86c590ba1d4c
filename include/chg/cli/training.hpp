// SPDX-License-Identifier: MIT
// Runs a fit in a RUN directory: a checkpoint every few updates, an end on Ctrl-C that can be resumed, results at the end.
//
// A checkpoint is a callback that stops, a save, and a resume, which gives the bits of a fit that never stopped.
#pragma once

#include <chg/cli/checkpoint_pace.hpp>
#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/cli/interrupts.hpp>
#include <chg/files/output.hpp>
#include <chg/run/finished_run.hpp>
#include <chg/run/results.hpp>
#include <chg/run/same_run.hpp>
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
  std::vector<std::filesystem::path> inputs{};  ///< files that the command reads
};

/// A data set to score the fit on.
struct SummaryData {
  std::string name;
  Examples const* examples;
};

namespace detail {

/// Throws Error when there is a run that the request does not say what to do with.
inline void refuse_existing(run::RunDirectory const& run, TrainingRequest const& request) {
  auto const finished = run.found() == run::Found::finished;
  if (run.found() == run::Found::nothing || request.resume || request.force) return;
  throw Error({request.out + " exists", "a name that is free",
               finished          ? "a finished run"
               : run.replacing() ? "a run, and an unfinished one to replace it"
                                 : "an unfinished run",
               finished ? "Choose another name, or use --force to overwrite it."
                        : "Go on with it by --resume, or use --force to overwrite it."});
}

/// Throws Error now, before models are read, when the run cannot be written there, or would write over one of the inputs.
template <class Record>
void check_run_place(TrainingRequest const& request) {
  run::RunDirectory const run(request.out);
  refuse_existing(run, request);
  if (!request.resume || run.found() != run::Found::finished) run.check_place();
  for (auto const& name : run::result_names<Record>()) files::check_is_no_input(run.path() / name, request.inputs);
  files::check_is_no_input(run.path() / "run.json", request.inputs);
}

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
    if (auto const rows = begun_rows(); rows > 0) options_.run.max_rows = rows;
    planned_.options = options_;
    planned_.origin.scalar_bytes = scalar_bytes;
    planned_.status = Status::interrupted;
  }

  /// How the chunks of the run to go on with were cut, which is part of its bits, whatever --max-memory is today; 0 for a new run.
  Index begun_rows() const {
    if (!request_.resume || run_.found() == run::Found::nothing) return 0;
    auto const rows = run::detail::member(run::detail::member(nlohmann::json(run_.manifest()), "options"), "run.max_rows");
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
    refuse_existing(run_, request_);
    check(!run_.manifest().empty(), (run_.path() / "run.json").string() + " is missing", "the manifest of an unfinished run",
          "none", "Put it back, or begin again by --force.");
    run::check_same_run(run_.path(), run_.manifest(), json(planned_, "running"));
    if (found == run::Found::finished) run::FinishedRun(run_.path()).check_all();
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
    } else {
      run_.begin(json(planned_, "running"), run::result_names<Record>());
      marked_ = true;
    }
    ProgressLine line(settings_);
    CheckpointPace pace;
    options_.progress = [&](Progress const& p) {
      if (!marked_) run_.write_manifest(json(planned_, "running"));  // the saved fit was accepted: from here on it is changed
      marked_ = true;
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
    run::write_results(run_.results(), record);
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
      nlohmann::json const then(began_with_);
      if (auto const started = run::detail::text_member(then, "started"); !started.empty()) j["started"] = started;
      auto const resumed = run::detail::member(then, "resumed");
      j["resumed"] = (resumed.is_number_unsigned() ? resumed.get<std::uint32_t>() : 0) + 1;
    }
    return j;
  }

  TrainingRequest request_;
  Settings const& settings_;
  run::Manifest manifest_;
  Options options_;
  Record planned_;
  run::RunDirectory run_;
  bool marked_ = false;  ///< run.json says that this program is running it
  Json began_with_;
  std::optional<GracefulInterrupts> graceful_;  // from the first update until all is written
};

}  // namespace detail

}  // namespace chg::cli
