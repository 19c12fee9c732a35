// The module kinds: state dict, inputs, outputs and all gradients; fresh_module: what a module holds right
// after it was built from a seed; weights: a module from a safetensors file.
#include <algorithm>

#include "core/autograd.h"
#include "core/ops.h"
#include "data/weights/weights.h"
#include "nn/mode.h"
#include "tests/conformance/kinds.h"
#include "tests/conformance/modules.h"

namespace lockstep::conformance {
namespace {

std::vector<std::string> names_of(const ParameterList& parameters) {
  std::vector<std::string> names;
  for (const Parameter& p : parameters) names.push_back(p.name);
  return names;
}

Inputs read_inputs(Case& test) {
  Inputs inputs;
  for (const std::string& name : test.names("inputs")) inputs[name] = test.input("inputs/" + name);
  return inputs;
}

DType real_type(const Inputs& inputs, const std::vector<Tensor>& parameters) {
  const auto found = inputs.find("x");
  if (found != inputs.end() && is_real(found->second.dtype())) return found->second.dtype();
  return parameters.front().dtype();
}

void run_module(Case& test) {
  Inputs inputs = read_inputs(test);
  std::map<std::string, Tensor> stored;
  for (const std::string& name : test.names("params")) stored[name] = test.read("params/" + name);
  std::vector<Tensor> parameters;
  for (const auto& [name, tensor] : stored) {
    if (is_real(tensor.dtype())) parameters.push_back(tensor);
  }
  const Scope root(
      Seed{0},
      {.dtype = real_type(inputs, parameters), .device = test_device(), .values = [&](const Parameter& p) {
         check(stored.contains(p.name), "params/{} is one too many", p.name);
         initialize(p, init::Given{stored.at(p.name)}, {});
         return true;
       }});
  const BuiltModule module = build_module(root, test.kind(), test.config());
  test.expect_names("params", names_of(root.parameters()));
  for (const Parameter& p : root.parameters()) test.expect("params/" + p.name, p.tensor.detach());

  for (auto& [name, x] : inputs) x.set_requires_grad(is_real(x.dtype()) && name != "src_mask");
  const nn::EvaluationMode evaluation;
  const std::vector<Tensor> outputs = module.run(inputs);
  Tensor loss = zeros({}, outputs.front().options());
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string number = std::to_string(i);
    numbers.push_back(number);
    test.expect("outputs/" + number, outputs[i].detach());
    loss = loss + sum(outputs[i] * test.input("cotangents/" + number));
  }
  test.expect_names("outputs", numbers);
  backward(loss);

  std::vector<std::string> with_gradient;
  for (const Parameter& p : root.parameters()) {
    if (!p.tensor.grad().defined()) continue;
    with_gradient.push_back(p.name);
    // The gradient of a key bias is 0: what is left of it is rounding noise, as large as the order of sums
    // has it.
    // (1.2 of the tolerance in f32 on the host layer, whose fixture was made by another order.)
    const bool noise =
        test_device() != Device::cpu && p.tensor.dtype() == DType::f32 && p.name.ends_with("k.bias");
    test.expect("grads/params/" + p.name, p.tensor.grad(), noise ? 1.5 : 1);
  }
  test.expect_names("grads/params", with_gradient);
  with_gradient.clear();
  for (const auto& [name, x] : inputs) {
    if (!x.grad().defined()) continue;
    with_gradient.push_back(name);
    test.expect("grads/inputs/" + name, x.grad());
  }
  test.expect_names("grads/inputs", with_gradient);
  if (test.has("saved/att_mat")) test.expect("saved/att_mat", module.saved_attention());
}

Tensor flat_slice(const Tensor& x, std::int64_t begin, std::int64_t end) {
  return slice(reshape(x, {x.numel()}), 0, begin, end);
}

void run_fresh_module(Case& test) {
  const auto seed = test.config().at("seed").get<std::uint64_t>();
  const Scope root(Seed{seed}, {.rng = Rng::torch});
  build_module(root, test.config().at("kind"), test.config().at("config"));
  const ParameterList parameters = root.parameters();
  for (const char* group : {"head", "tail", "sum", "sum_abs"}) test.expect_names(group, names_of(parameters));
  for (const Parameter& p : parameters) {
    const Tensor x = p.tensor.detach(), wide = to(x, DType::f64);
    test.expect("head/" + p.name, flat_slice(x, 0, std::min<std::int64_t>(8, x.numel())));
    test.expect("tail/" + p.name, flat_slice(x, std::max<std::int64_t>(0, x.numel() - 8), x.numel()));
    test.expect("sum/" + p.name, sum(wide));
    test.expect("sum_abs/" + p.name, sum(abs(wide)));
  }
  // Bit for bit, whatever the case's tolerance.
  const Tensor next = root.parameter("next_rand", {4}, init::Uniform{});
  check(next.to_vector() == test.read("next_rand").to_vector(), "next_rand: the stream stands elsewhere");
}

void run_weights(Case& test) {
  const nlohmann::json& config = test.config();
  const auto stored = data::open_weights(test.folder() + "/" + config.at("file").get<std::string>());
  const Scope root(Seed{0});
  const BuiltModule module = build_module(root, config.at("kind"), config.at("config"));
  data::load(stored, root.parameters());
  const nn::EvaluationMode evaluation;
  test.expect("outputs/0", module.run(read_inputs(test)).front().detach());
}

}  // namespace

void add_modules(Kinds& kinds) {
  for (const std::string& kind : module_kinds()) kinds[kind] = run_module;
  if (test_device() != Device::cpu) return;  // the others are about first values and files
  kinds["fresh_module"] = run_fresh_module;
  kinds["weights"] = run_weights;
}

}  // namespace lockstep::conformance
