// The keys of an experiment and of a study.
#include "train/config/cause.h"
#include "train/config/key.h"
#include "train/config/optimizer.h"

namespace lockstep::train {

std::span<const Key<ExperimentConfig>> experiment_keys() {
  using C = ExperimentConfig;
  static const std::vector<Key<C>> keys = {
      {"seeds",
       &C::seeds,
       "pairs of runs for every contrast",
       {.least = 1, .most = most_seeds, .note = "12 for a verdict"}},
      {"threshold",
       &C::threshold,
       "training loss of the metric \"steps until the loss is below\"",
       {.least = 0, .without_least = true}},
      {"curve_steps",
       &C::curve_steps,
       "first steps over which the second metric, the mean loss, is taken",
       {1, 1e9}},
      {"f64_seeds",
       &C::f64_seeds,
       "of the seeds, how many repeat the rounding arms in f64, where the gap must shrink",
       {0, most_seeds}},
      {"margin",
       &C::margin,
       "percent: equivalent means that it differs by less",
       {.least = 0, .without_least = true}},
      {"causes", &C::causes, "what to take apart", {}, cause_keys},
      {"against",
       &C::against,
       "granularities compared with part",
       {},
       [] {
         return std::vector<std::string>{"tensor", "head"};
       }},
      {"coupling_optimizer",
       &C::coupling_optimizer,
       "the optimizer of the coupling arms",
       {},
       coupling_optimizers},
      {"coupling_lr",
       &C::coupling_lr,
       "its learning rate (Muon: of the blocks' matrices)",
       {.least = 0, .without_least = true}},
      {"primary", &C::primary, "the metric that verdicts go by and learning rates are chosen by"},
      {"tune",
       &C::tune,
       "learning rates at which rules are compared beside the one declared, the best of each arm, of both "
       "together, or none",
       {},
       [] {
         return std::vector<std::string>{"own", "shared", "off"};
       }},
      {"part_factors",
       &C::part_factors,
       "whether the search of an arm by part has a factor of its own for each of q, k and v as well, of its "
       "updates or "
       "first weights",
       {},
       [] {
         return std::vector<std::string>{"on", "off"};
       }},
      {"stopping",
       &C::stopping,
       "when a contrast has its seeds, when all are done, or as soon as the primary metric decides, by tests "
       "that "
       "hold at any time",
       {},
       [] {
         return std::vector<std::string>{"fixed", "decided"};
       }},
      {"probes", &C::probes,
       "what is measured of every run beside what always is, by the keys in train/probes/"},
      {"tune_seeds",
       &C::tune_seeds,
       "seeds on which learning rates are chosen, besides the judged ones",
       {.least = 1, .most = most_seeds, .note = "4 as a rule"}},
  };
  return keys;
}

std::span<const Key<StudyConfig>> study_keys() {
  using C = StudyConfig;
  static const std::vector<Key<C>> keys = {
      {"name", &C::name, "of the study and of its folder in out/"},
      {"question", &C::question, "that it answers"},
      {"disputes", &C::disputes, "links to public disputes that it answers"},
      {"duration", &C::duration, "roughly, on two cores"},
      {"threads",
       &C::threads,
       "trainings at once",
       {.least = 0, .most = 4'096, .note = "0: one for each core"}},
  };
  return keys;
}

}  // namespace lockstep::train
