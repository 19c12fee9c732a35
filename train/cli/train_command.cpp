// lockstep train, lockstep eval, lockstep sample
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "core/joined.h"
#include "core/runtime/parallel.h"
#include "data/files/atomic_file.h"
#include "train/cli/commands.h"
#include "train/cli/device.h"
#include "train/cli/probe_log.h"
#include "train/config/difference.h"
#include "train/config/key.h"
#include "train/config/recipe.h"
#include "train/config/typed.h"
#include "train/config/validate.h"
#include "train/text/clock.h"
#include "train/text/output.h"
#include "train/text/step_line.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"
#include "train/training/checkpoint.h"
#include "train/training/event_file.h"
#include "train/training/kept_weights.h"
#include "train/training/output_folder.h"
#include "train/training/sampling.h"

namespace lockstep::train::cli {

namespace {

struct TrainGiven {
  Typed keys;
  std::filesystem::path out;
  bool resume = false, explain = false;
  Habits habits;
  int threads = 1;
  std::string weights;
  data::LoadOptions load;
  AskedDevice device;
  bool tensorboard = false;
};

RunConfig configured(const Typed& keys) {
  std::string task = "copy";
  for (const auto& [key, text] : keys) {
    if (key == "task") task = text;
  }
  RunConfig config = defaults_for(task);
  for (const auto& [key, text] : keys) set_from_text(config, key, text);
  // A short training shortens the task's own warm-up with it, unless that was set as well.
  const bool own_warmup =
      std::none_of(keys.begin(), keys.end(), [](const auto& k) { return k.first == "warmup"; });
  if (own_warmup && config.warmup >= config.steps) config.warmup = config.steps / 10;
  validate(config, names_of(keys));
  return config;
}

// The checkpoint's settings, which what was typed must not contradict. More steps are fine where the schedule
// does not depend on their number.
RunConfig resumed(const Typed& keys, const Checkpoint& checkpoint) {
  const RunConfig config = checkpoint.config();
  RunConfig wanted = config;
  for (const auto& [key, text] : keys) set_from_text(wanted, key, text);
  std::vector<std::string> differing = differences(config, wanted);
  const bool longer = config.schedule == "constant" && wanted.steps >= checkpoint.steps_done();
  if (longer) std::erase_if(differing, [](const std::string& text) { return text.starts_with("steps:"); });
  check(
      differing.empty(),
      "{} was trained with other settings (there, here): {}; leave them out to go on with the checkpoint's, "
      "or choose another --out{}",
      checkpoint.path(), joined(differing, "; "),
      wanted.steps > config.steps && config.schedule != "constant"
          ? fmt::format(" (the {} schedule ends with its steps; only a constant one can be made longer)",
                        config.schedule)
          : "");
  validate(wanted, names_of(keys));
  return wanted;
}

// 1, 2 or 5 times a power of ten, not below `least`.
std::int64_t round_number(std::int64_t least) {
  for (std::int64_t power = 1;; power *= 10) {
    for (const std::int64_t digit : {1, 2, 5}) {
      if (digit * power >= least) return digit * power;
    }
  }
}

// Steps between validations: about twenty in a training, but no more than a tenth of the time. A step works
// about three times as long on a row as a validation does.
std::int64_t default_interval(const RunConfig& config, const data::Task& task) {
  constexpr std::int64_t rows_in_batch = 100, per_training = 20, share = 10;
  const std::int64_t rows = task.validation_batches(rows_in_batch) * rows_in_batch;
  return round_number(std::max(config.steps / per_training, share * rows / (3 * config.batch)));
}

// One training with its files, from where it stands to its end.
class Run {
 public:
  Run(Training& training, Metrics metrics, std::filesystem::path out, const Habits& habits, bool tensorboard)
      : training_(training),
        metrics_(std::move(metrics)),
        out_(std::move(out)),
        habits_(habits),
        probes_(out_ / "probes.csv", habits.probes, training),
        events_(event_place(out_, tensorboard)),
        every_(habits.every > 0 ? habits.every : default_interval(training.config(), training.task())),
        keep_(steps_to_keep(habits.keep, training.config().steps)),
        line_(training.config().steps, training.steps_done()) {}

  std::string checkpoint() const { return (out_ / "checkpoint.h5").string(); }

  // False where it was stopped.
  bool run() {
    keep_now();
    while (training_.steps_done() < training_.config().steps) {
      if (stop_requested()) {
        save();
        return false;
      }
      const double loss = training_.step(probes_.observer());
      check(std::isfinite(loss), "the loss became {} in step {}: {}", loss, training_.steps_done(), rescue());
      metrics_.training_loss.push_back(loss);
      line_.stepped(training_.steps_done(), loss);
      keep_now();
      const bool last = training_.steps_done() == training_.config().steps;
      if (last || training_.steps_done() % every_ == 0) {
        validate_now();
        save();
      } else if (monotonic_seconds() - saved_at_ > 30) {
        save();
      }
    }
    if (metrics_.validations.empty()) validate_now();  // of 0 steps
    if (!saved_) save();
    return true;
  }

  void validate_now() {
    const Evaluation result = training_.evaluate();
    check(std::isfinite(result.loss), "the validation loss became {} after step {}: {}", result.loss,
          training_.steps_done(), rescue());
    metrics_.validations.push_back({training_.steps_done(), result, seconds()});
    line_.clear();
    const double mean = metrics_.mean_training_loss(metrics_.validations.size() - 1);
    const std::string step = fmt::format("step {:>6}  ", training_.steps_done());
    const std::vector<std::string> parts = {
        fmt::format("mean training loss {}", std::isnan(mean) ? "     -" : fmt::format("{:.4f}", mean)),
        fmt::format("validation loss {:.4f}", result.loss),
        fmt::format("accuracy {:.2f}%", 100 * result.accuracy)};
    const std::string line = step + joined(parts, "  ");
    const bool fits = display_width(line) <= output_width();
    show("{}\n", fits ? line : step + joined(parts, "\n" + padded("", display_width(step))));
  }

  // The checkpoint before what follows from it; the probes' rows before it: what lies beyond it is left out
  // later.
  void save() {
    check(training_.is_finite(), "a weight is not finite after step {}: {}", training_.steps_done(),
          rescue());
    metrics_.seconds = seconds();
    started_ = saved_at_ = monotonic_seconds();
    saved_ = true;
    probes_.save();
    save_checkpoint(checkpoint(), training_, metrics_, habits_);
    save_metrics((out_ / "metrics.h5").string(), training_.config(), metrics_);
    data::write_file(out_ / "metrics.csv", to_csv(metrics_));
    if (!events_.file.empty()) data::write_file(events_.file, event_file(metrics_, events_.begun));
  }

 private:
  void keep_now() const {
    if (std::ranges::binary_search(keep_, training_.steps_done())) keep_weights(out_, training_);
  }
  double seconds() const { return metrics_.seconds + monotonic_seconds() - started_; }

  std::string rescue() const {
    const bool saved = std::filesystem::exists(checkpoint());
    return fmt::format("{}; a smaller --lr, --warmup or --clip 1 may help",
                       saved ? checkpoint() + " holds the last good state" : "nothing was saved yet");
  }

  Training& training_;
  Metrics metrics_;
  std::filesystem::path out_;
  Habits habits_;
  ProbeLog probes_;
  EventPlace events_;
  std::int64_t every_;
  std::vector<std::int64_t> keep_;
  StepLine line_;
  double started_ = monotonic_seconds(), saved_at_ = started_;
  bool saved_ = false;  // in this sitting
};

void start_from(const TrainGiven& given, Training& training) {
  const data::LoadReport report =
      data::load(weights_of(given.weights), training.model().parameters(), given.load, given.weights);
  check(
      report.not_finite.empty(),
      "{}: NaN or infinite values in {}: nothing can be trained from them; take weights of before they came",
      given.weights, printable(joined(report.not_finite, ", ")));
  show("{}: {}", given.weights, printable(report.text()));
}

int train(const TrainGiven& given, const std::string& command) {
  std::filesystem::path out = given.out;
  const RunConfig typed = given.resume && !out.empty() ? RunConfig{} : configured(given.keys);
  if (out.empty()) out = std::filesystem::path("out") / ("train-" + typed.task);
  const OutputFolder folder(out);
  const std::filesystem::path file = out / "checkpoint.h5";
  std::optional<Checkpoint> checkpoint;
  if (std::filesystem::exists(file)) {
    check(given.resume, "{} exists: add --resume to go on, or choose another --out", file.string());
    checkpoint.emplace(file.string());
  }
  const RunConfig config = checkpoint ? resumed(given.keys, *checkpoint) : configured(given.keys);
  const Threads threads(given.threads);
  Training training(config, device_for(*given.device, [&] { return is_worth_a_gpu(config); }));
  Metrics metrics;
  Habits habits = given.habits;
  if (checkpoint) {
    const Habits before = checkpoint->habits();
    if (habits.every == 0) habits.every = before.every;
    if (habits.keep.empty()) habits.keep = before.keep;
    if (habits.probes.empty()) habits.probes = before.probes;
    checkpoint->restore(training);
    metrics = checkpoint->metrics();
    show("{}: going on after step {}\n", checkpoint->path(), training.steps_done());
  } else {
    if (given.explain && habits.keep.empty()) habits.keep = "log";
    if (given.resume) show("{} does not exist yet: starting at step 0\n", file.string());
    if (!given.weights.empty()) start_from(given, training);
  }
  steps_to_keep(habits.keep, config.steps);  // throws before anything is trained
  Run run(training, std::move(metrics), out, habits, given.tensorboard);
  if (!checkpoint && !given.weights.empty()) run.validate_now();
  if (!run.run()) {
    say("Stopped after step {}; go on with: {}{}\n", training.steps_done(), command,
        given.resume ? "" : " --resume");
    return exit_stopped;
  }
  if (!training.task().alphabet().empty()) {
    show("\nA sample:");
    sample_text(training, {}, [](char c) { show("{}", c); });
    show("\n\n");
  }
  show_text(hanging("",
                    fmt::format("Checkpoint: {}; metrics.csv{} and metrics.h5 beside it", run.checkpoint(),
                                habits.probes.empty() ? "" : ", probes.csv"),
                    output_width()));
  if (given.explain) write_page({out.string()}, {});
  return 0;
}

// A training as a checkpoint left it; a folder of lockstep train will do.
Training restored(const std::string& path, const std::string& device) {
  const Checkpoint checkpoint(std::filesystem::is_directory(path) ? path + "/checkpoint.h5" : path);
  Training training(checkpoint.config(), device_if_named(device));
  checkpoint.restore(training);
  return training;
}

int evaluate(const std::string& path, const std::string& device) {
  Training training = restored(path, device);
  const Evaluation evaluation = training.evaluate();
  const std::string result =
      fmt::format("{} after {} steps: validation loss {:.4f}, accuracy {:.2f}%", training.config().task,
                  training.steps_done(), evaluation.loss, 100 * evaluation.accuracy);
  show_text(hanging("", result, output_width()));
  return 0;
}

struct SampleGiven {
  std::string path;
  AskedDevice device;
  SampleOptions options;
  std::int64_t examples = 5;
};

int sample(const SampleGiven& given, bool text_options) {
  Training training = restored(given.path, *given.device);
  if (training.task().alphabet().empty()) {
    check(!text_options,
          "{} was trained on {}, which is no text: there is no prompt to continue. Without --prompt, "
          "--tokens, --temperature, --top-k and --seed, lockstep sample shows validation examples",
          given.path, training.config().task);
    fmt::print("{}", show_examples(training, given.examples, output_width()));
    return 0;
  }
  sample_text(training, given.options, [](char c) {
    fmt::print("{}", c);
    std::fflush(stdout);
  });
  fmt::print("\n");
  return 0;
}

void add_sample(CLI::App& app, Session& session) {
  auto given = std::make_shared<SampleGiven>();
  CLI::App* command = app.add_subcommand(
      "sample",
      "text from a shakespeare checkpoint; of other tasks, validation examples with the model's answers");
  command->add_option("checkpoint", given->path, "checkpoint.h5 of lockstep train, or its folder")
      ->required();
  given->device = add_device(*command, "the processor, which is faster there and back");
  auto options = std::make_shared<std::vector<CLI::Option*>>();
  SampleOptions& sampling = given->options;
  *options = {
      command->add_option("--prompt", sampling.prompt, "what the text begins with; default: a newline"),
      add_number(*command, "--tokens", sampling.tokens, {.least = 0, .most = 1e7}, "characters to add"),
      add_number(*command, "--temperature", sampling.temperature, {.least = 0, .most = 1e6},
                 "below 1 likelier characters, at 0 the likeliest"),
      add_number(*command, "--top-k", sampling.top_k, {.least = 0, .most = 1e9, .note = "0: all"},
                 "choose among the k likeliest"),
      add_number(*command, "--seed", sampling.seed, seed_range, "of the choices")};
  add_number(*command, "--examples", given->examples, {.least = 1, .most = 100},
             "how many, of tasks that are no text");
  command->callback([given, options, &session] {
    const bool text_options = std::ranges::any_of(*options, [](CLI::Option* o) { return o->count() > 0; });
    session.action = [given, text_options] { return sample(*given, text_options); };
  });
}

}  // namespace

void add_train(CLI::App& app, Session& session) {
  auto given = std::make_shared<TrainGiven>();
  CLI::App* command = app.add_subcommand("train", "train one model; checkpoint and metrics go to --out");
  add_keys(*command, run_keys(), given->keys);
  command->add_option("--out", given->out,
                      "folder for checkpoint.h5, metrics.csv and metrics.h5; default: out/train-TASK");
  command->add_flag("--resume", given->resume, "go on from the checkpoint in --out, with its settings");
  add_number(
      *command, "--every", given->habits.every, count_range,
      "steps between validations and checkpoints; default: about 20 in all, at most a tenth of the time");
  command->add_option("--keep", given->habits.keep,
                      "steps whose weights stay in OUT/keep, as 0,10,20; or log: 0, 1, 2, 5, 10, ... and the "
                      "last; default: none");
  command
      ->add_option("--probes", given->habits.probes,
                   "what is measured at its steps, into OUT/probes.csv, as gradient_norm,head_scores; "
                   "default: nothing")
      ->delimiter(',');
  command->add_flag("--explain", given->explain,
                    "then write the page of lockstep explain, OUT/explain.html, of the kept steps; default "
                    "for them: log");
  add_number(*command, "--threads", given->threads, threads_range,
             "threads of this training; the numbers do not depend on it");
  given->device = add_device(*command, "the GPU where the training is long enough to be worth its start");
  command->add_option(
      "--weights", given->weights,
      "start from the weights in a .safetensors or .h5 file, of either storage; default: fresh ones");
  command->add_flag("--tensorboard", given->tensorboard,
                    "also write OUT/events.out.tfevents.*: the losses for tensorboard --logdir OUT");
  command->add_flag("--allow-missing", given->load.allow_missing,
                    "keep fresh numbers for what --weights lacks");
  command->add_flag("--allow-unexpected", given->load.allow_unexpected,
                    "leave out what --weights has and the model doesn't");
  command->add_flag("--allow-rounding", given->load.allow_rounding, "round f64 in --weights to f32");
  command->callback([given, &session] {
    session.action = [given, &session] { return train(*given, session.command_line); };
  });

  auto path = std::make_shared<std::string>();
  CLI::App* eval = app.add_subcommand("eval", "validation loss and accuracy of a checkpoint");
  eval->add_option("checkpoint", *path, "checkpoint.h5 of lockstep train, or its folder")->required();
  const AskedDevice device = add_device(*eval, "the processor, which is faster there and back");
  eval->callback(
      [path, device, &session] { session.action = [path, device] { return evaluate(*path, *device); }; });

  add_sample(app, session);
}

}  // namespace lockstep::train::cli
