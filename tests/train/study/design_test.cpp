#include "train/study/design.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>

#include "core/ops.h"
#include "train/config/recipe.h"
#include "train/study/run.h"
#include "train/training/training.h"

namespace lockstep::train {
namespace {

// The copy task with a small model, for a few steps.
ExperimentConfig small(const std::string& init, const std::string& coupling_optimizer) {
  ExperimentConfig experiment = experiment_for("copy");
  experiment.run.width = 16;
  experiment.run.mlp = 32;
  experiment.run.batch = 4;
  experiment.run.steps = 6;
  experiment.curve_steps = 5;
  experiment.run.init = init;
  experiment.coupling_optimizer = coupling_optimizer;
  experiment.coupling_lr = 0.02;
  experiment.against = {"tensor", "head"};
  return experiment;
}

const Arm& find(const Design& design, const std::string& name) {
  const auto found =
      std::find_if(design.arms.begin(), design.arms.end(), [&](const Arm& a) { return a.name == name; });
  EXPECT_NE(found, design.arms.end()) << name;
  return *found;
}

// Weights by logical name: the same names whatever the storage.
using Weights = std::map<std::string, std::vector<double>>;
Weights weights_of(const Training& training) {
  Weights weights;
  for (const Parameter& p : training.model().parameters()) {
    if (!p.trainable) continue;
    for (const RowRange& range : row_ranges(p, Granularity::part))
      weights[range.name] = rows(p.tensor, range).to_vector();
  }
  return weights;
}
Weights first_weights(const Arm& arm) { return weights_of(Training(arm.run, Device::cpu, arm.redraw)); }

// The names whose values differ.
std::vector<std::string> changed(const Weights& a, const Weights& b) {
  EXPECT_EQ(a.size(), b.size());
  std::vector<std::string> names;
  for (const auto& [name, values] : a) {
    if (b.at(name) != values) names.push_back(name);
  }
  return names;
}

bool is_projection(const std::string& name) {
  return name.ends_with(".q.weight") || name.ends_with(".k.weight") || name.ends_with(".v.weight");
}

TEST(Arms, StartAlikeButForWhatTheyChangeOnPurpose) {
  for (const char* init : {"kaiming_uniform", "xavier_uniform", "orthogonal"}) {
    const Design design = design_of(small(init, "muon"));
    const Weights a0 = first_weights(find(design, "A0"));
    for (const Arm& arm : design.arms) {
      if (info(arm.role).for_probes_alone) continue;
      const std::vector<std::string> names = changed(a0, first_weights(arm));
      const bool redistributed = arm.role == ArmRole::initialised, redrawn = arm.role == ArmRole::redrawn;
      EXPECT_EQ(!names.empty(), redistributed || redrawn) << init << " " << arm.name;
      EXPECT_TRUE(std::all_of(names.begin(), names.end(), is_projection)) << init << " " << arm.name;
      EXPECT_EQ(arm.run.attention,
                arm.role == ArmRole::separate || arm.role == ArmRole::repetition ? "separate" : "combined");
    }
  }
}

// The whole (3d, d) tensor's fan_out is 3 d, not d: sqrt(2 / (d + 3 d)) against sqrt(2 / (d + d)).
TEST(Arms, XavierByTheWholeTensorStartsSmallerBySqrt2) {
  const Design design = design_of(small("xavier_uniform", "muon"));
  const Weights parts = first_weights(find(design, "A1")), whole = first_weights(find(design, "A3"));
  const std::vector<double>& a = parts.at("blocks.0.attn.q.weight");
  const std::vector<double>& b = whole.at("blocks.0.attn.q.weight");
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i] * std::sqrt(2.0), 1e-6);
}

TEST(Arms, AnInitialiserThatSeesNoShapeHasNothingToMeasure) {
  const Design design = design_of(small("kaiming_uniform", "muon"));
  for (const PlannedContrast& contrast : design.contrasts) {
    const bool nothing = contrast.rule == "kaiming_uniform" || contrast.rule == "adam";
    EXPECT_EQ(contrast.not_measurable.empty(), !nothing) << contrast.rule;
    EXPECT_EQ(is_tested(contrast), !nothing && contrast.cause != Cause::draw) << contrast.rule;
  }
}

TEST(Arms, EveryContrastComparesArmsThatExist) {
  for (const char* optimizer : {"muon", "lamb", "lars"}) {
    const Design design = design_of(small("orthogonal", optimizer));
    for (const PlannedContrast& contrast : design.contrasts) {
      if (!contrast.not_measurable.empty()) continue;
      EXPECT_NE(find(design, contrast.a).label, find(design, contrast.b).label) << contrast.a;
    }
  }
}

// One run each, on this thread.
RunResult run(const Design& design, const ExperimentConfig& experiment, const std::string& arm) {
  const std::atomic<bool> go_on = false;
  return *run_arm(find(design, arm), experiment, 0, Device::cpu, go_on, [] {});
}

TEST(Arms, ARepetitionIsEqualBitForBit) {
  const ExperimentConfig experiment = small("xavier_uniform", "muon");
  const Design design = design_of(experiment);
  EXPECT_EQ(run(design, experiment, "A0").fingerprint, run(design, experiment, "A0'").fingerprint);
}

TEST(Arms, StorageDiffersByRoundingWhichShrinksInF64) {
  const ExperimentConfig experiment = small("xavier_uniform", "muon");
  const Design design = design_of(experiment);
  const auto distance = [&](const std::string& a, const std::string& b) {
    RunResult first = run(design, experiment, a), second = run(design, experiment, b);
    EXPECT_FALSE(first.measured.at("weight_distance").snapshot.empty());
    compare(first.measured, second.measured);
    EXPECT_TRUE(first.measured.at("weight_distance").snapshot.empty());
    return second.measured.at("weight_distance").series.values.front();
  };
  const double f32 = distance("A0", "A1"), f64 = distance("A0d", "A1d");
  EXPECT_LT(f32, 1e-5);
  EXPECT_GT(f32, 0);
  EXPECT_LT(f64, 1e-6 * f32);
}

// The first values that a probe gave of q, k and v.
std::vector<double> first_sizes(const RunResult& run, const std::string& probe) {
  const std::vector<double>& values = run.measured.at(probe).series.values;
  return {values.begin(), values.begin() + 3};
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, const std::string& what) {
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i] / b[i], 1, 1e-4) << what << " " << i;
}

// From the same weights, so from the same gradients: the shape arm's first update has the norms of the one by
// part, the size arm's those of the other matrix. So have an orthogonal initialiser's weights.
TEST(Arms, ShapeIsComparedAtEqualSize) {
  for (const char* optimizer : {"muon", "adafactor"}) {
    const ExperimentConfig experiment = small("orthogonal", optimizer);
    const Design design = design_of(experiment);
    for (const std::string h : {"", "h"}) {
      const auto sizes = [&](const std::string& arm, const std::string& probe) {
        return first_sizes(run(design, experiment, arm), probe);
      };
      expect_near(sizes("C4s" + h, "update_size"), sizes("C1", "update_size"), optimizer + (" shape" + h));
      expect_near(sizes("C4z" + h, "update_size"), sizes("C4" + h, "update_size"), optimizer + (" size" + h));
      expect_near(sizes("A3s" + h, "weight_size"), sizes("A1", "weight_size"), "shape" + h);
      // An orthogonal head starts as large as its part: there is no arm of size alone.
      if (h.empty()) expect_near(sizes("A3z", "weight_size"), sizes("A3", "weight_size"), "size");
      EXPECT_NE(run(design, experiment, "C4s" + h).losses, run(design, experiment, "C1").losses);
    }
  }
  for (const char* optimizer : {"lamb", "lars"}) {
    for (const PlannedContrast& contrast : design_of(small("xavier_uniform", optimizer)).contrasts)
      EXPECT_EQ(contrast.aspect, Aspect::all) << optimizer << " has a size alone";
  }
}

// Adam works by element; Muon, LAMB and LARS by the matrix: by another granularity they take other steps from
// the same weights. In f64, where rounding is below 1e-13.
TEST(Arms, OnlyRulesThatLookAtAMatrixCouple) {
  for (const char* optimizer : {"muon", "lamb", "lars"}) {
    ExperimentConfig experiment = small("kaiming_uniform", optimizer);
    experiment.run.precision = "f64";
    const Design design = design_of(experiment);
    const std::vector<double> by_part = run(design, experiment, "C1").losses;
    for (const char* arm : {"C4", "C4h"}) {
      const double difference = run(design, experiment, arm).losses.back() - by_part.back();
      EXPECT_GT(std::abs(difference), 1e-9) << optimizer << " " << arm;
    }
  }
  const ExperimentConfig adam = small("kaiming_uniform", "muon");
  const Arm by_part = find(design_of(adam), "A1");
  Arm by_tensor = by_part;
  by_tensor.run.optimizer_direction = by_tensor.run.optimizer_scale = "tensor";
  const std::atomic<bool> go_on = false;
  EXPECT_EQ(run_arm(by_part, adam, 0, Device::cpu, go_on, [] {})->losses,
            run_arm(by_tensor, adam, 0, Device::cpu, go_on, [] {})->losses);
}

}  // namespace
}  // namespace lockstep::train
