#include "nn/mlp_block.h"

#include "core/ops/elementwise.h"
#include "core/ops/linear.h"

namespace lockstep::nn {
namespace {

std::int64_t width_of(const MLPBlockOptions& o) { return o.mlp_dim == 0 ? o.hidden_size : o.mlp_dim; }
double rate_of(const Scope& scope, const MLPBlockOptions& o) {
  check(o.dropout_rate >= 0 && o.dropout_rate <= 1, "[{}] dropout_rate must lie in [0, 1], got {}",
        scope.path("MLPBlock"), o.dropout_rate);
  return o.dropout_mode == DropoutMode::vista3d ? 0 : o.dropout_rate;
}

}  // namespace

DropoutMode dropout_mode_from(const std::string& name) {
  if (name == "vit") return DropoutMode::vit;
  if (name == "swin") return DropoutMode::swin;
  if (name == "vista3d") return DropoutMode::vista3d;
  fail("expected a dropout mode (vit, swin or vista3d), got \"{}\"", name);
}

MLPBlock::MLPBlock(const Scope& scope, const MLPBlockOptions& o)
    : linear1(scope / "linear1", o.hidden_size, width_of(o) * (o.act.kind == Activation::geglu ? 2 : 1),
              {.init = o.init}),
      linear2(scope / "linear2", width_of(o), o.hidden_size, {.init = o.init}),
      drop1(scope / "drop1", rate_of(scope, o)),
      drop2(scope / "drop2", rate_of(scope, o)),
      act(o.act),
      trace(scope) {
  if (act.kind == Activation::prelu) {
    slope = (scope / "fn").parameter("weight", {1}, init::Constant{act.number.value_or(0.25)});
  }
}

Tensor MLPBlock::operator()(const Tensor& x, const Tensor& plus) const {
  const bool looked_at = trace.wants({"hidden", "activation"});
  const bool adds = plus.defined() && !drop2.is_active() && !trace.wants({"output"});
  const Tensor at_once = adds ? plus : Tensor();
  const auto finished = [&](const Tensor& y) {
    if (adds) return y;
    const Tensor output = trace("output", drop2(y));
    return plus.defined() ? plus + output : output;
  };
  if (act.kind == Activation::gelu && !drop1.is_active() && !looked_at)
    return finished(mlp(x, linear1.weight, linear1.bias, linear2.weight, linear2.bias, Gelu::exact, at_once));
  const auto hidden = [&] {
    if (act.kind == Activation::gelu && !looked_at) return linear_gelu(x, linear1.weight, linear1.bias);
    const Tensor before = trace("hidden", linear1(x));
    return act.kind == Activation::prelu ? prelu(before, slope) : activate(before, act);
  };
  return finished(linear2(drop1(trace("activation", hidden())), at_once));
}

}  // namespace lockstep::nn
