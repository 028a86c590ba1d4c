// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <set>

using namespace chg;
using toy::complaint;
using toy::has;

namespace {

FitOptions small() {
  FitOptions o;
  o.gate_sets = 2, o.batch = 7, o.updates = 12, o.updates_pressed = 9, o.seed = 5;
  return o;
}
constexpr Index kTotal = 12 + 9 + 9;

bool same_bits(Fit const& a, Fit const& b) {
  return a.u0 == b.u0 && a.u_plus == b.u_plus && a.u_minus == b.u_minus && a.metrics == b.metrics && a.status == b.status &&
         a.point == b.point;
}

/// Stops within the update of that number.
struct Stopping : toy::Runner<float> {
  Index stop = 0;
  template <std::size_t K, class Objective>
  void run(std::array<Examples const*, K> data, std::span<Job> jobs, Objective const& objective) {
    toy::Runner<float>::run(data, jobs, objective);
    if (runs == stop) throw Stopped();
  }
};

/// The whole fit of one set again, in plain loops.
struct Twin {
  std::vector<double> u, m, v;
  std::vector<UpdateRow> rows;
  Index position = 0;

  template <class Scalar>
  void phase(toy::Runner<Scalar>& runner, Examples const& data, FitOptions const& o, std::uint64_t seed, Phase phase,
             double signed_lambda, Index updates, LearningRate rate) {
    auto const n = u.size();
    m.assign(n, 0), v.assign(n, 0);
    for (Index i = 0; i < updates; ++i) {
      std::vector<typename toy::Runner<Scalar>::Job> jobs(1);
      auto& job = jobs[0];
      for (Index b = 0; b < o.batch; ++b, ++position) {
        std::vector<Index> permutation(static_cast<std::size_t>(data.size()));
        std::iota(permutation.begin(), permutation.end(), Index{0});
        Random(seed, Stream::order, static_cast<std::uint32_t>(position / data.size())).shuffle(std::span(permutation));
        job.units.push_back(permutation[static_cast<std::size_t>(position % data.size())]);
      }
      job.gates.resize(runner.layers, runner.heads);
      for (std::size_t k = 0; k < n; ++k) job.gates.data()[k] = static_cast<Scalar>(sigmoid(u[k]));
      runner.run(std::array{&data}, std::span(jobs), NextToken{});
      std::vector<double> d(n);
      double R = 0, squares = 0;
      for (std::size_t k = 0; k < n; ++k) {
        auto const scale = o.normalise == Normalise::sum ? 1.0 : 1.0 / static_cast<double>(n);
        R += std::min(4.0, std::max(-4.0, u[k])) * scale;
        d[k] = job.d_gates.data()[k] * sigmoid(u[k]) * sigmoid(-u[k]) - (std::abs(u[k]) <= 4 ? signed_lambda * scale : 0);
        squares += d[k] * d[k];
      }
      auto const norm = std::sqrt(squares);
      auto const lr = rate.start + (rate.end - rate.start) * static_cast<double>(i) / static_cast<double>(updates);
      UpdateRow row;
      row.seed = seed, row.phase = phase, row.update = i, row.nll = job.loss, row.regularizer = R;
      row.loss = job.loss - signed_lambda * R, row.grad_norm = norm, row.lr = lr;
      rows.push_back(row);
      for (std::size_t k = 0; k < n; ++k) {
        auto const g = d[k] * std::min(1.0, o.clip_norm / (norm + 1e-6));
        m[k] = 0.9 * m[k] + 0.1 * g;
        v[k] = 0.999 * v[k] + 0.001 * g * g;
        auto const t = static_cast<double>(i + 1);
        u[k] -= lr * (m[k] / (1 - std::pow(0.9, t))) / (std::sqrt(v[k] / (1 - std::pow(0.999, t))) + 1e-8);
      }
    }
  }
};

}  // namespace

TEMPLATE_TEST_CASE("fit: the three phases of every set equal a plain loop", "[gate]", float, double) {
  toy::Runner<TestType> runner;
  auto const data = toy::examples(10);  // batches of 7 cut across the borders of permutations
  for (auto const normalise : {Normalise::mean, Normalise::sum}) {
    auto options = small();
    options.normalise = normalise;
    options.clip_norm = 0.2;  // tight enough to clip some updates and not others
    auto const fit = fit_with(runner, 2, 3, data, options);
    REQUIRE(fit.status == Status::finished);
    REQUIRE(fit.metrics.size() == static_cast<std::size_t>(2 * kTotal));
    bool clipped = false, open = false;
    for (Index s = 0; s < 2; ++s) {
      auto const seed = options.seed + static_cast<std::uint64_t>(s);
      auto const start = random_logits(1, 2, 3, seed);
      Twin twin;
      twin.u.assign(start.values().begin(), start.values().end());
      twin.phase(runner, data, options, seed, Phase::none, 0, 12, {0.1, 0.01});
      auto const u0 = twin.u;
      twin.phase(runner, data, options, seed, Phase::retain, 0.1, 9, {0.5, 0.1});
      auto const u_plus = twin.u;
      twin.u = u0;  // removal starts where the first phase ended
      twin.phase(runner, data, options, seed, Phase::remove, -0.1, 9, {0.5, 0.1});
      // A float gate may round the other way where the two loops differ in the last bit of a double.
      auto const bound = std::is_same_v<TestType, float> ? 1e-4 : 1e-9;
      for (Index i = 0; i < 6; ++i) {
        auto const k = static_cast<std::size_t>(i);
        REQUIRE(std::abs(fit.u0.set(s).data()[i] - u0[k]) < bound);
        REQUIRE(std::abs(fit.u_plus.set(s).data()[i] - u_plus[k]) < bound);
        REQUIRE(std::abs(fit.u_minus.set(s).data()[i] - twin.u[k]) < bound);
      }
      for (std::size_t i = 0; i < twin.rows.size(); ++i) {
        auto const &row = fit.metrics[2 * i + static_cast<std::size_t>(s)], &expected = twin.rows[i];
        REQUIRE(row.seed == expected.seed);
        REQUIRE(row.phase == expected.phase);
        REQUIRE(row.update == expected.update);
        REQUIRE(row.lr == expected.lr);
        REQUIRE(std::abs(row.nll - expected.nll) < bound);
        REQUIRE(std::abs(row.regularizer - expected.regularizer) < bound);
        REQUIRE(std::abs(row.loss - expected.loss) < bound);
        REQUIRE(std::abs(row.grad_norm - expected.grad_norm) < bound);
        (row.grad_norm > 0.2 ? clipped : open) = true;
      }
    }
    REQUIRE(clipped);
    REQUIRE(open);
  }
}

TEST_CASE("fit: gate set s of a run has the bits of a run with seed + s alone", "[gate]") {
  toy::Runner<float> runner;
  auto const data = toy::examples(10);
  auto options = small();
  options.gate_sets = 3;
  options.clip_norm = 0.05;  // a joint clip would couple the sets
  auto const all = fit_with(runner, 2, 3, data, options);
  for (Index s = 0; s < 3; ++s) {
    auto alone = options;
    alone.gate_sets = 1;
    alone.seed += static_cast<std::uint64_t>(s);
    auto const one = fit_with(runner, 2, 3, data, alone);
    REQUIRE(one.u0.set(0) == all.u0.set(s));
    REQUIRE(one.u_plus.set(0) == all.u_plus.set(s));
    REQUIRE(one.u_minus.set(0) == all.u_minus.set(s));
    for (std::size_t i = 0; i < one.metrics.size(); ++i)
      REQUIRE(one.metrics[i] == all.metrics[3 * i + static_cast<std::size_t>(s)]);
  }
}

TEST_CASE("fit: the log has one row an update and set, in the order phase, update, seed", "[gate]") {
  toy::Runner<> runner;
  auto const fit = fit_with(runner, 2, 3, toy::examples(10), small());
  REQUIRE(runner.runs == kTotal);
  std::size_t i = 0;
  for (auto const& [phase, updates] : {std::pair{Phase::none, 12}, std::pair{Phase::retain, 9}, std::pair{Phase::remove, 9}})
    for (Index update = 0; update < updates; ++update)
      for (std::uint64_t seed : {5, 6}) {
        auto const& row = fit.metrics[i++];
        REQUIRE((row.phase == phase && row.update == update && row.seed == seed));
      }
  REQUIRE(i == fit.metrics.size());
  REQUIRE(fit.metrics[0].loss == fit.metrics[0].nll);  // no pressure in the first phase
}

TEST_CASE("fit: the order of the examples runs on through the phases", "[gate]") {
  toy::Runner<> runner;
  runner.record = true;
  fit_with(runner, 2, 3, toy::examples(10), small());
  UnitOrder order(10, 5);
  for (auto const& batch : runner.seen) {
    std::vector<Index> expected(7);
    order.next(expected);
    REQUIRE(batch == expected);
  }
  REQUIRE(runner.seen.size() == static_cast<std::size_t>(kTotal));
}

TEST_CASE("fit: on a flat loss G+ goes to 1, G- to 0, and G0 stays where it started; beyond the clip nothing moves", "[gate]") {
  toy::Runner<> runner;
  runner.scale = 0;
  auto const start = random_logits(40, 2, 3, 0);
  auto const fit = fit_with(runner, 2, 3, toy::examples(4), {.gate_sets = 40, .batch = 2, .updates = 2, .updates_pressed = 100});
  REQUIRE(fit.u0 == start);
  Index stuck = 0;
  for (std::size_t i = 0; i < start.values().size(); ++i) {
    auto const u = start.values().data()[i], plus = fit.u_plus.values().data()[i], minus = fit.u_minus.values().data()[i];
    if (std::abs(u) > 4) {
      REQUIRE((plus == u && minus == u));
      ++stuck;
    } else {
      REQUIRE(plus > 4);
      REQUIRE(minus < -4);
    }
  }
  REQUIRE((stuck > 0 && stuck < 30));  // 3.6% of uniform gates start beyond 4
}

TEST_CASE("fit: init replaces the random start and decides the number of sets", "[gate]") {
  toy::Runner<> runner;
  runner.scale = 0;
  auto const start = logit(Gates::filled(3, 2, 3, 0.25));
  auto const fit = fit_with(runner, 2, 3, toy::examples(4), {.batch = 2, .updates = 3, .updates_pressed = 0, .init = start});
  REQUIRE(fit.u0 == start);
  REQUIRE(fit.options.gate_sets == 3);
  REQUIRE(fit.metrics.size() == 9);
}

TEST_CASE("fit: without pressed updates only the first phase runs, and asking for G+ says so", "[gate]") {
  toy::Runner<> runner;
  auto const fit = fit_with(runner, 2, 3, toy::examples(4), {.gate_sets = 1, .batch = 2, .updates = 3, .updates_pressed = 0});
  REQUIRE(fit.status == Status::finished);
  REQUIRE(fit.g0().sets() == 1);
  REQUIRE(has(complaint([&] { fit.g_plus(); }), "fit: G+. Expected a fit whose phase retain has run to its end"));
  REQUIRE(has(complaint([&] { fit.g_minus(); }), "G-"));
}

TEST_CASE("fit: without updates of the first phase the pressed ones begin at the start", "[gate]") {
  toy::Runner<> runner;
  auto const fit = fit_with(runner, 2, 3, toy::examples(4), {.gate_sets = 1, .batch = 2, .updates = 0, .updates_pressed = 3});
  REQUIRE(fit.u0 == random_logits(1, 2, 3, 0));
  REQUIRE(fit.metrics.size() == 6);
}

TEST_CASE("fit: a batch larger than the data goes round", "[gate]") {
  toy::Runner<> runner;
  runner.record = true;
  fit_with(runner, 2, 3, toy::examples(3), {.gate_sets = 1, .batch = 8, .updates = 1, .updates_pressed = 0});
  REQUIRE(runner.seen[0].size() == 8);
  REQUIRE(std::set<Index>(runner.seen[0].begin(), runner.seen[0].end()).size() == 3);
}

TEST_CASE("fit: progress is called after every update with totals, mean NLL and an estimate of what is left", "[gate]") {
  toy::Runner<> runner;
  auto options = small();
  std::vector<Progress> seen;
  options.progress = [&](Progress const& p) { return seen.push_back(p), true; };
  auto const fit = fit_with(runner, 2, 3, toy::examples(10), options);
  REQUIRE(seen.size() == static_cast<std::size_t>(kTotal));
  for (std::size_t i = 0; i < seen.size(); ++i) {
    auto const& p = seen[i];
    REQUIRE(p.done == static_cast<Index>(i) + 1);
    REQUIRE(p.total == kTotal);
    REQUIRE(p.phase == fit.metrics[2 * i].phase);
    REQUIRE(p.update == fit.metrics[2 * i].update + 1);
    REQUIRE(p.updates == (p.phase == Phase::none ? 12 : 9));
    REQUIRE(std::abs(p.nll - (fit.metrics[2 * i].nll + fit.metrics[2 * i + 1].nll) / 2) < 1e-15);
    REQUIRE(p.seconds >= 0);
    REQUIRE(p.seconds_left >= 0);
  }
  REQUIRE(seen.back().seconds_left == 0);
}

TEST_CASE("fit: the time that is left is told from the updates of this call and the seconds that it took", "[gate]") {
  toy::Runner<float> runner;
  auto const data = toy::examples(10);
  auto stopping = small();
  stopping.progress = [](Progress const& p) { return p.done < 7; };
  auto const part = fit_with(runner, 2, 3, data, stopping);
  auto options = small();
  auto const began = std::chrono::steady_clock::now();
  options.progress = [&](Progress const& p) {
    auto const so_far = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    REQUIRE(p.seconds <= so_far);
    auto const an_update = p.seconds / static_cast<double>(p.done - 7);
    REQUIRE(p.seconds_left == Approx(an_update * static_cast<double>(p.total - p.done)));
    return true;
  };
  REQUIRE(!resume_with(runner, 2, 3, data, part, options).options.progress);  // what it refers to may not outlive the call
}

TEST_CASE("fit: a fit stopped after any update and resumed has the bits of one that was not", "[gate]") {
  toy::Runner<float> runner;
  auto const data = toy::examples(10);
  auto const whole = fit_with(runner, 2, 3, data, small());
  for (Index stop = 1; stop <= kTotal; ++stop) {
    auto options = small();
    options.progress = [stop](Progress const& p) { return p.done < stop; };
    auto part = fit_with(runner, 2, 3, data, options);
    REQUIRE(part.status == (stop < kTotal ? Status::interrupted : Status::finished));
    REQUIRE_FALSE(part.options.progress);  // nothing that could dangle
    REQUIRE(part.metrics.size() == static_cast<std::size_t>(2 * stop));
    REQUIRE(part.u0.empty() == (stop < 12));  // the end of a phase counts as its end
    REQUIRE(part.u_plus.empty() == (stop < 21));
    auto const fit = resume_with(runner, 2, 3, data, std::move(part), small());
    REQUIRE(same_bits(fit, whole));
  }
}

TEST_CASE("fit: a fit stopped within any update goes on to the bits of one that was not", "[gate]") {
  Stopping runner;
  auto const data = toy::examples(10);
  auto const whole = fit_with(runner, 2, 3, data, small());
  for (Index stop = 1; stop <= kTotal; ++stop) {
    runner.runs = 0, runner.stop = stop;
    auto options = small();
    options.run.stop = [] { return false; };
    auto part = fit_with(runner, 2, 3, data, options);
    REQUIRE(part.status == Status::interrupted);
    REQUIRE(part.options.run.stop == nullptr);
    REQUIRE(part.metrics.size() == static_cast<std::size_t>(2 * (stop - 1)));
    runner.stop = 0;
    REQUIRE(same_bits(resume_with(runner, 2, 3, data, std::move(part), small()), whole));
  }
}

TEST_CASE("fit: stopping again and again after single updates changes no bit", "[gate]") {
  toy::Runner<float> runner;
  auto const data = toy::examples(10);
  auto options = small();
  options.progress = [](Progress const&) { return false; };
  auto fit = fit_with(runner, 2, 3, data, options);
  Index calls = 1;
  for (; fit.status == Status::interrupted; ++calls) fit = resume_with(runner, 2, 3, data, fit, options);
  REQUIRE(calls == kTotal);
  REQUIRE(same_bits(fit, fit_with(runner, 2, 3, data, small())));
}

TEST_CASE("fit: numbers that stop being finite end it, by update, phase and gate set", "[gate]") {
  toy::Runner<> runner;
  runner.scale = 0;
  auto const refused = [&](FitOptions const& o) { return complaint([&] { fit_with(runner, 2, 3, toy::examples(4), o); }); };
  REQUIRE(has(refused({.lambda = 1e308}), "options: lambda. Expected 0 to 1"));
  REQUIRE(has(refused({.learning_rate = {1e308, 0}}), "learning_rate.start. Expected 0 to 1"));
  // A start whose sum over the six heads is beyond the largest double.
  auto const far = GateLogits::filled(1, 2, 3, 1e308);
  REQUIRE(has(refused({.seed = 3,
                       .batch = 2,
                       .updates = 0,
                       .updates_pressed = 2,
                       .clip_logit = std::numeric_limits<double>::infinity(),
                       .init = far}),
              "regularizer in update 0 of phase retain, gate set of seed 3. Expected a finite number, got inf"));
}

TEST_CASE("fit: a finished fit is resumed to itself", "[gate]") {
  toy::Runner<> runner;
  auto const data = toy::examples(10);
  auto const fit = fit_with(runner, 2, 3, data, small());
  auto const runs = runner.runs;
  REQUIRE(same_bits(resume_with(runner, 2, 3, data, fit, small()), fit));
  REQUIRE(runner.runs == runs);
}

TEST_CASE("fit: other options, other data, another shape and another precision are refused on resume", "[gate]") {
  toy::Runner<> runner;
  auto const data = toy::examples(10);
  auto options = small();
  options.progress = [](Progress const& p) { return p.done < 14; };
  auto const part = fit_with(runner, 2, 3, data, options);
  auto const refused = [&](Examples const& examples, FitOptions const& o) {
    return complaint([&] { resume_with(runner, 2, 3, examples, part, o); });
  };
  auto other = small();
  other.batch = 8;
  REQUIRE(has(refused(data, other), "resume: option batch. Expected 7, with which the fit began, got 8"));
  REQUIRE(has(refused(toy::examples(11), small()), "resume: examples. Expected 10, got 11"));
  std::vector<Example> changed(data.begin(), data.end());
  changed[9].tokens[0] += 1;
  REQUIRE(has(refused(Examples(changed), small()), "resume: data"));
  changed = {data.begin(), data.end()};
  changed[3].target_mask[1] = 1;
  REQUIRE(has(refused(Examples(changed), small()), "resume: data"));
  REQUIRE(has(complaint([&] { resume_with(runner, 3, 2, data, part, small()); }),
              "layers and heads of the model. Expected [2, 3], got [3, 2]"));
  toy::Runner<float> single;
  REQUIRE(
      has(complaint([&] { resume_with(single, 2, 3, data, part, small()); }), "bytes of the model's numbers. Expected 8, got 4"));
}

TEST_CASE("fit: a record whose parts contradict one another is refused, not run", "[gate]") {
  toy::Runner<> runner;
  auto const data = toy::examples(10);
  auto options = small();
  options.progress = [](Progress const& p) { return p.done < 14; };
  auto const part = fit_with(runner, 2, 3, data, options);
  auto const refused = [&](auto&& damage) {
    auto fit = part;
    damage(fit);
    return complaint([&] { resume_with(runner, 2, 3, data, fit, small()); });
  };
  REQUIRE(has(refused([](Fit& f) { f.metrics.pop_back(); }), "rows of the log. Expected 28, got 27"));
  REQUIRE(has(refused([](Fit& f) { f.point.update_state.pop_back(); }), "state of the update rule"));
  REQUIRE(has(refused([](Fit& f) { f.point.update = 9; }), "update to go on with"));
  REQUIRE(has(refused([](Fit& f) { f.point.phase = 4; }), "phase to go on with"));
  REQUIRE(has(refused([](Fit& f) { f.point.u = {}; }), "logits to go on with"));
  REQUIRE(has(refused([](Fit& f) { f.u0 = {}; }), "logits after phase 0"));
  REQUIRE(has(refused([](Fit& f) { f.u_plus = f.u0; }), "logits after phase 1"));
  REQUIRE(has(refused([](Fit& f) { f.status = Status::finished; }), "status"));
  REQUIRE(has(refused([](Fit& f) { f.options.normalise.reset(); }), "normalise"));
}

TEST_CASE("fit: gates of one number too many or too few, either way, are refused on resume; a start of its own is taken",
          "[gate]") {
  auto options = small();
  options.init = random_logits(2, 2, 3, 9);
  auto stopping = options;
  stopping.progress = [](Progress const& p) { return p.done < 7; };
  toy::Runner<float> runner;
  auto const data = toy::examples(10);
  auto const part = fit_with(runner, 2, 3, data, stopping);
  REQUIRE(same_bits(resume_with(runner, 2, 3, data, part, options), fit_with(runner, 2, 3, data, options)));
  auto others = options;
  others.init = random_logits(2, 2, 3, 10);
  REQUIRE(has(complaint([&] { resume_with(runner, 2, 3, data, part, others); }),
              "resume: option init. Expected the gates that the fit began with, got others"));
  for (auto const& wrong : {random_logits(2, 3, 3, 9), random_logits(2, 2, 2, 9), random_logits(2, 3, 2, 9)}) {
    others.init = wrong;
    REQUIRE(has(complaint([&] { fit_with(runner, 2, 3, data, others); }), "options: init has the wrong shape"));
  }
  others.init = random_logits(1, 2, 3, 9);
  REQUIRE(fit_with(runner, 2, 3, data, others).u_minus.sets() == 1);
  auto const plain = [&] {
    auto o = small();
    o.progress = stopping.progress;
    return fit_with(runner, 2, 3, data, o);
  }();
  for (auto const& [layers, heads] : {std::pair<Index, Index>{2, 2}, {3, 3}})
    REQUIRE(has(complaint([&, l = layers, h = heads] { resume_with(runner, l, h, data, plain, small()); }),
                "resume: layers and heads of the model. Expected [2, 3]"));
}
