// lockstep study, lockstep merge, lockstep studies
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "core/error.h"
#include "train/cli/commands.h"
#include "train/cli/device.h"
#include "train/cli/help.h"
#include "train/config/key.h"
#include "train/config/recipe.h"
#include "train/config/toml.h"
#include "train/config/typed.h"
#include "train/config/validate.h"
#include "train/study/merge.h"
#include "train/study/studies.h"
#include "train/study/study.h"
#include "train/text/nearest.h"
#include "train/text/output.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"

namespace lockstep::train::cli {

namespace {

struct StudyGiven {
  std::string file = "default";
  std::filesystem::path out;
  bool resume = false;
  Share share;
  std::filesystem::path rates;
  Typed keys;
  std::optional<std::string> threads;
  AskedDevice device;
};

// A path, or the name of a study that comes with Lockstep.
StudyConfig find_study(const std::string& name) {
  if (name.ends_with(".toml") || name.find('/') != std::string::npos) {
    StudyConfig study = read_study(name);
    try {
      validate(study);
    } catch (const Error& error) {
      fail("{}: {}", name, error.what());
    }
    return study;
  }
  std::vector<std::string> known;
  for (const auto& [built_in, text] : built_in_studies()) {
    if (built_in == name) return parse_study(text, name + ".toml");
    known.push_back(built_in);
  }
  const std::string near = nearest(name, known);
  fail("there is no study \"{}\"{}: lockstep studies lists them; a file of your own ends in .toml", name,
       near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

// --task keeps the study's experiments on that task, or sets one up with the task's own settings.
void choose_task(StudyConfig& study, const std::string& task) {
  std::vector<ExperimentConfig> chosen;
  for (const ExperimentConfig& experiment : study.experiments) {
    if (experiment.run.task == task) chosen.push_back(experiment);
  }
  if (chosen.empty()) chosen.push_back(experiment_for(task));
  study.experiments = std::move(chosen);
}

StudyConfig configured(const StudyGiven& given) {
  StudyConfig study = find_study(given.file);
  if (given.threads) set_from_text(study, "threads", *given.threads);
  for (const auto& [key, text] : given.keys) {
    if (key == "task") choose_task(study, text);
  }
  for (const auto& [key, text] : given.keys) {
    if (key == "task") continue;
    for (ExperimentConfig& experiment : study.experiments) {
      set_from_text(experiment, key, text);
      // A shorter limit shortens the curve with it, unless that was set as well.
      if (key == "steps") experiment.curve_steps = std::min(experiment.curve_steps, experiment.run.steps);
    }
  }
  validate(study, names_of(given.keys));
  return study;
}

std::filesystem::path default_out(const std::string& name, const Share& share) {
  std::string part = share.text();
  std::ranges::replace(part, '/', '-');
  return std::filesystem::path("out") / (part.empty() ? name : name + "-" + part);
}

// Of an MPI job that was started with the program for one process, each rank would do all of it.
void check_alone() {
  const char *const ranks = std::getenv("OMPI_COMM_WORLD_SIZE"), *const rank =
                                                                     std::getenv("OMPI_COMM_WORLD_RANK");
  if (!ranks || !rank || std::string_view(ranks) == "1") return;
  // Rank 0 says it, and its code is the job's: at the first other code mpirun would end it, said or not.
  if (std::string_view(rank) != "0") std::exit(0);
  fail("mpirun started {} of lockstep, and each would train all: use lockstep-mpi", ranks);
}

int study(const StudyGiven& given, const Session& session) {
  if (!session.crew && given.share.is_whole()) check_alone();
  check(given.rates.empty() || given.share.kind == Share::Kind::part,
        "--rates is for a part of a study: give --shard 3/16 as well, or leave it out");
  const StudyConfig config = configured(given);
  const std::string& command = session.command_line;
  StudyOptions options{.out = given.out,
                       .resume = given.resume,
                       .device = device_for(*given.device, [] { return true; }),
                       .share = given.share,
                       .crew = session.crew,
                       .rates = given.rates,
                       .command = command,
                       .go_on = command + (given.resume ? "" : " --resume")};
  if (options.out.empty()) options.out = default_out(config.name, given.share);
  if (run_study(config, options, stop_requested()) == StudyEnd::stopped) {
    say("Stopped; finished runs are in {}. Go on with: {}\n", (options.out / "study.h5").string(),
        options.go_on);
    return exit_stopped;
  }
  if (!options.share.is_whole()) return 0;
  const int width = output_width();
  show_text("\n" +
            hanging("Report: ", (options.out / "report.html").string() + " (open it in a browser)", width));
  show_text(hanging("Numbers: ",
                    (options.out / "study.h5").string() +
                        " (HDF5); arms.csv, runs.csv, contrasts.csv, "
                        "rates.csv, bands.csv, probes.csv and study.toml beside it",
                    width));
  return 0;
}

int studies() {
  for (const auto& [name, text] : built_in_studies()) {
    const StudyConfig config = parse_study(text, name + ".toml");
    fmt::print("{}{}", hanging(padded(name, 17), config.question, terminal_width()),
               hanging(padded("", 17), "takes " + config.duration, terminal_width()));
  }
  return 0;
}

}  // namespace

void add_study(CLI::App& app, Session& session) {
  auto given = std::make_shared<StudyGiven>();
  CLI::App* command = app.add_subcommand("study",
                                         "train all arms over the seeds, and give a verdict for each cause; "
                                         "what is not given is as the study's file has it, "
                                         "else by default");
  command->add_option("file", given->file,
                      "a study's name (lockstep studies) or a .toml file of your own; default: default");
  command->add_option("--out", given->out,
                      "folder for report.html, study.h5, runs.csv, ...; default: out/NAME");
  command->add_flag("--resume", given->resume, "go on where the study in --out stopped")
      ->disable_flag_override();
  command->add_option_function<std::string>(
      "--shard", [given](const std::string& text) { given->share = share_from(text); },
      "a part of the study, for one of several machines: 3/16; or rates, the runs that learning rates are "
      "chosen "
      "by; lockstep merge puts them together; default: the whole");
  command->add_option("--rates", given->rates,
                      "with --shard: the folder that --shard rates was made in; default: none");
  command->add_option_function<std::string>(
      "--threads", [given](const std::string& text) { given->threads = text; },
      "trainings at once; 0: one for each core, 32 on a GPU; default 0");
  given->device = add_device(*command, "the GPU if there is one");
  add_keys(*command, run_keys(), given->keys);
  add_keys(*command, experiment_keys(), given->keys);
  command->callback(
      [given, &session] { session.action = [given, &session] { return study(*given, session); }; });

  auto from = std::make_shared<std::vector<std::filesystem::path>>();
  auto all = std::make_shared<std::filesystem::path>();
  CLI::App* merge =
      app.add_subcommand("merge", "make one study of its shards, and say what is missing of it");
  merge->add_option("studies", *from, "the shards' folders")->required();
  merge->add_option("--out", *all, "folder for study.h5 of all of them; what it holds of the study stays")
      ->required();
  merge->callback([from, all, &session] {
    session.action = [from, all, &session] {
      merge_studies(*from, *all, session.command_line);
      return 0;
    };
  });

  app.add_subcommand("studies", "list the studies that come with Lockstep and what each answers")
      ->callback([&session] { session.action = studies; });
}

}  // namespace lockstep::train::cli
