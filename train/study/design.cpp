#include "train/study/design.h"

#include <algorithm>

#include "core/error.h"
#include "train/config/optimizer.h"

namespace lockstep::train {

namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

// What a rule by another granularity can change against the same rule by part.
struct Reach {
  bool any = false;    // something
  bool shape = false;  // beyond a factor for each part
  bool size = false;   // that factor; with shape, the two can be taken apart
};

// Of initialisers. Kaiming's fan_in, d, is the same for all granularities, as is normal's standard deviation.
// Xavier draws every element by itself, so that only the size can differ. Rows of an orthogonal part (d, d)
// and of an orthogonal head (d / heads, d) have length 1 alike, those of a whole (3d, d) do not.
Reach reach_of_initialiser(const std::string& init, const std::string& granularity) {
  if (init.starts_with("xavier")) return {.any = true, .size = true};
  if (init == "orthogonal") return {.any = true, .shape = true, .size = granularity == "tensor"};
  return {};
}

Reach reach_of_optimizer(const std::string& optimizer) {
  return {.any = contains(coupling_optimizers(), optimizer), .shape = reshapes(optimizer), .size = true};
}

std::string whole(const std::string& granularity) {
  return granularity == "head" ? "each head" : "the whole (3d, d) tensor";
}

// The rule of an arm, in words.
std::string rule_in_words(const PlannedContrast& contrast) {
  const std::string other = whole(contrast.granularity);
  switch (contrast.aspect) {
    case Aspect::all:
      return fmt::format("{} by {}", contrast.rule, other);
    case Aspect::shape:
      return fmt::format("{} by {}, each part as large as by part", contrast.rule, other);
    case Aspect::size:
      return fmt::format("{} by part, each part as large as by {}", contrast.rule, other);
  }
  return "";
}

class Builder {
 public:
  explicit Builder(const ExperimentConfig& experiment) : experiment_(experiment) {
    base_ = experiment.run;
    base_.attention = "combined";
    base_.init_direction = base_.init_scale = base_.optimizer_direction = base_.optimizer_scale = "part";
  }

  Design build() {
    baseline();
    if (wants(Cause::draw)) draw();
    for (const std::string& granularity : experiment_.against) {
      const Reach init = reach_of_initialiser(base_.init, granularity);
      if (wants(Cause::distribution) && init.any) distribution(granularity, init);
      if (wants(Cause::coupling)) coupling(granularity);
    }
    if (wants(Cause::distribution) && !reach_of_initialiser(base_.init, "tensor").any) {
      nothing(Cause::distribution, base_.init, "Does the initialiser's shape matter?",
              base_.init + " gives the same numbers for every granularity: there is nothing to measure");
    }
    if (wants(Cause::coupling) && !reach_of_optimizer(base_.optimizer).any) {
      nothing(Cause::coupling, base_.optimizer, "Can this optimizer couple q, k and v?",
              base_.optimizer + " acts on every element by itself: there is nothing to couple");
    }
    return std::move(design_);
  }

 private:
  bool wants(Cause cause) const { return contains(experiment_.causes, info(cause).key); }

  // Adds the arm, once. Gives its name.
  std::string add(ArmRole role, const std::string& label, const RunConfig& run,
                  const std::string& suffix = "") {
    const std::string name = info(role).name + suffix;
    const bool known = std::ranges::any_of(design_.arms, [&](const Arm& arm) { return arm.name == name; });
    if (!known) design_.arms.push_back({.role = role, .name = name, .label = label, .run = run});
    return name;
  }

  void pair(const std::string& a, const std::string& b) {
    for (Arm& arm : design_.arms) {
      if (arm.name == a) arm.partner = b;
      if (arm.name == b) arm.partner = a;
    }
  }

  void compare(PlannedContrast contrast) { design_.contrasts.push_back(std::move(contrast)); }

  void nothing(Cause cause, const std::string& rule, const std::string& question, const std::string& why) {
    compare({.cause = cause, .rule = rule, .question = question, .not_measurable = why});
  }

  void baseline() {
    RunConfig separate = base_;
    separate.attention = "separate";
    const std::string a0 = add(ArmRole::separate, "separate", separate);
    add(ArmRole::repetition, "separate, once more", separate);
    combined_ = add(ArmRole::combined, fmt::format("combined, {}'s weights", a0), base_);
    if (!wants(Cause::rounding)) return;
    pair(a0, combined_);
    compare({.cause = Cause::rounding,
             .question = "Does it matter in which storage the same weights stand?",
             .a = a0,
             .b = combined_,
             .held_equal = "weights, data order, optimizer by part"});
    // Rounding is distinguished from any other cause by its size in f64.
    if (base_.precision != "f32" || experiment_.f64_seeds == 0) return;
    RunConfig combined = base_;
    separate.precision = combined.precision = "f64";
    pair(add(ArmRole::separate_f64, a0 + " in f64", separate),
         add(ArmRole::combined_f64, combined_ + " in f64", combined));
  }

  void draw() {
    const std::string redrawn = add(ArmRole::redrawn, "combined, q, k, v redrawn", base_);
    design_.arms.back().redraw = true;
    compare({.cause = Cause::draw,
             .question = "How much do other random numbers of the same distribution change?",
             .a = combined_,
             .b = redrawn,
             .held_equal = "storage, distribution, all other weights, data order, optimizer"});
  }

  // The rule by another granularity against the same rule by part, `by_part`.
  struct Change {
    PlannedContrast contrast;
    ArmRole role;
    RunConfig by_part;
    std::string RunConfig::*direction, RunConfig::*scale;
  };

  void against_part(const Change& change, const Reach& reach) {
    against_part(change, Aspect::all);
    if (!reach.shape) return;
    against_part(change, Aspect::shape);
    if (reach.size) against_part(change, Aspect::size);
  }

  void against_part(const Change& change, Aspect aspect) {
    PlannedContrast contrast = change.contrast;
    const bool by_head = contrast.granularity == "head";
    contrast.aspect = aspect;
    RunConfig run = change.by_part;
    if (aspect != Aspect::size) run.*change.direction = contrast.granularity;
    if (aspect != Aspect::shape) run.*change.scale = contrast.granularity;
    if (aspect == Aspect::shape) contrast.held_equal += ", the norm of each part";
    if (aspect == Aspect::size) contrast.held_equal += ", the shape of each part";
    contrast.question =
        fmt::format("Does it matter that {} looks at {}?", contrast.rule, whole(contrast.granularity));
    const char* const letter = aspect == Aspect::shape ? "s" : aspect == Aspect::size ? "z" : "";
    contrast.b = add(change.role, "combined, " + rule_in_words(contrast), run,
                     fmt::format("{}{}", letter, by_head ? "h" : ""));
    compare(std::move(contrast));
  }

  void distribution(const std::string& granularity, const Reach& reach) {
    against_part(
        {.contrast = {.cause = Cause::distribution,
                      .granularity = granularity,
                      .rule = base_.init,
                      .a = combined_,
                      .held_equal = "storage, standard draws, all other weights, data order, optimizer"},
         .role = ArmRole::initialised,
         .by_part = base_,
         .direction = &RunConfig::init_direction,
         .scale = &RunConfig::init_scale},
        reach);
  }

  void coupling(const std::string& granularity) {
    const std::string& optimizer = experiment_.coupling_optimizer;
    RunConfig by_part = base_;
    by_part.optimizer = optimizer;
    by_part.*learning_rate_of(optimizer) = experiment_.coupling_lr;
    against_part(
        {.contrast = {.cause = Cause::coupling,
                      .granularity = granularity,
                      .rule = optimizer,
                      .a = add(ArmRole::by_part, fmt::format("combined, {} by part", optimizer), by_part),
                      .held_equal = "storage, first weights, data order"},
         .role = ArmRole::optimized,
         .by_part = by_part,
         .direction = &RunConfig::optimizer_direction,
         .scale = &RunConfig::optimizer_scale},
        reach_of_optimizer(optimizer));
  }

  const ExperimentConfig& experiment_;
  RunConfig base_;        // combined, every rule by part
  std::string combined_;  // the name of that arm
  Design design_;
};

}  // namespace

std::string title_of(const PlannedContrast& contrast) {
  std::string title = info(contrast.cause).key;
  const bool measurable = contrast.not_measurable.empty(), has_arms = !contrast.b.empty();
  if (!has_arms && !measurable) return title + " under " + contrast.rule;
  if (contrast.aspect == Aspect::shape) title += ": shape";
  if (contrast.aspect == Aspect::size) title += ": size";
  if (contrast.granularity == "head") title += " by head";
  return title + (contrast.is_tuned() || !measurable ? ", tuned" : "");  // or no best rate was found
}

std::string meaning_of(const PlannedContrast& contrast) {
  switch (contrast.aspect) {
    case Aspect::all:
      return info(contrast.cause).sentence;
    case Aspect::shape:
      return "The same at equal size: each of q, k and v has the Frobenius norm that the rule by part gives "
             "it.";
    case Aspect::size:
      return "Its size alone: by part, with the Frobenius norms that the rule by the other matrix gives.";
  }
  return "";
}

std::string name_of(const PlannedContrast& contrast) {
  if (contrast.cause == Cause::rounding) return "the storage alone";
  if (contrast.cause == Cause::draw) return "redrawing q, k and v";
  return rule_in_words(contrast);
}

Design design_of(const ExperimentConfig& experiment) { return Builder(experiment).build(); }

const Arm* arm_named(const Design& design, const std::string& name) {
  const auto arm = std::ranges::find(design.arms, name, &Arm::name);
  return arm == design.arms.end() ? nullptr : &*arm;
}

}  // namespace lockstep::train
