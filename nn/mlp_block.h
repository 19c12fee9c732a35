#pragma once

#include "nn/activation.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/trace.h"

namespace lockstep::nn {

// Where an MLPBlock drops: vit and swin after both layers (vit: two modules, swin: one, called twice, which
// with keyed masks is the same thing), vista3d nowhere.
enum class DropoutMode : std::uint8_t { vit, swin, vista3d };
DropoutMode dropout_mode_from(const std::string& name);  // "vit", "swin", "vista3d"; throws for another word

struct MLPBlockOptions {
  std::int64_t hidden_size = 0;
  std::int64_t mlp_dim = 0;  // 0: hidden_size, as in MONAI
  double dropout_rate = 0;
  Activation act = Activation::gelu;  // geglu doubles linear1
  DropoutMode dropout_mode = DropoutMode::vit;
  LinearInit init = {};
};

// MONAI's MLPBlock: drop2(linear2(drop1(act(linear1(x))))), x (..., hidden_size) -> the same shape.
// With plus, of that shape: added to it, by the last layer where nothing is done to its result.
struct MLPBlock {
  MLPBlock(const Scope& scope, const MLPBlockOptions& options);
  Tensor operator()(const Tensor& x, const Tensor& plus = {}) const;

  Linear linear1, linear2;
  Dropout drop1, drop2;
  Activation act;
  Tensor slope;      // fn.weight (1), where act is prelu
  TracePoint trace;  // hidden, activation, output
};

}  // namespace lockstep::nn
