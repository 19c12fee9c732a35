#include <gtest/gtest.h>

#include "core/error.h"
#include "train/keys.h"
#include "train/studies.h"

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
  EXPECT_EQ(error_of("[[experiment]]\nlr = \"fast\"\n"), "my.toml:2: lr must be a number: learning rate");
  EXPECT_EQ(error_of("seeds = 3\n[[experiment]]\n"), "my.toml:1: \"seeds\" belongs under [[experiment]]");
  EXPECT_EQ(error_of("name = \"x\"\n"), "my.toml: a study needs at least one [[experiment]]");
  EXPECT_NE(error_of("[[experiment]\n").find("not valid TOML"), std::string::npos);
  EXPECT_NE(
      error_of("[[experiment]]\ntask = \"kopy\"\n").find("there is no task \"kopy\": expected one of copy"),
      std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\nwidth = 65\n").find("width = 65 is not divisible by heads = 4"),
            std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\nseeds = 0\n").find("seeds = 0 is out of range: expected at least 1"),
            std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\nrng = \"torch\"\n").find("has no place in a study"), std::string::npos);
  EXPECT_NE(error_of("[[experiment]]\ncauses = [\"drawn\"]\n").find("expected one of rounding, draw"),
            std::string::npos);
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
  for (const char* text : {"fast", "", "1\nsteps = 3", "1.5 x"}) {
    EXPECT_THROW(set_from_text(experiment, "steps", text), Error) << text;
  }
}

}  // namespace
}  // namespace lockstep::train
