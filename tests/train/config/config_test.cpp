#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "data/tasks/task.h"
#include "train/config/difference.h"
#include "train/config/optimizer.h"
#include "train/config/recipe.h"
#include "train/config/toml.h"
#include "train/config/typed.h"
#include "train/config/validate.h"
#include "train/study/studies.h"
#include "train/text/nearest.h"

namespace lockstep::train {
namespace {

std::string error_of(const std::string& toml) {
  try {
    validate(parse_study(toml, "my.toml"));
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(StudyFile, EveryBuiltInStudyIsValidAndSurvivesWriting) {
  ASSERT_TRUE(built_in_studies().contains("default"));
  for (const auto& [name, text] : built_in_studies()) {
    const StudyConfig study = parse_study(text, name);
    validate(study);
    EXPECT_EQ(study.name, name);
    EXPECT_FALSE(study.question.empty() || study.duration.empty()) << name;
    const std::string written = to_toml(study);
    EXPECT_EQ(to_toml(parse_study(written, name)), written) << name;
  }
}

TEST(StudyFile, TaskSetsTheOtherDefaults) {
  const StudyConfig study = parse_study("[[experiment]]\nlr = 0.5\ntask = \"modadd\"\n", "my.toml");
  EXPECT_EQ(study.experiments[0].run.batch, 3830);
  EXPECT_EQ(study.experiments[0].run.lr, 0.5);
}

TEST(StudyFile, ErrorsNameTheKeyTheLineAndTheRemedy) {
  EXPECT_EQ(error_of("[[experiment]]\ntask = \"copy\"\nsteeps = 3\n"),
            "my.toml:3: unknown key \"steeps\": did you mean \"steps\"?");
  EXPECT_EQ(error_of("[[experiment]]\nlr = \"fast\"\n"),
            "my.toml:2: lr must be a number, not a string: learning rate, more than 0");
  EXPECT_EQ(error_of("seeds = 3\n[[experiment]]\n"), "my.toml:1: \"seeds\" belongs under [[experiment]]");
  EXPECT_EQ(error_of("name = \"x\"\n"), "my.toml: a study needs at least one [[experiment]]");
  EXPECT_NE(error_of("[[experiment]\n").find("not valid TOML"), std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\ntask = \"kopy\"\n")
                .find("my.toml:2: task = \"kopy\" is not known: did you mean \"copy\"? expected one of copy"),
            std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\nwidth = 65\n").find("width = 65 is not divisible by heads = 4"),
            std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\nseeds = 0\n").find("seeds = 0 is out of range: expected 1 to"),
            std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\nrng = \"torch\"\n").find("has no place in a study"), std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\ncauses = [\"drawn\"]\n").find("expected one of rounding, draw"),
            std::string::npos);
}

TEST(StudyFile, ValuesThatNoStudyCanHaveAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"seed = -1", "seed = -1 is out of range: expected 0 to"},
      {"lr = inf", "lr = inf is out of range: expected more than 0"},
      {"lr = nan", "lr = nan is out of range"},
      {"layers = 3000000000", "layers = 3000000000 is out of range: expected 1 to 1000"},
      {"curve_steps = 301", "curve_steps = 301 is out of range: expected 1 to steps = 300"},
      {"init = \"kaiming\"", "did you mean \"kaiming_normal\"?"},
      {"optimizer = \"adem\"", "optimizer = \"adem\" is not known: did you mean \"adam\"?"},
      {"against = []", "against is empty: name what distribution and coupling are compared with"},
      {"causes = []", "causes is empty: name at least one of rounding, draw, distribution, coupling"},
      {"causes = [\"draw\", \"draw\"]", "causes names \"draw\" twice"},
      {"attention = \"separate\"", "has no place in a study: its arms differ in just that"},
      {"beta1 = 0.5\noptimizer = \"sgd\"\ncauses = [\"draw\"]",
       "sgd has no beta1: leave it out; it has weight_decay, momentum"},
      {"schedule_gamma = 0.5", "the constant schedule has no schedule_gamma: leave it out; it has warmup"},
      {"clip_by = \"part\"", "but clip is 0: set clip, too"},
      {"steps = 3.0", "my.toml:2: steps must be an integer, not a decimal number"},
      {"causes = 3", "my.toml:2: causes must be a list of strings, not an integer"},
      {"lr = 0.1\nlr = 0.2", "my.toml:3: not valid TOML"},
  };
  for (const auto& [line, expected] : cases) {
    const std::string error = error_of("[[experiment]]\n" + std::string(line) + "\n");
    EXPECT_NE(error.find(expected), std::string::npos) << line << ": " << error;
  }
  EXPECT_NE(error_of("[[experiment]]\n[[experiment]]\n").find("experiments 1 and 2 are the same"),
            std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\n[[experiment]]\ntask = \"digits\"\nheads = 5\n")
                .find("experiment 2 (digits): width = 48 is not divisible by heads = 5"),
            std::string::npos);
  EXPECT_NE(error_of("name = \"a/b\"\n[[experiment]]\n").find("names the output folder"), std::string::npos);
  EXPECT_NE(error_of("").find("a study needs at least one [[experiment]]"), std::string::npos);
}

TEST(StudyFile, DifferencesAreNamed) {
  const StudyConfig a = parse_study("threads = 1\n[[experiment]]\n[[experiment]]\nlr = 0.5\n", "a");
  const StudyConfig b =
      parse_study("threads = 2\n[[experiment]]\n[[experiment]]\ncauses = [\"draw\"]\n", "b");
  EXPECT_EQ(differences(a, a), std::vector<std::string>{});
  EXPECT_EQ(
      differences(a, b),
      (std::vector<std::string>{"experiment 2, lr: 0.5, 0.001",
                                "experiment 2, causes: [rounding, draw, distribution, coupling], [draw]"}));
}

TEST(CommandLine, NamesTheNearest) {
  const std::vector<std::string> names = {"--heads", "--seeds", "--seed"};
  EXPECT_EQ(nearest("--seads", names), "--seeds");
  EXPECT_EQ(nearest("--see", names), "--seeds");
  EXPECT_EQ(nearest("--sedes", names), "--seeds");
  EXPECT_EQ(nearest("--momentum", names), "");
}

TEST(CommandLine, SetsKeysFromText) {
  ExperimentConfig experiment = experiment_for("copy");
  set_from_text(experiment, "lr", "0.25");
  set_from_text(experiment, "init", "orthogonal");
  set_from_text(experiment, "causes", "draw,coupling");
  set_from_text(experiment, "lr", "1");
  EXPECT_EQ(experiment.run.lr, 1);
  EXPECT_EQ(experiment.run.init, "orthogonal");
  EXPECT_EQ(experiment.causes, (std::vector<std::string>{"draw", "coupling"}));
  for (const char* text :
       {"fast", "", "1\nsteps = 3", "1.5 x", "1.5", "010", "+3", " 3", "1e3", "4294967296"}) {
    EXPECT_THROW(set_from_text(experiment, "steps", text), Error) << text;
  }
  for (const char* text : {"nan", "inf", "-1", "0", "00.1", "0x1", ""}) {
    EXPECT_THROW(set_from_text(experiment, "lr", text), Error) << text;
  }
  set_from_text(experiment, "lr", "1e-3");
  EXPECT_EQ(experiment.run.lr, 1e-3);
}

// What a rule lacks is refused where somebody set it, and let pass as a part of the recipe.
TEST(CommandLine, SettingsThatARuleLacksAreRefused) {
  RunConfig run = defaults_for("shakespeare");  // AdamW with a decay
  run.optimizer = "rprop";
  validate(run);
  EXPECT_THROW(validate(run, {"weight_decay"}), Error);
  run.weight_decay = 0.2;
  EXPECT_THROW(validate(run), Error);
  for (const std::string& optimizer : optimizer_names()) {
    for (const std::string& key : optimizer_keys()) {
      const std::vector<std::string> own = optimizer_keys(optimizer);
      RunConfig of_one = defaults_for("copy");
      of_one.optimizer = optimizer;
      const auto refused = [&] {
        try {
          validate(of_one, {key});
        } catch (const Error&) {
          return true;
        }
        return false;
      };
      EXPECT_EQ(refused(), std::ranges::find(own, key) == own.end()) << optimizer << " " << key;
    }
  }
  EXPECT_EQ(coupling_optimizers(), (std::vector<std::string>{"adafactor", "lamb", "lars", "muon"}));
}

TEST(Recipes, EveryTaskHasAValidOne) {
  for (const data::TaskInfo& task : data::tasks()) {
    validate(defaults_for(task.name));
    validate(StudyConfig{.experiments = {experiment_for(task.name)}});
  }
}

}  // namespace
}  // namespace lockstep::train
