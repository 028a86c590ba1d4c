// SPDX-License-Identifier: MIT
// Whole updates of one gate set, on request: our side of compare.py.
//
//     chg_bench_update --model MODEL [--precision f32] [--threads 2] [--max-rows 1024]
//
// Loads the model once, then answers each line of stdin, a JSON object, with a line of stdout:
//
//     {"do": "begin", "data": FILE, "batch": N, "logits": [L*H]}   what a batch holds, what it costs, what the machine can do
//     {"do": "gradient", "batch": i}                               {"loss": x, "d_gates": [L*H]} at the gates as they are
//     {"do": "update", "batch": i}                                 {"seconds": s, "processor": s, "loss": x, "peak_rss_kB": m},
//                                                                  from batch to updated gates; processor: of all threads
//     {"do": "peak"}                                               {"peak": FLOP/s}, the best measured up to now
//     {"do": "account", "batch": i, "updates": n}                  where the time of n updates goes, see support/account.hpp
//
// FILE: one example a line, {"tokens": [ids], "target_mask": [0, 0, 1]}. Batch i is examples i N to i N + N - 1.
#include "support/account.hpp"
#include "support/peak.hpp"
#include "support/work.hpp"

#include <chg/cli/data.hpp>
#include <chg/formats/load.hpp>
#include <chg/gate/gate_optimizer.hpp>
#include <chg/model/batch_runner.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>
#include <numeric>
#include <optional>
#include <string>

namespace {

using namespace chg;
using Json = nlohmann::json;

template <class Model>
class Session {
  using Scalar = typename Model::scalar_type;
  using Runner = BatchRunner<Model>;

 public:
  Session(Model model, RunOptions options) : model_(std::move(model)), options_(options), runner_(model_, options) {}

  Json answer(Json const& request) {
    auto const what = request.at("do").get<std::string>();
    if (what == "begin") return begin(request);
    if (what == "peak") return {{"peak", peak()}};
    check(examples_.has_value(), "request", "begin first", what);
    select(request.at("batch").get<Index>());
    if (what == "gradient") return gradient();
    if (what == "account") return account(request.at("updates").get<int>());
    check(what == "update", "request", "begin, gradient, update, peak or account", what);
    return update();
  }

 private:
  Json begin(Json const& request) {
    auto const& config = model_.config();
    examples_ = cli::read_data(request.at("data").get<std::string>(), {config.vocab, config.context});
    jobs_[0].units.resize(request.at("batch").get<std::size_t>());
    auto const numbers = request.at("logits").get<std::vector<double>>();
    check(static_cast<Index>(numbers.size()) == model_.layers() * model_.heads(), "request: logits",
          text(model_.layers() * model_.heads(), " numbers"), numbers.size());
    auto const logits = Eigen::Map<Matrix<double> const>(numbers.data(), model_.layers(), model_.heads());
    optimizer_.emplace(logits, PhaseOptions{.updates = 1'000'000, .learning_rate = {0.1, 0.1}});
    optimizer_->gates(jobs_[0].gates);

    Json reply;
    for (Index i = 0; (i + 1) * batch() <= examples_->size(); ++i) {
      select(i);
      reply["batches"].push_back(costs());
    }
    reply["peak"] = peak();
    reply["weight_bytes"] = model_.weight_bytes();
    return reply;
  }

  // Measured again, since something else may have run the last time.
  double peak() { return peak_ = std::max(peak_, bench::measured_peak<Scalar>(runner_.threads())); }

  // One tree of the whole batch against the trees of its chunks, which compute what they share once each.
  Json costs() const {
    auto const& units = jobs_[0].units;
    auto const whole = bench::tree_of(*examples_, units);
    auto const chunks = chunked_work();
    return {{"rows", whole.rows()},
            {"flops", bench::minimal_work(model_.config(), whole).total()},
            {"chunk_rows", std::accumulate(chunks.rows.begin(), chunks.rows.end(), Index{0})},
            {"chunk_flops", chunks.work.total()},
            {"chunks", chunks.rows}};
  }

  bench::BatchWork chunked_work() const {
    return bench::chunked_work<Scalar>(model_.config(), *examples_, jobs_[0].units, options_);
  }

  Index batch() const { return static_cast<Index>(jobs_[0].units.size()); }
  void select(Index i) {
    auto& units = jobs_[0].units;
    check(i >= 0 && (i + 1) * batch() <= examples_->size(), "request: batch", text("0 to ", examples_->size() / batch() - 1), i);
    for (Index u = 0; u < batch(); ++u) units[static_cast<std::size_t>(u)] = i * batch() + u;
  }

  Json gradient() {
    optimizer_->gates(jobs_[0].gates);
    runner_.run({&*examples_}, std::span(jobs_), NextToken{});
    auto const& d = jobs_[0].d_gates;
    return {{"loss", jobs_[0].loss}, {"d_gates", std::vector<double>(d.data(), d.data() + d.size())}};
  }

  void step() {
    optimizer_->gates(jobs_[0].gates);
    runner_.run({&*examples_}, std::span(jobs_), NextToken{});
    optimizer_->step(jobs_[0].loss, jobs_[0].logprob, jobs_[0].d_gates);
  }

  Json update() {
    auto const start = bench::seconds();
    auto const processor_start = std::clock();
    step();
    auto const seconds = bench::seconds() - start;
    auto const processor = static_cast<double>(std::clock() - processor_start) / CLOCKS_PER_SEC;
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return {{"seconds", seconds}, {"processor", processor}, {"loss", jobs_[0].loss}, {"peak_rss_kB", usage.ru_maxrss}};
  }

  Json account(int updates) {
    check(updates >= 1, "request: updates", "1 or more", updates);
    auto const chunks = chunked_work();
    auto const reads = static_cast<double>(chunks.rows.size()) * static_cast<double>(model_.weight_bytes());
    auto const profile = bench::profile(runner_.threads(), [&] {
      for (int u = 0; u < updates; ++u) step();
    });
    auto const a = bench::account_of(profile, {updates * chunks.work.products(), updates * reads, peak_});
    auto parts = Json::array();
    for (auto const& part : a.parts)
      parts.push_back({{"name", part.name},
                       {"seconds", part.seconds},
                       {"uncertainty", part.uncertainty()},
                       {"samples", part.samples}});
    return {{"updates", updates},
            {"threads", profile.threads},
            {"seconds", profile.seconds},
            {"processor", profile.processor},
            {"system", profile.system},
            {"page_faults", profile.page_faults},
            {"noted", profile.noted},
            {"parts", parts},
            {"product_flops", a.done.flops},
            {"product_seconds", a.product_seconds()},
            {"product_share_of_peak", a.product_share_of_peak()},
            {"product_weight_bytes", a.done.weight_bytes},
            {"largest_other", a.largest_other}};
  }

  Model model_;
  RunOptions options_;
  double peak_ = 0;
  Runner runner_;
  std::array<typename Runner::Job, 1> jobs_;
  std::optional<Examples> examples_;
  std::optional<GateOptimizer<NextToken>> optimizer_;
};

template <class Scalar, Products P = Products::full>
void serve(std::string const& path, RunOptions options) {
  auto const start = bench::seconds();
  Session session(load<llama_like, Scalar>(path, P), options);
  std::cout << Json{{"load_seconds", bench::seconds() - start}} << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << session.answer(Json::parse(line)) << std::endl;
}

int run(int argc, char** argv) {
  std::map<std::string, std::string> given{{"--precision", "f32"}, {"--threads", "0"}, {"--max-rows", "1024"}, {"--model", ""}};
  for (int i = 1; i < argc; i += 2) {
    check(given.contains(argv[i]) && i + 1 < argc, "command line", "--model, --precision, --threads, --max-rows and a value each",
          argv[i]);
    given[argv[i]] = argv[i + 1];
  }
  RunOptions const options{.threads = std::stoi(given["--threads"]), .max_rows = std::stoll(given["--max-rows"])};
  std::map<std::string, void (*)(std::string const&, RunOptions)> const precisions{
      {"f32", serve<float>}, {"f64", serve<double>}, {"bf16", serve<float, Products::bfloat16>}};
  auto const chosen = precisions.find(given["--precision"]);
  check(chosen != precisions.end(), "--precision", "f32, f64 or bf16", given["--precision"]);
  chosen->second(given["--model"], options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (std::exception const& e) {
    std::cerr << "chg_bench_update: error: " << e.what() << '\n';
    return 1;
  }
}
