// SPDX-License-Identifier: MIT
// chg score and chg gradient: a data set under given gates, one set or many.
#pragma once

#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/model/evaluate.hpp>
#include <chg/run/file.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace chg::cli {

namespace detail {

inline void check_finite_nll(double nll) {
  check(std::isfinite(nll), "NLL of the data", "a finite number", nll,
        "The model overflows on it: check its weights, or use --precision f64.");
}

inline run::Json evaluation_json(Evaluation const& evaluation) {
  check_finite_nll(evaluation.nll());
  run::Json json{{"nll", evaluation.nll()},
                 {"accuracy", evaluation.accuracy()},
                 {"token_accuracy", evaluation.token_accuracy()},
                 {"examples", run::Json::array()}};
  for (auto const& e : evaluation.examples)
    json["examples"].push_back({{"logprob", e.logprob}, {"argmax", e.argmax}, {"correct", e.correct()}});
  return json;
}

}  // namespace detail

template <class Real>
void score_command(std::string const& model, std::string const& data, std::string const& gates, std::string const& out,
                   Settings const& s) {
  ModelWord const word(model);
  if (!out.empty()) files::check_output(out, inputs_of(word, {data, gates}));
  auto const examples = read_data(data, word, s);
  auto const under = gates_or_ones(gates, word, s);
  auto const options = run_options<Real>(word, s, score_use(size_of(examples), under.gates.sets()));
  auto const transformer = load_model<Real>(word, s, {&examples});
  Scorer<AnyTransformer<Real>> scorer(transformer, examples, options);
  run::Json json;
  for (Index set = 0; set < under.gates.sets(); ++set) {
    auto one = detail::evaluation_json(scorer(under.gates.set(set)));
    if (under.several)
      json["sets"].push_back(std::move(one));
    else
      json = std::move(one);
  }
  auto const bytes = json.dump() + "\n";
  if (out.empty()) return print_out(bytes);
  files::write_file(out, bytes);
}

template <class Real>
void gradient_command(std::string const& model, std::string const& data, std::string const& gates, std::string const& out,
                      Settings const& s) {
  ModelWord const word(model);
  files::check_output(out, inputs_of(word, {data, gates}));
  auto const examples = read_data(data, word, s);
  auto const under = gates_or_ones(gates, word, s);
  auto const& c = word.config();
  auto const options = run_options<Real>(word, s, gradient_use(size_of(examples), under.gates.sets(), c.layers, c.heads));
  auto const transformer = load_model<Real>(word, s, {&examples});
  auto all = under.gates.values();
  auto* next = all.data();
  std::string lines;
  for (Index set = 0; set < under.gates.sets(); ++set) {
    Matrix<Real> const g = under.gates.set(set).template cast<Real>();
    auto const found = gradient(transformer, examples, g, options);
    detail::check_finite_nll(found.nll);
    check(found.d_gates.allFinite(), "gradient of the NLL", "finite numbers", "NaN or infinity",
          "The model overflows on the data: check its weights, or use --precision f64.");
    next = std::copy_n(found.d_gates.data(), found.d_gates.size(), next);
    lines += under.several ? fmt::format("set {} nll {}\n", set, found.nll) : fmt::format("nll {}\n", found.nll);
  }
  if (under.several) {
    run::write_npy<double>(out, all);
  } else {
    Array<double, 2> one({all.shape()[1], all.shape()[2]});
    std::copy(all.begin(), all.end(), one.begin());
    run::write_npy<double>(out, one);
  }
  print_out(lines);
}

inline void add_score(CLI::App& program, Settings& s) {
  struct Words {
    std::string model, data, gates, out;
  };
  auto const add = [&](char const* name, char const* what, bool out_required) {
    auto* const command = program.add_subcommand(name, what);
    auto const words = std::make_shared<Words>();
    command->add_option("MODEL", words->model, "A .gguf file, a Hugging Face directory, or builtin:NAME")
        ->required()
        ->type_name("");
    command->add_option("DATA", words->data, "Examples, one JSON object a line")->required()->type_name("");
    command->add_option("--gates", words->gates, "Gates [L,H] or [S,L,H] in a .npy file; without it every gate is 1")
        ->type_name("GATES");
    auto* const out = command->add_option(
        "--out", words->out,
        out_required ? "Where the gradient goes, float64, the shape of GATES" : "Where the result goes; without it, to stdout");
    out->type_name("FILE")->required(out_required);
    add_settings(*command, s);
    return std::pair(command, words);
  };
  auto const [score, of_score] =
      add("score", "NLL and accuracy of a data set, and the log-probability of every target token (nats)", false);
  score->footer(
      "Example:\n  chg tasks make aba --model builtin:teaching --examples 64 --out aba.jsonl\n"
      "  chg score builtin:teaching aba.jsonl --out score.json");
  score->callback([w = of_score, &s] {
    with_precision(s, [&]<class Real>() { score_command<Real>(w->model, w->data, w->gates, w->out, s); });
  });
  auto const [gradient, of_gradient] = add("gradient", "The derivative of the NLL by every gate; prints the NLL (nats)", true);
  gradient->footer(
      "Example:\n  chg tasks make aba --model builtin:induction --examples 64 --out aba.jsonl\n"
      "  chg gradient builtin:induction aba.jsonl --out dG.npy");
  gradient->callback([w = of_gradient, &s] {
    with_precision(s, [&]<class Real>() { gradient_command<Real>(w->model, w->data, w->gates, w->out, s); });
  });
}

}  // namespace chg::cli
