// kind "training": a whole training in f64, loss by loss and to the last weights.
#include <memory>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/mode.h"
#include "optim/clip.h"
#include "tests/conformance/kinds.h"
#include "tests/conformance/modules.h"
#include "tests/conformance/settings.h"

namespace lockstep::conformance {
namespace {

using nlohmann::json;

// copy: only the second half, which can be known, counts. images: the output of a classification.
Tensor loss_of(const json& config, const Tensor& output, const Tensor& y) {
  if (config.at("task") == "images") return cross_entropy(output, y);
  check(config.at("task") == "copy", "unknown task {}", config.at("task").dump());
  const auto from = config.at("half").get<std::int64_t>() - 1;
  return cross_entropy(slice(output, 1, from, output.size(1)), slice(y, 1, from, y.size(1)));
}

void run_training(Case& test) {
  const json& config = test.config();
  const Scope root(Seed{0}, {.dtype = DType::f64, .values = [&](const Parameter& p) {
                               initialize(p, init::Given{test.read("start/" + p.name)}, {});
                               return true;
                             }});
  const BuiltModule module = build_module(root, config.at("kind"), config.at("model"));
  const ParameterList parameters = root.parameters();
  ParameterList trainable;
  for (const Parameter& p : parameters) {
    if (p.trainable) trainable.push_back(p);
    if (test.has("start/" + p.name)) test.expect("start/" + p.name, p.tensor.detach());
  }
  const std::unique_ptr<optim::Optimizer> optimizer =
      optim::make_optimizer(config.at("optimizer"), trainable, settings_from(config.at("options")));
  const Tensor x = test.read("inputs/x"), y = test.read("inputs/y");
  const nn::EvaluationMode evaluation;  // no dropout in these
  std::vector<double> losses;
  for (std::int64_t step = 0; step < config.at("steps").get<std::int64_t>(); ++step) {
    const Tensor loss = loss_of(config, module.run({{"x", select(x, 0, step)}}).front(), select(y, 0, step));
    backward(loss);
    if (config.contains("clip")) optim::clip_grad_norm(trainable, config.at("clip").get<double>());
    optimizer->step();
    optimizer->zero_grad();
    losses.push_back(loss.item());
  }
  test.expect("outputs/loss", from_values({static_cast<std::int64_t>(losses.size())}, losses));
  std::vector<std::string> names;
  for (const Parameter& p : parameters) {
    names.push_back(p.name);
    test.expect("end/" + p.name, p.tensor.detach());
  }
  test.expect_names("start", names);
  test.expect_names("end", names);
}

}  // namespace

void add_training(Kinds& kinds) { kinds["training"] = run_training; }

}  // namespace lockstep::conformance
