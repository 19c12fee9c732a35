#include "train/study/tuning.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/error.h"
#include "core/joined.h"
#include "train/config/optimizer.h"
#include "train/study/metric.h"

namespace lockstep::train {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// A run is given up once it is sure to end with so many times the value of the best rate so far, same seed.
constexpr double hopeless = 1.25;
// A rate is left with half of the seeds where these ended with so many times the sum at the best rate so far.
constexpr double clearly_worse = 1.1;

double declared_rate(const Arm& arm) { return arm.run.*learning_rate_of(arm.run.optimizer); }

// The arm with factors of the updates of q, k and v, or of their first weights where an initialiser is
// compared.
Arm with_factors(Arm arm, const PartFactors& factors) {
  constexpr double RunConfig::*rates[] = {&RunConfig::q_rate, &RunConfig::k_rate, &RunConfig::v_rate};
  constexpr double RunConfig::*gains[] = {&RunConfig::q_gain, &RunConfig::k_gain, &RunConfig::v_gain};
  const bool of_updates = arm.role == ArmRole::by_part;
  if (factors != PartFactors{} && arm.at_rate_of.empty()) arm.at_rate_of = arm.name;
  for (std::size_t part = 0; part < factors.size(); ++part) {
    if (factors[part] == 0) continue;
    const double factor = factor_at(factors[part]);
    arm.run.*(of_updates ? rates : gains)[part] = factor;
    const char name = "qkv"[part];
    arm.name += fmt::format("{}{}", name, factor);
    arm.label += fmt::format(", {} of {} x {}", of_updates ? "updates" : "first weights", name, factor);
    arm.partner = "";
  }
  return arm;
}

// The arm at another rate of the grid; itself at step 0.
Arm at_step(const Arm& arm, int step) {
  if (step == 0) return arm;
  Arm other = arm;
  const double rate = rate_at(declared_rate(arm), step);
  if (arm.run.optimizer != "muon") other.run.min_lr *= rate / declared_rate(arm);
  other.run.*learning_rate_of(arm.run.optimizer) = rate;
  other.name = fmt::format("{}@{}", arm.name, rate);
  other.label = fmt::format("{}, learning rate {}", arm.label, rate);
  other.at_rate_of = arm.name;
  other.partner = "";
  return other;
}

// Infinite where it was given up, diverged or was censored: all that were censored are alike.
double value_of(const RunResult& run, const ExperimentConfig& config) {
  const Metric& metric = primary_metric(config);
  const bool ended = metric.known(run.losses, config) || std::ssize(run.losses) >= config.run.steps;
  if (run.diverged || !ended) return infinity;
  const Outcome outcome = metric.of(run.losses, false, config);
  return outcome.ending == Ending::observed ? outcome.value : infinity;
}

class Searching {
 public:
  Searching(std::size_t experiment, const ExperimentConfig& config, const Design& design,
            const RunResults& runs, Tuning& tuning)
      : experiment_(experiment), config_(config), design_(design), runs_(runs), tuning_(tuning) {}

  // With `factors`, of q, k and v as well, at the best rate.
  void search(std::vector<std::string> arms, bool factors) {
    const bool known =
        std::ranges::any_of(tuning_.searches, [&](const RateSearch& search) { return search.arms == arms; });
    if (known) return;
    RateSearch& search = tuning_.searches.emplace_back();
    search.arms = std::move(arms);
    try {
      while (const std::optional<int> step = next_step(search.tried)) {
        const std::optional<double> value = tried(search, *step, {});
        if (!value) return;
        search.tried[*step] = *value;
      }
    } catch (const Error& error) {
      search.failure = fmt::format("{}: {}", joined(search.arms, " and "), error.what());
      return;
    }
    const int best = *best_step(search.tried);
    if (factors) search.factors[{}] = search.tried[best];
    while (const std::optional<PartFactors> next = factors ? next_factors(search.factors) : std::nullopt) {
      const std::optional<double> value = tried(search, best, *next);
      if (!value) return;
      search.factors[*next] = *value;
    }
    search.best = best;
  }

 private:
  // The mean of the primary metric there; nothing where runs are missing. The second half of the seeds has
  // its runs once all of the first half have ended, well and not clearly worse than at the best rate: else
  // the mean is that of the best rate times the ratio over the first half.
  std::optional<double> tried(const RateSearch& search, int step, const PartFactors& factors) {
    const std::vector<std::int64_t> seeds = tuning_seeds(config_);
    const std::size_t missing_before = tuning_.missing.size(), half = (seeds.size() + 1) / 2;
    double total = 0, count = 0;
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      if (i == half) {
        if (tuning_.missing.size() > missing_before || !std::isfinite(total)) break;
        const double at_best = sum_at_best_rate(search, std::span(seeds).first(half));
        if (total > clearly_worse * at_best)
          return search.tried.at(*best_step(search.tried)) * total / at_best;
      }
      for (const std::string& name : search.arms) {
        const Arm arm = with_factors(at_step(*arm_named(design_, name), step), factors);
        const auto run = runs_.find({experiment_, arm.name, seeds[i]});
        if (run == runs_.end()) {
          tuning_.missing.push_back({arm, seeds[i], limit(search, name, seeds[i])});
        } else {
          total += value_of(run->second, config_);
          ++count;
        }
      }
    }
    if (tuning_.missing.size() > missing_before) return std::nullopt;
    return total / count;
  }

  // Of an arm's run at the best rate so far; infinite where there is none.
  double at_best_rate(const RateSearch& search, const std::string& name, std::int64_t seed) const {
    const std::optional<int> best = best_step(search.tried);
    if (!best) return infinity;
    const std::string at_best = at_step(*arm_named(design_, name), *best).name;
    return value_of(runs_.at({experiment_, at_best, seed}), config_);
  }

  double sum_at_best_rate(const RateSearch& search, std::span<const std::int64_t> seeds) const {
    double total = 0;
    for (const std::int64_t seed : seeds) {
      for (const std::string& name : search.arms) total += at_best_rate(search, name, seed);
    }
    return total;
  }

  double limit(const RateSearch& search, const std::string& name, std::int64_t seed) const {
    // Two searches may share an arm: what is given up in one may be wanted in the other.
    return search.arms.size() > 1 ? infinity : hopeless * at_best_rate(search, name, seed);
  }

  std::size_t experiment_;
  const ExperimentConfig& config_;
  const Design& design_;
  const RunResults& runs_;
  Tuning& tuning_;
};

const RateSearch& search_of(const Tuning& tuning, const std::string& arm, const std::string& other) {
  return *std::ranges::find_if(tuning.searches, [&](const RateSearch& search) {
    return search.arms == std::vector{arm} || search.arms == std::vector{arm, other} ||
           search.arms == std::vector{other, arm};
  });
}

class Growing {
 public:
  Growing(const Design& design, const Tuning& tuning) : design_(design), tuning_(tuning) {}

  Design grow() {
    grown_.arms = design_.arms;
    for (const RateSearch& search : tuning_.searches) {
      for (const std::string& arm : search.arms) {
        for (const auto& [step, value] : search.tried) add(arm, step, false);
        for (const auto& [factors, value] : search.factors)
          add(arm, *best_step(search.tried), false, factors);
      }
    }
    for (const PlannedContrast& contrast : design_.contrasts) {
      grown_.contrasts.push_back(contrast);
      if (!is_tunable(contrast)) continue;
      const RateSearch& a = search_of(tuning_, contrast.a, contrast.b);
      const RateSearch& b = search_of(tuning_, contrast.b, contrast.a);
      if (a.best && b.best) at_best_rates(contrast, a, b);
      const std::string& failure = a.failure.empty() ? b.failure : a.failure;
      if (!failure.empty()) without_best_rate(contrast, failure);
    }
    return std::move(grown_);
  }

 private:
  std::string add(const std::string& name, int step, bool judged, const PartFactors& factors = {}) {
    Arm arm = with_factors(at_step(*arm_named(design_, name), step), factors);
    const auto known = std::ranges::find(grown_.arms, arm.name, &Arm::name);
    if (known != grown_.arms.end()) {
      known->judged |= judged;
    } else {
      arm.judged = judged;
      grown_.arms.push_back(arm);
    }
    return arm.name;
  }

  void without_best_rate(PlannedContrast contrast, const std::string& why) {
    contrast.not_measurable = why;
    grown_.contrasts.push_back(std::move(contrast));
  }

  // Each arm at its best rate; and at the other's, for what becomes of the difference with the rate.
  void at_best_rates(PlannedContrast contrast, const RateSearch& a, const RateSearch& b) {
    const std::string first = contrast.a, second = contrast.b;
    const auto judged_in_both = [&](int step) { return step == 0 || step == *a.best || step == *b.best; };
    for (const auto& [step, value] : a.tried) {
      if (!b.tried.contains(step) && !judged_in_both(step)) continue;
      at_rate(contrast, first, second, step, judged_in_both(step));
    }
    if (!a.tried.contains(*b.best)) at_rate(contrast, first, second, *b.best, true);
    std::ranges::sort(contrast.rates, {}, &PlannedContrast::AtRate::rate);
    contrast.a = add(first, *a.best, true, a.factors.empty() ? PartFactors{} : best_factors(a.factors));
    contrast.b = add(second, *b.best, true);
    contrast.shared_rate = &a == &b;
    grown_.contrasts.push_back(std::move(contrast));
  }

  void at_rate(PlannedContrast& contrast, const std::string& a, const std::string& b, int step, bool judged) {
    const double rate = rate_at(declared_rate(*arm_named(design_, a)), step);
    contrast.rates.push_back({rate, add(a, step, judged), add(b, step, judged), judged});
  }

  const Design& design_;
  const Tuning& tuning_;
  Design grown_;
};

}  // namespace

// Of an arm's size alone the rate is a part, and its shape alone has the size of the other arm's rate.
bool is_tunable(const PlannedContrast& contrast) {
  return is_tested(contrast) && contrast.cause != Cause::rounding && contrast.aspect == Aspect::all;
}

Tuning tuning_of(std::size_t experiment, const ExperimentConfig& config, const Design& design,
                 const RunResults& runs) {
  Tuning tuning;
  if (config.tune == "off") return tuning;
  Searching searching(experiment, config, design, runs, tuning);
  for (const PlannedContrast& contrast : design.contrasts) {
    if (!is_tunable(contrast)) continue;
    if (config.tune == "shared") {
      searching.search({contrast.a, contrast.b}, false);
    } else {
      searching.search({contrast.a}, config.part_factors == "on");
      searching.search({contrast.b}, false);
    }
  }
  return tuning;
}

Design with_rates(const Design& design, const ExperimentConfig& config, const Tuning& tuning) {
  return config.tune == "off" ? design : Growing(design, tuning).grow();
}

}  // namespace lockstep::train
