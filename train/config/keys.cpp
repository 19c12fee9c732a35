#include "train/config/keys.h"

#include <algorithm>

#include "core/error.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

std::span<const Key<RunConfig>> run_keys() {
  using C = RunConfig;
  static const std::vector<Key<C>> keys = {
      {"task", &C::task, "what is learned; see lockstep tasks"},
      {"seed", &C::seed, "the (first) seed of weights and data"},
      {"steps", &C::steps, "training steps; in a study the limit after which a run counts as censored"},
      {"batch", &C::batch, "sequences or images in a step"},
      {"precision", &C::precision, "f32 or f64"},
      {"rng", &C::rng, "first weights: keyed by name, or torch (what torch.manual_seed gives)"},
      {"attention", &C::attention,
       "storage of the projections: combined (one qkv) or separate (to_q, to_k, to_v)"},
      {"layers", &C::layers, "transformer blocks"},
      {"width", &C::width, "hidden size"},
      {"heads", &C::heads, "attention heads; must divide the width"},
      {"mlp", &C::mlp, "hidden size of the MLP"},
      {"dropout", &C::dropout, "rate on attention weights and outputs, 0 to 1"},
      {"init", &C::init,
       "of q, k, v: kaiming_uniform, kaiming_normal, xavier_uniform, xavier_normal, orthogonal, normal or "
       "trunc_normal"},
      {"init_direction", &C::init_direction,
       "which matrix the initialiser takes for one: tensor, part or head"},
      {"init_scale", &C::init_scale, "whose shape sets its scale: tensor, part or head"},
      {"optimizer", &C::optimizer,
       "adadelta, adafactor, adagrad, adam, adamax, adamw, lamb, lars, muon, nadam, radam, rmsprop, rprop or "
       "sgd"},
      {"lr", &C::lr, "learning rate"},
      {"beta1", &C::beta1, "decay of the first moment"},
      {"beta2", &C::beta2, "decay of the second moment; alpha of RMSprop, rho of Adadelta"},
      {"eps", &C::eps, "added to the root of the second moment"},
      {"weight_decay", &C::weight_decay, "weight decay"},
      {"momentum", &C::momentum, "of SGD, LARS, Muon and RMSprop"},
      {"optimizer_direction", &C::optimizer_direction,
       "which matrix the optimizer takes for one: tensor, part or head"},
      {"optimizer_scale", &C::optimizer_scale, "whose shape or norm sets its scale: tensor, part or head"},
      {"matrix_lr", &C::matrix_lr,
       "Muon's learning rate for the blocks' matrices; the rest goes by Adam with lr"},
      {"schedule", &C::schedule,
       "of the learning rate: constant, cosine, linear, step, exponential, polynomial, cosine_restarts or "
       "onecycle"},
      {"warmup", &C::warmup, "steps of linear warm-up"},
      {"min_lr", &C::min_lr, "learning rate at the end of cosine, linear, onecycle and of every restart"},
      {"schedule_period", &C::schedule_period,
       "steps between two drops (step), for a fall by schedule_gamma (exponential) or between two restarts"},
      {"schedule_gamma", &C::schedule_gamma, "factor of step and exponential in every schedule_period"},
      {"schedule_power", &C::schedule_power, "of polynomial: 1 is a line to 0"},
      {"clip", &C::clip, "largest norm of the gradient; 0 for none"},
      {"clip_by", &C::clip_by, "which norm: global, or per tensor, part or head"},
  };
  return keys;
}

std::span<const Key<ExperimentConfig>> experiment_keys() {
  using C = ExperimentConfig;
  static const std::vector<Key<C>> keys = {
      {"seeds", &C::seeds, "pairs of runs for every contrast"},
      {"threshold", &C::threshold, "training loss of the metric \"steps until the loss is below\""},
      {"curve_steps", &C::curve_steps, "first steps over which the second metric, the mean loss, is taken"},
      {"f64_seeds", &C::f64_seeds,
       "of the seeds, how many repeat the rounding arms in f64, where the gap must shrink"},
      {"margin", &C::margin, "equivalent means: differs by less than so many percent"},
      {"causes", &C::causes, "what to take apart: rounding, draw, distribution, coupling"},
      {"against", &C::against, "granularities compared with part: tensor, head"},
      {"coupling_optimizer", &C::coupling_optimizer,
       "the optimizer of the coupling arms: muon, lamb, lars or adafactor"},
      {"coupling_lr", &C::coupling_lr, "its learning rate (Muon: of the blocks' matrices)"},
  };
  return keys;
}

std::span<const Key<StudyConfig>> study_keys() {
  using C = StudyConfig;
  static const std::vector<Key<C>> keys = {
      {"name", &C::name, "of the study"},
      {"question", &C::question, "that it answers"},
      {"duration", &C::duration, "roughly, on two cores"},
      {"threads", &C::threads, "trainings at once; 0 for one on each core"},
  };
  return keys;
}

std::string option_of(const std::string& key) {
  std::string option = "--" + key;
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

namespace {

// Letters left out, put in, replaced, or two neighbours swapped (optimal string alignment).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(const std::string& word, std::span<const std::string> names) {
  const auto alike = [&](const std::string& name) {  // letters in front that agree
    return std::mismatch(word.begin(), word.end(), name.begin(), name.end()).first - word.begin();
  };
  std::string best;
  std::size_t least = word.size() / 2 + 1;
  for (const std::string& name : names) {
    // A word cut short is near: "kaiming" for "kaiming_uniform".
    const bool begun = word.size() >= 3 && name.starts_with(word) && name != word;
    const std::size_t distance = begun ? 1 : edit_distance(word, name);
    const bool nearer = distance < least || (distance == least && !best.empty() && alike(name) > alike(best));
    if (!nearer) continue;
    least = distance;
    best = name;
  }
  return best;
}

void expect_one_of(const std::string& key, const std::string& value,
                   const std::vector<std::string>& allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return;
  const std::string near = nearest(value, allowed);
  fail("{} = \"{}\" is not known: {}expected one of {}", key, value,
       near.empty() ? "" : fmt::format("did you mean \"{}\"? ", near), joined(allowed));
}

}  // namespace lockstep::train
