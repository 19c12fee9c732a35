// lockstep train, lockstep eval
#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "data/atomic_file.h"
#include "train/cli/commands.h"
#include "train/keys.h"
#include "train/training.h"

namespace lockstep::train::cli {

namespace {

struct Given {
  Typed keys;
  std::filesystem::path out;
  bool resume = false;
  std::int64_t every = 100;
};

RunConfig configured(const Typed& keys) {
  std::string task = "copy";
  for (const auto& [key, text] : keys) {
    if (key == "task") task = text;
  }
  RunConfig config = defaults_for(task);
  for (const auto& [key, text] : keys) set_from_text(config, key, text);
  validate(config);
  return config;
}

int train(const Given& given, const std::string& command) {
  const RunConfig config = configured(given.keys);
  const std::filesystem::path out =
      given.out.empty() ? std::filesystem::path("out") / ("train-" + config.task) : given.out;
  const std::string checkpoint = (out / "checkpoint.h5").string();
  Training training(config);
  std::string metrics = "step,training_loss,validation_loss,validation_accuracy\n";
  if (std::filesystem::exists(checkpoint)) {
    check(given.resume, "{} exists: add --resume to go on, or choose another --out", checkpoint);
    check(to_toml(checkpoint_config(checkpoint)) == to_toml(config),
          "{} was trained with other settings: give the same, or another --out", checkpoint);
    training.load(checkpoint);
    metrics = data::read_file(out / "metrics.csv");
  }
  std::filesystem::create_directories(out);
  double loss = 0;
  while (training.steps_done() < config.steps) {
    loss = training.step();
    check(std::isfinite(loss),
          "the loss became {} in step {}: the last checkpoint is {}; a smaller --lr or --clip 1 may help",
          loss, training.steps_done(), checkpoint);
    const bool last = training.steps_done() == config.steps || stop_requested();
    if (!last && training.steps_done() % given.every != 0) continue;
    const Evaluation evaluation = training.evaluate();
    fmt::print("step {:>6}  training loss {:.4f}  validation loss {:.4f}  accuracy {:.2f}%\n",
               training.steps_done(), loss, evaluation.loss, 100 * evaluation.accuracy);
    std::fflush(stdout);
    metrics +=
        fmt::format("{},{},{},{}\n", training.steps_done(), loss, evaluation.loss, evaluation.accuracy);
    data::write_file(out / "metrics.csv", metrics);
    training.save(checkpoint);
    if (stop_requested()) {
      fmt::print(stderr, "Stopped; go on with: {}{}\n", command, given.resume ? "" : " --resume");
      return exit_stopped;
    }
  }
  fmt::print("Checkpoint: {}\n", checkpoint);
  return 0;
}

int evaluate(const std::string& path) {
  Training training(checkpoint_config(path));
  training.load(path);
  const Evaluation evaluation = training.evaluate();
  fmt::print("{} after {} steps: validation loss {:.4f}, accuracy {:.2f}%\n", training.config().task,
             training.steps_done(), evaluation.loss, 100 * evaluation.accuracy);
  return 0;
}

}  // namespace

void add_train(CLI::App& app, Session& session) {
  auto given = std::make_shared<Given>();
  CLI::App* command = app.add_subcommand("train", "train one model; checkpoint and metrics go to --out");
  add_keys(*command, run_keys(), given->keys);
  command->add_option("--out", given->out,
                      "folder for checkpoint.h5 and metrics.csv; default: out/train-TASK");
  command->add_flag("--resume", given->resume, "go on from the checkpoint in --out");
  command->add_option("--every", given->every, "steps between validations and checkpoints")
      ->check(CLI::PositiveNumber);
  command->callback([given, &session] {
    session.action = [given, &session] { return train(*given, session.command_line); };
  });

  auto path = std::make_shared<std::string>();
  CLI::App* eval = app.add_subcommand("eval", "validation loss and accuracy of a checkpoint");
  eval->add_option("checkpoint", *path, "checkpoint.h5 of lockstep train")->required();
  eval->callback([path, &session] { session.action = [path] { return evaluate(*path); }; });
}

}  // namespace lockstep::train::cli
