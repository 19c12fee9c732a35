#include "train/study/arm.h"

#include <algorithm>

#include "core/error.h"
#include "optim/factory.h"

namespace lockstep::train {

namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Whether the initialiser gives other numbers by the whole tensor, or by head, than by part. Kaiming's
// fan_in, d, is the same for all granularities, as is normal's standard deviation.
bool sees_shape(const std::string& init) { return init.starts_with("xavier") || init == "orthogonal"; }

// Whether the optimizer looks at whole matrices: it can then be told which.
bool couples(const std::string& optimizer) {
  return std::ranges::any_of(optim::default_settings(optimizer),
                             [](const auto& setting) { return setting.first.ends_with("_by"); });
}

class Builder {
 public:
  explicit Builder(const ExperimentConfig& experiment) : experiment_(experiment) {}

  Design build() {
    RunConfig base = experiment_.run;
    base.init_direction = base.init_scale = base.optimizer_direction = base.optimizer_scale = "part";
    RunConfig separate = base, combined = base;
    separate.attention = "separate";
    combined.attention = "combined";
    const bool rounding = wants("rounding");
    arm({.name = "A0", .label = "separate", .run = separate, .weights_partner = rounding ? "A1" : ""});
    arm({.name = "A0'", .label = "separate, once more", .run = separate});
    arm({.name = "A1",
         .label = "combined, A0's weights",
         .run = combined,
         .weights_partner = rounding ? "A0" : ""});
    if (rounding) {
      compare({.cause = Cause::rounding,
               .question = "Does it matter in which storage the same weights stand?",
               .a = "A0",
               .b = "A1",
               .held_equal = "weights, data order, optimizer by part"});
      if (base.precision == "f32" && experiment_.f64_seeds > 0) in_f64(separate, combined);
    }
    if (wants("draw")) {
      arm({.name = "A2", .label = "combined, q, k, v redrawn", .run = combined, .redraw = true});
      compare({.cause = Cause::draw,
               .question = "How much do other random numbers of the same distribution change?",
               .a = "A1",
               .b = "A2",
               .held_equal = "storage, distribution, all other weights, data order, optimizer"});
    }
    const bool shaped = sees_shape(base.init);
    for (const std::string& granularity : experiment_.against) {
      if (wants("distribution") && shaped) distribution(combined, granularity);
      if (wants("coupling")) coupling(combined, granularity);
    }
    if (wants("distribution") && !shaped) {
      not_measurable(
          Cause::distribution, base.init, "Does the initialiser's shape matter?",
          fmt::format("{} gives the same numbers for every granularity: there is nothing to measure",
                      base.init));
    }
    if (wants("coupling") && !couples(base.optimizer)) {
      not_measurable(Cause::coupling, base.optimizer, "Can this optimizer couple q, k and v?",
                     base.optimizer + " acts on every element by itself: there is nothing to couple");
    }
    return std::move(design_);
  }

 private:
  bool wants(const std::string& cause) const { return contains(experiment_.causes, cause); }

  void arm(Arm arm) {
    for (const Arm& known : design_.arms) {
      if (known.name == arm.name) return;
    }
    design_.arms.push_back(std::move(arm));
  }

  void compare(const PlannedContrast& contrast) {
    for (const char* metric : {"steps", "curve"}) {
      design_.contrasts.push_back(contrast);
      design_.contrasts.back().metric = metric;
    }
  }

  void not_measurable(Cause cause, const std::string& rule, const std::string& question,
                      const std::string& why) {
    design_.contrasts.push_back(
        {.cause = cause, .rule = rule, .question = question, .metric = "steps", .not_measurable = why});
  }

  // Rounding is told from any other cause by what becomes of it in f64.
  void in_f64(RunConfig separate, RunConfig combined) {
    separate.precision = combined.precision = "f64";
    arm({.name = "A0d",
         .label = "A0 in f64",
         .run = separate,
         .weights_partner = "A1d",
         .weights_only = true});
    arm({.name = "A1d",
         .label = "A1 in f64",
         .run = combined,
         .weights_partner = "A0d",
         .weights_only = true});
  }

  // The rule by another granularity, as it is, against the same rule by part.
  void against_part(const PlannedContrast& contrast, const std::string& prefix, RunConfig changed,
                    std::string RunConfig::*scale, std::string RunConfig::*direction) {
    const std::string& granularity = contrast.granularity;
    const bool tensor = granularity == "tensor";
    changed.*scale = changed.*direction = granularity;
    PlannedContrast planned = contrast;
    planned.question = fmt::format("Does it matter that {} looks at {}?", contrast.rule,
                                   tensor ? "the whole tensor" : "each head");
    planned.b = prefix + (tensor ? "" : "h");
    arm({.name = planned.b,
         .label = fmt::format("combined, {} {}", contrast.rule,
                              tensor ? "by the whole (3d, d) tensor" : "by each head"),
         .run = changed});
    compare(planned);
  }

  void distribution(const RunConfig& combined, const std::string& granularity) {
    against_part({.cause = Cause::distribution,
                  .granularity = granularity,
                  .rule = combined.init,
                  .a = "A1",
                  .held_equal = "storage, standard draws, all other weights, data order, optimizer"},
                 "A3", combined, &RunConfig::init_scale, &RunConfig::init_direction);
  }

  void coupling(const RunConfig& combined, const std::string& granularity) {
    const std::string& optimizer = experiment_.coupling_optimizer;
    RunConfig by_part = combined;
    by_part.optimizer = optimizer;
    (optimizer == "muon" ? by_part.matrix_lr : by_part.lr) = experiment_.coupling_lr;
    arm({.name = "C1", .label = fmt::format("combined, {} by part", optimizer), .run = by_part});
    against_part({.cause = Cause::coupling,
                  .granularity = granularity,
                  .rule = optimizer,
                  .a = "C1",
                  .held_equal = "storage, first weights, data order"},
                 "C4", by_part, &RunConfig::optimizer_scale, &RunConfig::optimizer_direction);
  }

  const ExperimentConfig& experiment_;
  Design design_;
};

}  // namespace

std::int64_t seeds_of(const Arm& arm, const ExperimentConfig& experiment) {
  return arm.weights_only ? std::min(experiment.f64_seeds, experiment.seeds) : experiment.seeds;
}

Design design_of(const ExperimentConfig& experiment) { return Builder(experiment).build(); }

}  // namespace lockstep::train
