// SPDX-License-Identifier: MIT
// Word mappings (antonym, capital, translation, ...) in two formats: shown by examples, or described by an instruction.
//
//     icl:           (Q: x A: f(x) \n) ten times, Q: x A:                  ->  f(x)
//     instruction:   INSTRUCTION \n (Q: x A: f(x) \n) k times, Q: x A:     ->  f(x)
//
// Todd et al. 2023 (arXiv 2310.15213); Nam et al. 2025, section 4.4 and appendix 6.1.
#pragma once

#include <chg/task/split.hpp>
#include <chg/task/vocabulary.hpp>

namespace chg::task {

enum class Format { icl, instruction };

struct MappingOptions {
  Format format = Format::icl;
  Index examples = 512;
  std::uint64_t seed = 0;
  Index pairs = 10;  ///< examples before the query in the icl format, as in the paper
  /// Examples before the query in the instruction format. The paper has 1; one may already give a one-to-one mapping away.
  Index leading = 0;
  Split split = Split::all;      ///< by query: none of the validation part occurs in the training part, not even as an example
  bool shuffle_outputs = false;  ///< the corrupt counterpart: outputs shuffled among the pairs, target kept (Todd et al. 2023)
  bool bos = true;               ///< begin with BOS, where the vocabulary has one
};

namespace detail {

/// Inputs that may be asked for, and inputs that may be shown, by number.
struct QueriesAndPairs {
  std::vector<Index> queries, shown;
};

inline QueriesAndPairs parts_of(Mapping const& m, Split split) {
  auto const all = iota(static_cast<Index>(m.inputs.size()));
  if (split == Split::all) return {all, all};
  check(m.inputs.size() >= 2, "mapping \"" + m.name + "\": inputs", "2 or more, to split them", m.inputs.size());
  Random random(0, Stream::task, kSplit);
  auto const order = draw_distinct(random, all, static_cast<Index>(all.size()));
  auto const held_out = static_cast<Index>(std::ceil(validation_share * static_cast<double>(all.size())));
  std::vector<Index> const validation(order.begin(), order.begin() + held_out), train(order.begin() + held_out, order.end());
  return {split == Split::train ? train : validation, train};
}

/// The query of example i: permutations of the queries end to end, so that each is asked equally often.
class Queries {
 public:
  Queries(std::vector<Index> queries, std::uint64_t seed) : queries_(std::move(queries)), seed_(seed) {}

  Index next() {
    if (at_ == shuffled_.size()) {
      shuffled_ = queries_;
      Random(seed_, Stream::task, kQueries + permutation_++).shuffle(std::span(shuffled_));
      at_ = 0;
    }
    return shuffled_[at_++];
  }

 private:
  std::vector<Index> queries_, shuffled_;
  std::uint64_t seed_;
  std::uint32_t permutation_ = 0;
  std::size_t at_ = 0;
};

}  // namespace detail

/// Prompts of one mapping in one format. Query and shown pairs of example i depend on seed and split alone, so that two
/// data sets that differ in format or shuffle_outputs alone match line by line. The pairs of a prompt are different and never
/// show its query. Prompts repeat where there are fewer different ones than `examples`: an instruction without leading pairs
/// has one a query.
/// Throws Error when the mapping has too few inputs, or no instruction in the instruction format.
inline Examples mapping(Vocabulary const& vocabulary, Mapping const& m, MappingOptions options = {}) {
  validate(vocabulary);
  detail::validate(vocabulary, m);
  auto const name = "mapping \"" + m.name + "\": ";
  auto const instructed = options.format == Format::instruction;
  auto const pairs = instructed ? options.leading : options.pairs;
  check(options.examples >= 1 && options.examples <= detail::kMostExamples, name + "examples",
        text("1 to ", detail::kMostExamples), options.examples);
  check(options.pairs >= 1, name + "pairs", "1 or more", options.pairs, "Without an example the mapping cannot be known.");
  check(options.leading >= 0, name + "leading", "0 or more", options.leading);
  check(!instructed || !m.instruction.empty(), name + "instruction", "at least one token", "none");
  auto const [queries, shown] = detail::parts_of(m, options.split);
  auto const spare = static_cast<Index>(shown.size()) - (options.split == Split::validation ? 0 : 1);  // without the query itself
  check(pairs <= spare, name + (instructed ? "leading" : "pairs"),
        text("at most ", spare, ", the inputs there are beside the query"), pairs);

  detail::Queries next_query(queries, options.seed);
  std::vector<Example> examples;
  for (Index i = 0; i < options.examples; ++i) {
    auto const query = next_query.next();
    auto pool = shown;
    std::erase(pool, query);
    Random random(options.seed, Stream::task, static_cast<std::uint32_t>(i));
    auto const inputs = detail::draw_distinct(random, pool, pairs);
    auto outputs = inputs;
    if (options.shuffle_outputs)
      Random(options.seed, Stream::task, detail::kShuffledOutputs + static_cast<std::uint32_t>(i)).shuffle(std::span(outputs));

    std::vector<Token> prompt;
    auto const put = [&](std::optional<Token> token) {
      if (token) prompt.push_back(*token);
    };
    auto const put_question = [&](Index input) {
      put(vocabulary.question), put(m.inputs[static_cast<std::size_t>(input)]), put(vocabulary.answer);
    };
    if (options.bos) put(vocabulary.bos);
    if (instructed) {
      prompt.insert(prompt.end(), m.instruction.begin(), m.instruction.end());
      put(vocabulary.newline);
    }
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      put_question(inputs[k]);
      put(m.outputs[static_cast<std::size_t>(outputs[k])]);
      put(vocabulary.newline);
    }
    put_question(query);
    examples.push_back(prompt_and_target(std::move(prompt), {m.outputs[static_cast<std::size_t>(query)]}));
  }
  return Examples(std::move(examples));
}

/// Contrastive data of one mapping: the same queries in both formats, line by line; `retain` says which one is kept.
/// options.format is not read.
inline ContrastiveExamples contrastive_mapping(Vocabulary const& vocabulary, Mapping const& m, Format retain,
                                               MappingOptions options = {}) {
  auto const in_format = [&](Format format) {
    options.format = format;
    return mapping(vocabulary, m, options);
  };
  return {in_format(retain), in_format(retain == Format::icl ? Format::instruction : Format::icl)};
}

/// The contrastive experiment of the paper: what is fitted on all mappings but one, and that one, to evaluate on.
struct LeaveOneOut {
  ContrastiveExamples fit;       ///< lines of the mappings take turns, options.examples lines each
  ContrastiveExamples held_out;  ///< options.examples lines
};

/// Leaves mapping number `held_out` of the vocabulary out. Mapping t draws with seed options.seed + t.
/// Throws Error unless the vocabulary has at least two mappings and held_out is one of them.
inline LeaveOneOut leave_one_out(Vocabulary const& vocabulary, Index held_out, Format retain, MappingOptions options = {}) {
  auto const count = static_cast<Index>(vocabulary.mappings.size());
  check(count >= 2, "leave_one_out: mappings of the vocabulary", "2 or more", count);
  check(held_out >= 0 && held_out < count, "leave_one_out: held_out", text("0 to ", count - 1), held_out);
  auto const pairs_of = [&](Index t) {
    auto seeded = options;
    seeded.seed += static_cast<std::uint64_t>(t);
    return contrastive_mapping(vocabulary, vocabulary.mappings[static_cast<std::size_t>(t)], retain, seeded);
  };
  std::vector<ContrastiveExamples> fitted;
  for (Index t = 0; t < count; ++t)
    if (t != held_out) fitted.push_back(pairs_of(t));
  std::vector<Example> retained, forgotten;
  for (Index i = 0; i < options.examples; ++i)
    for (auto const& data : fitted) retained.push_back(data.retain[i]), forgotten.push_back(data.forget[i]);
  return {{Examples(std::move(retained)), Examples(std::move(forgotten))}, pairs_of(held_out)};
}

}  // namespace chg::task
