// lockstep diverge
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "core/joined.h"
#include "core/runtime/parallel.h"
#include "data/files/atomic_file.h"
#include "train/cli/commands.h"
#include "train/config/difference.h"
#include "train/probes/first_parting.h"
#include "train/probes/linear_cka.h"
#include "train/probes/loss_barrier.h"
#include "train/probes/weight_distance.h"
#include "train/report/csv.h"
#include "train/text/numbers.h"
#include "train/text/output.h"
#include "train/text/step_line.h"
#include "train/training/checkpoint.h"

namespace lockstep::train::cli {

namespace {

struct DivergeGiven {
  std::vector<std::string> runs;
  std::int64_t steps = 0;
  int threads = 1;
  std::filesystem::path out;
};

// A training that is done again from its first step.
struct Again {
  explicit Again(const std::string& place)
      : checkpoint(std::filesystem::is_directory(place) ? place + "/checkpoint.h5" : place),
        training(checkpoint.config()) {}

  double step() { return training.step(); }
  LogicalParts weights() const { return logical_parts(training.model().parameters()); }
  // Where it stands after the checkpoint's steps, it must have the checkpoint's weights.
  bool is_what_was_saved() const {
    if (training.steps_done() != checkpoint.steps_done()) return true;
    Training saved(checkpoint.config());
    checkpoint.restore(saved);
    return logical_parts(saved.model().parameters()) == weights();
  }

  Checkpoint checkpoint;
  Training training;
};

void check_comparable(const Again& a, const Again& b) {
  const LogicalParts one = a.weights(), other = b.weights();
  const bool alike = std::ranges::equal(one, other, [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.size() == y.second.size();
  });
  check(
      alike && a.training.config().task == b.training.config().task,
      "{} and {} are no two trainings of one task and model: {}; two that differ in storage, first weights, "
      "optimizer or data order can be compared",
      a.checkpoint.path(), b.checkpoint.path(),
      joined(differences(a.training.config(), b.training.config()), "; "));
}

// Rows for diverge.csv.
std::string rows_of(std::int64_t step, const Differences& all) {
  std::string rows;
  for (const auto& [name, difference] : all)
    rows += fmt::format("{},{},{}\r\n", step, csv_cell(name), difference);
  return rows;
}

void show_partings(const FirstParting& partings, std::int64_t steps) {
  show("Relative difference ||a - b|| / ||b|| of the loss and of each tensor, key biases left out:\n");
  for (std::size_t i = 0; i < FirstParting::thresholds.size(); ++i) {
    const auto& at = partings.beyond(i);
    const std::string where =
        at ? fmt::format("after {:>5}  {} ({:.1e})", count(at->step, "step"), at->what, at->difference)
           : fmt::format("not within {}; the most is {:.1e}, {}, after {}", count(steps, "step"),
                         partings.farthest().difference, partings.farthest().what,
                         count(partings.farthest().step, "step"));
    show("  beyond {:<7.0e} {}\n", FirstParting::thresholds[i], where);
  }
}

void show_series(const Series& series, const char* format) {
  for (std::size_t i = 0; i < series.names.size(); ++i)
    show("  {:<24} {}\n", series.names[i], fmt::format(fmt::runtime(format), series.values[i]));
}

// What the probes that compare two runs say where both stand now.
template <typename P>
Series compared(const Again& a, const Again& b) {
  P of_a(a.training.steps_done()), of_b(b.training.steps_done());
  of_a.before_update(a.training);
  of_b.before_update(b.training);
  return P::between(of_a.measured().snapshot, of_b.measured().snapshot);
}

int diverge(const DivergeGiven& given) {
  const Threads threads(given.threads);
  Again a(given.runs[0]), b(given.runs[1]);
  check_comparable(a, b);
  const std::int64_t trained = std::min(a.checkpoint.steps_done(), b.checkpoint.steps_done());
  const std::int64_t steps = given.steps > 0 ? given.steps : trained;
  const std::vector<std::string> differing = differences(a.training.config(), b.training.config());
  show("{} and {}, {}, trained again side by side over {}.\nThey differ in: {}.\n", given.runs[0],
       given.runs[1], a.training.config().task, count(steps, "step"),
       differing.empty() ? "nothing" : joined(differing, "; "));

  FirstParting partings;
  std::string rows = "step,tensor,relative_difference\r\n";
  StepLine line(steps, 0);
  for (std::int64_t step = 0; step <= steps && !stop_requested(); ++step) {
    const LogicalParts before_a = a.weights(), before_b = b.weights();
    if (step == steps) {  // the last weights, of which nobody asks for the loss
      const Differences last = differences_between(before_a, 1, before_b, 1);
      partings.look(step, last);
      rows += rows_of(step, {last.begin() + 1, last.end()});
      break;
    }
    const double loss_a = a.step(), loss_b = b.step();
    check(std::isfinite(loss_a) && std::isfinite(loss_b),
          "the loss became {} and {} in step {}: choose fewer --steps", loss_a, loss_b, step + 1);
    const Differences all = differences_between(before_a, loss_a, before_b, loss_b);
    partings.look(step, all);
    rows += rows_of(step, all);
    line.stepped(step + 1, loss_a);
  }
  line.clear();
  if (stop_requested()) return exit_stopped;

  show_partings(partings, steps);
  show("Weights after {}, ||a - b|| / ||b||:\n", count(steps, "step"));
  show_series(compared<WeightDistance>(a, b), "{:.2e}");
  show("Likeness of the residual stream (linear CKA; 1: alike up to a rotation):\n");
  show_series(compared<LinearCka>(a, b), "{:.4f}");
  const LossBarrier barrier = loss_barrier(a.training, b.training);
  show("Validation loss on the line between their weights: {:.4f} and {:.4f} at the ends, barrier {:.4f}\n",
       barrier.losses.front(), barrier.losses.back(), barrier.height);
  for (const Again* run : {&a, &b}) {
    if (!run->is_what_was_saved())
      show(
          "Trained again, {} has other weights than were saved: it began from --weights, or was trained on "
          "another "
          "processor or by another version.\n",
          run->checkpoint.path());
  }
  if (!given.out.empty()) {
    data::write_file(given.out, rows);
    show("Every tensor at every step: {}\n", given.out.string());
  }
  return 0;
}

}  // namespace

void add_diverge(CLI::App& app, Session& session) {
  auto given = std::make_shared<DivergeGiven>();
  CLI::App* command = app.add_subcommand(
      "diverge",
      "train two runs again side by side: at which step and in which tensor they first part, how far they "
      "come apart");
  command
      ->add_option("runs", given->runs,
                   "two folders of lockstep train, or their checkpoints, of one task and model")
      ->required()
      ->expected(2);
  add_number(*command, "--steps", given->steps, count_range,
             "over which; default: as many as both were trained");
  add_number(*command, "--threads", given->threads, threads_range,
             "threads of each training; the numbers do not depend on it");
  command->add_option("--out", given->out,
                      "a .csv file for the difference of every tensor at every step; default: none");
  command->callback([given, &session] { session.action = [given] { return diverge(*given); }; });
}

}  // namespace lockstep::train::cli
