#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "train/statistics/statistics.h"

// What a finished study says, as plain values: the study runner fills these, and the terminal table, the
// report and the CSV files are written from them. Nothing here computes.
namespace lockstep::train {

// One arm's loss over the training steps. All vectors have one entry per recorded step. Infinite: that many
// runs diverged.
struct ArmCurve {
  std::string arm;    // "A3"
  std::string label;  // plain words: "combined, Xavier by the whole (3d, d) tensor"
  std::string group;  // the optimizer, "Adam" or "Muon": each group has its own panel
  int runs = 0;       // seeds that it is made of
  // Loss in TaskSummary::loss_label; low, high: TaskSummary::spread.
  std::vector<double> step, median, low, high;
};

// Numbers over the training steps with what encloses them: a band that holds the whole true curve with 95%,
// or the extremes of the seeds. All vectors have one entry per recorded step; an unknown band is infinite.
struct BandCurve {
  std::string name;  // "f32"
  std::vector<double> step, middle, low, high;
};

// A contrast at one learning rate; in percent of arm_a's mean at that rate.
struct RateEffect {
  double rate = 0;
  bool judged = false;                  // with the seeds that judge; else with those that chose the rates
  bool best_a = false, best_b = false;  // the tuned rate of that arm
  int pairs = 0;
  double mean_a = 0, mean_b = 0;                          // in the contrast's unit
  double percent = 0, percent_low = 0, percent_high = 0;  // 95% interval; infinite: too few pairs
};

// What becomes of a contrast with the learning rate.
struct RateSlope {
  double percent = 0, low = 0, high = 0;  // change with each doubling of the rate, 95% interval
  double p_adjusted = 1;                  // that it is zero, corrected over all tests of the study
  bool depends = false;                   // it is not, or different turns into different the other way round
};

// A number of both arms over the steps: arm_b's less arm_a's, the mean over the pairs with the band that
// holds the whole true curve with 95%.
struct PairedCurve {
  std::string measured;  // "loss", or a probe's label: "size of the updates"
  std::string name;      // of the probe's numbers: "q"; of the loss: empty
  std::string unit;      // "1": a ratio
  BandCurve difference;
  // Where the band first leaves zero.
  struct Parting {
    long long step = 0;  // updates done before
    double percent = 0;  // mean difference there, of arm_a's mean
  };
  std::optional<Parting> parting = {};
};

// One cause, seen alone: arm_b against arm_a, paired by seed. An effect is metric(b) - metric(a).
struct Contrast {
  std::string cause;         // as it is shown, once in each metric: "rounding", "draw", "coupling by head"
  std::string meaning;       // what the cause is, in a sentence
  std::string name;          // of the change, within a sentence: "muon by the whole (3d, d) tensor"
  std::string rule;          // what looks at the stored shape: "xavier_uniform", "muon"; empty: nothing does
  std::string scope;         // under what it was measured: "adam at learning rate 0.001"
  std::string question;      // plain words: "Does Xavier's fan_out of the whole tensor matter?"
  std::string arm_a, arm_b;  // names as in ArmStatistics::arm
  std::string metric;        // "steps until the training loss is below 0.5"
  std::string metric_key = {};  // the same in every study: "steps_to_threshold"
  std::string unit;             // of effect, sd, low, high, margin and differences: "steps"; empty: none
  std::string more = "higher", less = "lower";  // what a positive effect is, and a negative one
  // None: nothing is tested, but `spread` was measured, or there is nothing to measure (see `note`).
  std::optional<Verdict> verdict = Verdict::inconclusive;
  // Of arms that differ by their random numbers alone: the standard deviation that these cause, sd / sqrt(2),
  // in `unit`. The mean difference is zero by construction.
  std::optional<double> spread = {};
  bool within_margin = false;  // the mean difference lies inside the margin, also beside "different"
  bool primary = true;         // in the metric that verdicts go by
  int pairs = 0;               // seeds measured in both arms, the censored ones included
  int censored = 0;            // pairs of which a run never reached the threshold, and none diverged
  int diverged = 0;            // pairs of which a run ended in NaN or infinity
  double effect = 0, sd = 0;   // mean and standard deviation of the paired differences, in `unit`
  // 95% interval of the mean difference, in `unit`; infinite: too few pairs to bound it.
  double low = 0, high = 0;
  double base = 0;  // arm_a's mean, which percentages refer to, in `unit`
  double percent = 0, percent_low = 0, percent_high = 0;  // effect, low and high in percent of `base`
  double p = 1;                                           // two-sided, that the difference is zero
  double p_adjusted = 1;                                  // corrected over all contrasts of the study
  double margin = 0;                                      // equivalence is |difference| < margin, in `unit`
  double equivalence_p = 1, equivalence_p_adjusted = 1;   // the larger of the two one-sided tests (TOST)
  int further_seeds = 0;   // more seeds that would settle an inconclusive one; 0: none needed, or none helps
  std::string held_equal;  // what both arms share: "weights, data order, optimizer"
  std::string note;        // anything that the reader must know; may be empty
  std::vector<double> differences;    // one for each pair, in `unit`
  std::vector<double> values_a = {};  // arm_a's value in each pair, in `unit`
  std::vector<RateEffect> rates;      // of a contrast at tuned learning rates, by rate; else empty
  std::optional<RateSlope> slope = {};
  // Those that part first stand first; of the declared rate and the primary metric alone.
  std::vector<PairedCurve> paired_curves = {};
};

// One arm's outcome in one metric, in the unit of that metric.
struct ArmStatistics {
  std::string arm, label, metric, unit;
  int n = 0;                            // runs
  int reached = 0;                      // runs with a value of the metric
  int censored = 0;                     // runs that never reached the threshold
  int diverged = 0;                     // runs that ended in NaN or infinity
  double mean = 0, sd = 0, median = 0;  // over the runs that have a value
};

// What a probe gave, arm by arm.
struct ProbeTable {
  struct Row {
    std::string arm, label;
    std::vector<double> means;  // over steps and seeds, one for each name
  };
  std::string label, unit, formula;
  std::vector<std::string> names;
  std::vector<Row> rows;
};

struct TaskSummary {
  std::string task;         // "copy", as on the command line
  std::string title;        // "Copy task"
  std::string model;        // "2 layers, width 64, 4 heads, MLP 256; batch 64"
  std::string description;  // the task, the model and the settings in a sentence or two
  std::string loss_label;   // the curves' y axis with its unit: "training loss (cross entropy, nats)"
  std::string spread = "the middle half of the seeds";  // what ArmCurve::low and high enclose
  double threshold = 0;                                 // of the loss, for "steps until"; not positive: none
  double margin = 0;                                    // of equivalence, in percent of the arm compared with
  bool valid = true;    // the control held: A0 and its repetition A0' agree bit for bit
  std::string control;  // the same in a sentence
  std::vector<ArmCurve> curves;
  std::vector<ArmStatistics> arms;
  std::vector<ProbeTable> measured;
  // How far combined and separate storage come apart from the same weights, ||w - w'|| / ||w'|| over the
  // steps, in each precision: median, smallest and largest of the seeds. Empty where the storages were not
  // compared.
  std::vector<BandCurve> distances;
  std::vector<Contrast> contrasts;  // in the order in which they are shown
};

// One cause over the tasks of a study, in the primary metric, in percent of arm_a's mean.
struct AcrossTasks {
  std::string cause;                                    // as in Contrast
  std::string name;                                     // as in Contrast
  std::vector<std::pair<std::string, double>> effects;  // task and effect
  std::vector<std::string> left_out;                    // tasks on which runs were censored or diverged
  // Over six tasks or more, else nothing: the mean of the true effects, its 95% interval, their standard
  // deviation, and where the effect on another task like these lies with 95%.
  struct General {
    double mean = 0, low = 0, high = 0, tau = 0, next_low = 0, next_high = 0;
  };
  std::optional<General> general = {};
};

// One arm of a task: a row of arms.csv.
struct ArmRow {
  std::string task, arm, label, purpose;
  std::string storage, precision, initialiser, optimizer;
  double learning_rate = 0;  // of the optimizer itself: Muon's of the blocks' matrices
  // Which matrix the initialiser and the optimizer take for one (tensor, part or head), and by which one's
  // rule a part gets its size.
  std::string init_direction, init_scale, optimizer_direction, optimizer_scale;
};

struct StudySummary {
  std::string name;                        // "default", "muon-qkv"
  std::string question;                    // the page's title
  std::vector<std::string> disputes = {};  // links to public ones that it answers
  std::string command;                     // that reproduces the study
  std::string version;                     // of Lockstep
  std::string commit;                      // of its sources; empty: not known
  std::string machine;                     // "AMD EPYC 9B14, 2 cores"
  std::string date;                        // ISO 8601
  double seconds = 0;                      // wall time
  int threads = 0;
  bool anytime = false;  // contrasts have their seeds as soon as they are decided
  std::vector<TaskSummary> tasks;
  std::vector<AcrossTasks> across = {};                          // of more than one task
  std::string config_toml;                                       // the complete resolved configuration
  std::vector<std::pair<std::string, std::string>> environment;  // library and its version
  std::vector<std::string> notes;                                // shown as a list; may be empty
  std::vector<ArmRow> arm_table;                                 // of all tasks, as in arms.csv
};

// One training run: a row of runs.csv.
struct RunRow {
  std::string task, arm, optimizer, initialiser;
  long long seed = 0;
  // Every metric by its key; no value where the run ended without it.
  std::vector<std::pair<std::string, std::optional<double>>> metrics;
  bool censored = false, diverged = false;
  bool tuning = false;  // one that learning rates were chosen by
  int steps_run = 0;
  double final_loss = 0;     // of the last step run
  double seconds = 0;        // of this run alone
  long long parameters = 0;  // scalars trained
};

// One number that a probe gave: a row of probes.csv.
struct ProbeRow {
  std::string task, arm;
  long long seed = 0;
  std::string probe, name;
  long long step = 0;  // updates done before
  double value = 0;
  std::string unit;
};

}  // namespace lockstep::train
