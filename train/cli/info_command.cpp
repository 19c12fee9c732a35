// lockstep tasks, lockstep repro, lockstep doctor
#include <iostream>

#include "core/error.h"
#include "data/tasks/task.h"
#include "train/bench/doctor.h"
#include "train/cli/commands.h"
#include "train/cli/device.h"
#include "train/cli/help.h"
#include "train/cli/repro.h"
#include "train/config/recipe.h"
#include "train/text/numbers.h"
#include "train/text/output.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"

namespace lockstep::train::cli {

namespace {

// Roughly, on one core (AMD EPYC, Zen 4): matrix products at 7e10 operations a second, and what a step costs
// besides.
double seconds_of(const RunConfig& config) {
  return operations_of(config) / 7e10 + 1e-3 * static_cast<double>(config.steps);
}

}  // namespace

void add_info(CLI::App& app, Session& session) {
  app.add_subcommand("tasks", "list what models can learn here")->callback([&session] {
    session.action = [] {
      for (const data::TaskInfo& task : data::tasks()) {
        const RunConfig config = defaults_for(task.name);
        const std::string name = padded(task.name, 13);
        show_text(hanging(name, task.summary, terminal_width()));
        show_text(hanging(padded("", 13),
                          fmt::format("a training: {}, roughly {} on one core", count(config.steps, "step"),
                                      duration(seconds_of(config))),
                          terminal_width()));
      }
      return 0;
    };
  });

  auto options = std::make_shared<ReproOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App* repro =
      app.add_subcommand("repro", "MONAI's 410444.28: where it comes from, and what it does not say");
  add_number(*repro, "--seed", options->seed, seed_range, "of torch.manual_seed");
  add_number(*repro, "--hidden", options->hidden, {.least = 1, .most = 1e6}, "width of the layers");
  add_number(*repro, "--batch", options->batch, {.least = 1, .most = 1e6}, "sequences in x");
  add_number(*repro, "--tokens", options->tokens, {.least = 1, .most = 1e6}, "tokens in a sequence");
  const AskedDevice device = add_device(*repro, "the processor, which is faster there and back");
  repro->add_flag("--json", *json, "as JSON");
  repro->callback([options, device, json, &session] {
    session.action = [options, device, json] {
      options->device = device_if_named(*device);
      const Repro result = reproduce(*options);
      fmt::print("{}", *json ? to_json(result) : to_text(result, output_width()));
      return 0;
    };
  });

  auto doctor_options = std::make_shared<DoctorOptions>();
  CLI::App* doctor_command =
      app.add_subcommand("doctor", "what this machine is, how fast it could be, and what to do about it");
  doctor_command->add_flag("--json", doctor_options->json, "as JSON");
  doctor_command->callback([doctor_options, &session] {
    session.action = [doctor_options] {
      doctor_options->width = output_width();
      doctor(std::cout, *doctor_options);
      return 0;
    };
  });
}

}  // namespace lockstep::train::cli
