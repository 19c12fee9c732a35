#include "train/arm.h"

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

// What a rule by the whole tensor can change against the same rule by part.
struct Reach {
  bool scale = false, direction = false;
};

// Of initialisers: an independent draw for each element has no direction of its own; kaiming's fan_in, d, is
// the same for all granularities, as is normal's standard deviation.
Reach reach_of_init(const std::string& init) {
  if (init.starts_with("xavier")) return {.scale = true};
  if (init == "orthogonal") return {.scale = true, .direction = true};
  return {};
}

// Of optimizers. LAMB's and LARS's trust ratio scales the whole block; Adafactor's factored moments give a
// direction, its relative step and clipping a scale; Muon orthogonalises (direction) and multiplies by a
// factor of the shape (scale).
Reach reach_of_optimizer(const std::string& optimizer) {
  if (optimizer == "lamb" || optimizer == "lars") return {.scale = true};
  if (optimizer == "muon" || optimizer == "adafactor") return {.scale = true, .direction = true};
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
    const std::string optimizer = base.optimizer;
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

  void distribution(const RunConfig& combined, const std::string& granularity) {
    const std::string& init = combined.init;
    const std::string suffix = granularity == "tensor" ? "" : "h";
    const std::string of = granularity == "tensor" ? "" : " (by head)";
    const std::string held = "storage, standard draws, all other weights, data order, optimizer";
    const Reach reach = reach_of_init(init);
    const std::string question = fmt::format("Does it matter that {} looks at {}?", init,
                                             granularity == "tensor" ? "the whole tensor" : "each head");
    if (!reach.scale) {
      return not_measurable(
          "distribution" + of, question,
          fmt::format("{} gives the same numbers for every granularity: there is nothing to measure", init));
    }
    RunConfig other = combined;
    other.init_scale = granularity;
    if (reach.direction) {
      arm({.name = "A3m" + suffix,
           .label =
               fmt::format("combined, {} by part with the scale of the rule {}", init, whole(granularity)),
           .run = other});
      compare("distribution: scale" + of, question, "A1", "A3m" + suffix, held + ", direction");
      other.init_direction = granularity;
      arm({.name = "A3" + suffix,
           .label = fmt::format("combined, {} {}", init, whole(granularity)),
           .run = other});
      compare("distribution: direction" + of, question, "A3m" + suffix, "A3" + suffix, held + ", scale");
      compare("distribution: both" + of, question, "A1", "A3" + suffix, held, false);
    } else {
      other.init_direction = granularity;  // the same draws element by element: only the scale changes
      arm({.name = "A3" + suffix,
           .label = fmt::format("combined, {} {}", init, whole(granularity)),
           .run = other});
      compare("distribution: scale" + of, question, "A1", "A3" + suffix, held);
      not_measurable("distribution: direction" + of, question,
                     fmt::format("{} draws every element by itself: it has a scale, but no direction", init));
    }
  }

  void coupling(const RunConfig& combined, const std::string& granularity) {
    const std::string& optimizer = experiment_.coupling_optimizer;
    const std::string suffix = granularity == "tensor" ? "" : "h";
    const std::string of = granularity == "tensor" ? "" : " (by head)";
    const std::string held = "storage, first weights, data order";
    const Reach reach = reach_of_optimizer(optimizer);
    const std::string question = fmt::format("Does it matter that {} looks at {}?", optimizer,
                                             granularity == "tensor" ? "the whole tensor" : "each head");
    RunConfig by_part = combined;
    by_part.optimizer = optimizer;
    (optimizer == "muon" ? by_part.matrix_lr : by_part.lr) = experiment_.coupling_lr;
    arm({.name = "C1", .label = fmt::format("combined, {} by part", optimizer), .run = by_part});
    RunConfig other = by_part;
    other.optimizer_scale = granularity;
    if (reach.direction) {
      arm({.name = "C4m" + suffix,
           .label = fmt::format("combined, {} by part with the scale of the rule {}", optimizer,
                                whole(granularity)),
           .run = other});
      compare("coupling: scale" + of, question, "C1", "C4m" + suffix, held + ", direction");
      other.optimizer_direction = granularity;
      arm({.name = "C4" + suffix,
           .label = fmt::format("combined, {} {}", optimizer, whole(granularity)),
           .run = other});
      compare("coupling: direction" + of, question, "C4m" + suffix, "C4" + suffix, held + ", scale");
      compare("coupling: both" + of, question, "C1", "C4" + suffix, held, false);
    } else {
      other.optimizer_direction = granularity;
      arm({.name = "C4" + suffix,
           .label = fmt::format("combined, {} {}", optimizer, whole(granularity)),
           .run = other});
      compare("coupling: scale" + of, question, "C1", "C4" + suffix, held);
      not_measurable(
          "coupling: direction" + of, question,
          fmt::format("{}'s trust ratio multiplies the update: it has a scale, but no direction", optimizer));
    }
    if (reach_of_optimizer(combined.optimizer).scale) return;
    not_measurable(
        fmt::format("coupling under {}", combined.optimizer), "Can this optimizer couple q, k and v?",
        fmt::format("{} acts on every element by itself: there is nothing to couple", combined.optimizer));
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
