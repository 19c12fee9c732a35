#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "nn/activation.h"

namespace lockstep::nn {

// Modules, functions and activations called one after the other, each with what the one before gave:
//   nn::Sequential net{nn::Linear(root / 0, 2, 64), nn::Activation::relu, nn::Linear(root / 2, 64, 1)};
// A module in braces is created before the next.
class Sequential {
 public:
  struct Layer {
    template <typename F>
    requires std::is_invocable_r_v<Tensor, const F&, const Tensor&> Layer(F f)
        : call(std::move(f)) {}   // NOLINT(google-explicit-constructor)
    Layer(Activation activation)  // NOLINT(google-explicit-constructor)
        : call([activation](const Tensor& x) { return activate(x, activation); }) {}
    Layer(Activation::Kind kind) : Layer(Activation(kind)) {}  // NOLINT(google-explicit-constructor)

    std::function<Tensor(const Tensor&)> call;
  };

  Sequential(std::initializer_list<Layer> layers) : layers_(layers) {}
  explicit Sequential(std::vector<Layer> layers) : layers_(std::move(layers)) {}

  Tensor operator()(Tensor x) const {
    for (const Layer& layer : layers_) x = layer.call(x);
    return x;
  }

 private:
  std::vector<Layer> layers_;
};

}  // namespace lockstep::nn
