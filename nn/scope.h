#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/parameter.h"
#include "nn/init.h"

namespace lockstep {

// What all random numbers of a tree of names start from.
struct Seed {
  std::uint64_t value = 0;
};

// keyed: a number depends on (seed, logical name, index) alone (KeyedStream). torch: PyTorch's numbers in the
// order in which parameters are created, which modules here do in PyTorch's and MONAI's order (TorchStream).
enum class Rng : std::uint8_t { keyed, torch };

// Gives a parameter its values instead of its initialiser, by writing them into parameter.tensor; false: it
// has none, and the initialiser runs. Name, shape, dtype and logical parts are set when it is called. From a
// checkpoint:
//   Scope root(Seed{0}, {.values = [stored = data::open_weights(path)](const Parameter& p) {
//     data::load(stored, {p}, {.allow_unexpected = true});
//     return true;
//   }});
using ValueSource = std::function<bool(const Parameter&)>;

// The values of the parameters of the same names, which another tree of this shape has: a model built with
// them is a copy with weights of its own (a target network, a moving average).
//   Scope other(Seed{0}, {.values = values_of(root.parameters())});
// Throws for a parameter of the same name and another shape; one of another name gets its initialiser's
// values.
ValueSource values_of(ParameterList parameters);

struct ScopeOptions {
  DType dtype = DType::f32;
  Device device = Device::cpu;
  Rng rng = Rng::keyed;
  ValueSource values = {};
};

// A place in a model's tree of names, and the one place where a parameter gets its path name, shape, first
// values, dtype and device. Cheap to copy: scopes of one tree share its state.
//
//   Scope root(Seed{0});
//   nn::SABlock attention(root / "attn", {.hidden_size = 64, .num_heads = 4});
//   root.parameters();   // attn.out_proj.weight, attn.out_proj.bias, attn.qkv.weight
class Scope {
 public:
  explicit Scope(Seed seed = {}, ScopeOptions options = {});

  // The place below this one: "blocks" / 0 is "blocks.0".
  Scope operator/(std::string_view name) const;
  Scope operator/(std::int64_t index) const { return *this / std::to_string(index); }

  // "blocks.0.attn"; with a name, what is called so here, and the place beside this one.
  const std::string& path() const { return path_; }
  std::string path(std::string_view name) const;
  std::string sibling(std::string_view name) const;

  // A trainable tensor. `parts` have complete names and cover its rows; none: itself is its only part. Throws
  // for a name that is taken, for parts that do not cover the rows in order and in whole heads, and what
  // initialize() throws.
  Tensor parameter(std::string_view name, const Dims& shape, const Init& init,
                   std::vector<LogicalPart> parts = {}) const;
  // The same, never trained: it is saved and loaded.
  Tensor frozen(std::string_view name, const Dims& shape, const Init& init) const;
  // A tensor that follows from the options: it stands in the state dict for others to read, and is never
  // loaded.
  Tensor buffer(std::string_view name, const Tensor& values) const;

  // First values of something that is neither saved nor trained, such as what a fixed table is made of.
  Tensor draw(std::string_view name, const Dims& shape, const Init& init) const;
  // With Rng::torch, what PyTorch draws and then overwrites; else nothing.
  void discard(const Dims& shape, const Init& init) const;

  // Everything at and below this place, in the order of creation.
  ParameterList parameters() const;

  std::uint64_t seed() const;
  TensorOptions options() const;
  Rng rng() const;

 private:
  struct State;
  Scope(std::shared_ptr<State> state, std::string path) : state_(std::move(state)), path_(std::move(path)) {}
  Tensor add(Parameter parameter, const Init& init) const;
  RandomSource source() const;

  std::shared_ptr<State> state_;
  std::string path_;
};

}  // namespace lockstep
