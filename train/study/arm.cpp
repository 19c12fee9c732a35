#include "train/study/arm.h"

#include <algorithm>

#include "core/error.h"

namespace lockstep::train {

namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string whole(const std::string& granularity) {
  return granularity == "tensor" ? "by the whole (3d, d) tensor" : "by each head";
}

// What a rule by another granularity (the whole tensor, or every head) can change against the same rule by
// part.
struct Reach {
  bool scale = false, direction = false;
};

// Of initialisers: an independent draw for each element has no direction of its own; kaiming's fan_in, d, is
// the same for all granularities, as is normal's standard deviation. An orthogonal matrix's scale goes by its
// longer side, which is d for a part (d, d) and a head (d / heads, d) alike.
Reach reach_of_init(const std::string& init, const std::string& granularity) {
  if (init.starts_with("xavier")) return {.scale = true};
  if (init == "orthogonal") return {.scale = granularity == "tensor", .direction = true};
  return {};
}

// Of optimizers. LAMB's and LARS's trust ratio scales the whole block; Adafactor's factored moments give a
// direction, its relative step and clipping a scale; Muon orthogonalises (direction) and multiplies by
// sqrt(max(1, rows / columns)) (scale), which is 1 for parts and heads alike.
Reach reach_of_optimizer(const std::string& optimizer, const std::string& granularity) {
  if (optimizer == "lamb" || optimizer == "lars") return {.scale = true};
  if (optimizer == "adafactor") return {.scale = true, .direction = true};
  if (optimizer == "muon") return {.scale = granularity == "tensor", .direction = true};
  return {};
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
      compare("rounding", "Does it matter in which storage the same weights stand?", "A0", "A1",
              "weights, data order, optimizer by part");
      if (base.precision == "f32" && experiment_.f64_seeds > 0) in_f64(separate, combined);
    }
    if (wants("draw")) {
      arm({.name = "A2", .label = "combined, q, k, v redrawn", .run = combined, .redraw = true});
      compare("draw", "Do other random numbers of the same distribution matter?", "A1", "A2",
              "storage, distribution, all other weights, data order, optimizer");
    }
    for (const std::string& granularity : experiment_.against) {
      if (wants("distribution")) distribution(combined, granularity);
      if (wants("coupling")) coupling(combined, granularity);
    }
    if (wants("coupling")) coupling_of_the_own_optimizer(combined.optimizer);
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

  void compare(const std::string& cause, const std::string& question, const std::string& a,
               const std::string& b, const std::string& held_equal, bool primary = true) {
    for (const char* metric : {"steps", "curve"}) {
      design_.contrasts.push_back({cause, question, a, b, held_equal, metric, primary, ""});
    }
  }

  void not_measurable(const std::string& cause, const std::string& question, const std::string& why) {
    design_.contrasts.push_back({cause, question, "", "", "", "steps", false, why});
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

  // One cause taken apart into scale and direction, wherever both can occur.
  struct Rule {
    std::string cause, name;  // "distribution", "xavier_uniform"
    std::string prefix;       // of its arms: "A3", "C4"
    std::string by_part;      // the arm with the rule by part
    std::string held_equal;
    Reach reach;
    std::string RunConfig::*scale, RunConfig::*direction;
    std::string no_scale, no_direction;  // why, where the rule has none
  };

  void take_apart(const Rule& rule, const RunConfig& by_part, const std::string& granularity) {
    const bool tensor = granularity == "tensor";
    const std::string suffix = tensor ? "" : "h", of = tensor ? "" : " (by head)";
    const std::string question = fmt::format("Does it matter that {} looks at {}?", rule.name,
                                             tensor ? "the whole tensor" : "each head");
    const std::string whole_arm = rule.prefix + suffix, middle_arm = rule.prefix + "m" + suffix;
    RunConfig scaled = by_part;
    scaled.*rule.scale = granularity;
    RunConfig changed = scaled;
    changed.*rule.direction = granularity;
    arm({.name = whole_arm,
         .label = fmt::format("combined, {} {}", rule.name, whole(granularity)),
         .run = changed});
    if (!rule.reach.scale || !rule.reach.direction) {
      const std::string found = rule.reach.scale ? "scale" : "direction",
                        absent = rule.reach.scale ? "direction" : "scale";
      compare(fmt::format("{}: {}{}", rule.cause, found, of), question, rule.by_part, whole_arm,
              rule.held_equal);
      return not_measurable(fmt::format("{}: {}{}", rule.cause, absent, of), question,
                            rule.reach.scale ? rule.no_direction : rule.no_scale);
    }
    arm({.name = middle_arm,
         .label =
             fmt::format("combined, {} by part with the scale of the rule {}", rule.name, whole(granularity)),
         .run = scaled});
    compare(rule.cause + ": scale" + of, question, rule.by_part, middle_arm, rule.held_equal + ", direction");
    compare(rule.cause + ": direction" + of, question, middle_arm, whole_arm, rule.held_equal + ", scale");
    compare(rule.cause + ": both" + of, question, rule.by_part, whole_arm, rule.held_equal, false);
  }

  void distribution(const RunConfig& combined, const std::string& granularity) {
    const std::string& init = combined.init;
    const Reach reach = reach_of_init(init, granularity);
    if (!reach.scale && !reach.direction) {
      return not_measurable(
          granularity == "tensor" ? "distribution" : "distribution (by head)",
          "Does the initialiser's shape matter?",
          fmt::format("{} gives the same numbers for every granularity: there is nothing to measure", init));
    }
    take_apart({.cause = "distribution",
                .name = init,
                .prefix = "A3",
                .by_part = "A1",
                .held_equal = "storage, standard draws, all other weights, data order, optimizer",
                .reach = reach,
                .scale = &RunConfig::init_scale,
                .direction = &RunConfig::init_direction,
                .no_scale = fmt::format("{} gives a head the scale of its part", init),
                .no_direction =
                    fmt::format("{} draws every element by itself: it has a scale, but no direction", init)},
               combined, granularity);
  }

  void coupling(const RunConfig& combined, const std::string& granularity) {
    const std::string& optimizer = experiment_.coupling_optimizer;
    RunConfig by_part = combined;
    by_part.optimizer = optimizer;
    (optimizer == "muon" ? by_part.matrix_lr : by_part.lr) = experiment_.coupling_lr;
    arm({.name = "C1", .label = fmt::format("combined, {} by part", optimizer), .run = by_part});
    take_apart({.cause = "coupling",
                .name = optimizer,
                .prefix = "C4",
                .by_part = "C1",
                .held_equal = "storage, first weights, data order",
                .reach = reach_of_optimizer(optimizer, granularity),
                .scale = &RunConfig::optimizer_scale,
                .direction = &RunConfig::optimizer_direction,
                .no_scale = fmt::format("{} gives a head the scale of its part", optimizer),
                .no_direction = fmt::format(
                    "{}'s trust ratio multiplies the update: it has a scale, but no direction", optimizer)},
               by_part, granularity);
  }

  // Said once, not for every granularity.
  void coupling_of_the_own_optimizer(const std::string& optimizer) {
    const Reach reach = reach_of_optimizer(optimizer, "tensor");
    if (reach.scale || reach.direction) return;
    not_measurable("coupling under " + optimizer, "Can this optimizer couple q, k and v?",
                   optimizer + " acts on every element by itself: there is nothing to couple");
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
