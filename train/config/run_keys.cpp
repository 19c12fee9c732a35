// The keys of one training.
#include <algorithm>

#include "data/tasks/task.h"
#include "nn/init.h"
#include "train/config/key.h"
#include "train/config/optimizer.h"
#include "train/config/schedule.h"

namespace lockstep::train {

namespace {

using Words = std::vector<std::string>;

Words task_names() {
  Words names;
  for (const data::TaskInfo& task : data::tasks()) names.push_back(task.name);
  return names;
}

// Those that draw random numbers for a matrix.
Words initialisers() {
  Words names = init_names();
  std::erase_if(names, [](const std::string& name) {
    const InitRule rule = init_from(name);
    return std::holds_alternative<init::Constant>(rule) || std::holds_alternative<init::Dirac>(rule) ||
           std::holds_alternative<init::Eye>(rule);
  });
  return names;
}

Words granularities() { return {"tensor", "part", "head"}; }

// Largest values: far beyond what a study needs, and far below what would overflow.
constexpr Range step_count{.least = 0, .most = 1e9}, period{.least = 1, .most = 1e9},
    size{.least = 1, .most = 1e6}, layers{.least = 1, .most = 1e3}, seed{.least = 0, .most = any_size},
    positive{.least = 0, .without_least = true}, not_negative{.least = 0},
    decay{.least = 0, .most = 1, .without_most = true}, share{.least = 0, .most = 1};

}  // namespace

std::span<const Key<RunConfig>> run_keys() {
  using C = RunConfig;
  static const std::vector<Key<C>> keys = {
      {"task", &C::task, "what is learned; see lockstep tasks", {}, task_names},
      {"seed", &C::seed, "the (first) seed of weights and data", seed},
      {"steps", &C::steps, "training steps; in a study the limit after which a run counts as censored",
       step_count},
      {"batch", &C::batch, "sequences or images in a step", size},
      {"precision",
       &C::precision,
       "of all numbers; tf32 is f32 whose products a GPU may round, with factors of 10 bits",
       {},
       [] {
         return Words{"f32", "f64", "tf32"};
       }},
      {"rng",
       &C::rng,
       "first weights, by name or as torch.manual_seed gives them",
       {},
       [] {
         return Words{"keyed", "torch"};
       }},
      {"attention",
       &C::attention,
       "storage of the projections, one qkv or to_q, to_k, to_v",
       {},
       [] {
         return Words{"combined", "separate"};
       }},
      {"blocks",
       &C::blocks,
       "pre-norm blocks with GELU, or blocks with ReLU and without norms from N(0, 1/width)",
       {},
       [] {
         return Words{"norm_gelu", "plain_relu"};
       }},
      {"layers", &C::layers, "transformer blocks", layers},
      {"width", &C::width, "hidden size", size},
      {"heads", &C::heads, "attention heads; must divide the width", size},
      {"mlp", &C::mlp, "hidden size of the MLP", size},
      {"dropout", &C::dropout, "rate on attention weights and outputs", share},
      {"init", &C::init, "of q, k, v", {}, initialisers},
      {"init_direction", &C::init_direction, "which matrix the initialiser takes for one", {}, granularities},
      {"init_scale", &C::init_scale, "by which matrix's rule each part gets its size", {}, granularities},
      {"q_gain", &C::q_gain, "factor of q's first weights", positive},
      {"k_gain", &C::k_gain, "of k's", positive},
      {"v_gain", &C::v_gain, "of v's", positive},
      {"optimizer", &C::optimizer, "the rule of the updates", {}, optimizer_names},
      {"lr", &C::lr, "learning rate", positive},
      {"beta1", &C::beta1, "decay of the first moment", decay},
      {"beta2", &C::beta2, "decay of the second moment; alpha of RMSprop, rho of Adadelta", decay},
      {"eps", &C::eps, "added to the root of the second moment", not_negative},
      {"weight_decay", &C::weight_decay, "weight decay", not_negative},
      {"momentum", &C::momentum, "of SGD, LARS, Muon and RMSprop", decay},
      {"optimizer_direction",
       &C::optimizer_direction,
       "which matrix the optimizer takes for one",
       {},
       granularities},
      {"optimizer_scale",
       &C::optimizer_scale,
       "by which matrix's rule each part's update gets its size",
       {},
       granularities},
      {"q_rate", &C::q_rate, "factor of q's updates, a learning rate of its own", positive},
      {"k_rate", &C::k_rate, "of k's", positive},
      {"v_rate", &C::v_rate, "of v's", positive},
      {"matrix_lr", &C::matrix_lr,
       "Muon's learning rate for the blocks' matrices; the rest goes by Adam with lr", positive},
      {"schedule", &C::schedule, "of the learning rate", {}, schedule_names},
      {"warmup", &C::warmup, "steps of linear warm-up", {.least = 0, .most = 1e9}},
      {"min_lr", &C::min_lr, "learning rate at the end of cosine, linear, onecycle and of every restart",
       not_negative},
      {"schedule_period", &C::schedule_period,
       "steps between two drops (step), for a fall by schedule_gamma (exponential) or between two restarts",
       period},
      {"schedule_gamma", &C::schedule_gamma, "factor of step and exponential in every schedule_period",
       positive},
      {"schedule_power", &C::schedule_power, "of polynomial: 1 is a line to 0", not_negative},
      {"clip", &C::clip, "largest norm of the gradient, 0 for none", not_negative},
      {"clip_by",
       &C::clip_by,
       "which norm",
       {},
       [] {
         return Words{"global", "tensor", "part", "head"};
       }},
  };
  return keys;
}

}  // namespace lockstep::train
