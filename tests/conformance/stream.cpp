// kinds "stream": PyTorch's random numbers, bit for bit; "monai_number": what MONAI measured, in exact
// arithmetic.
#include <algorithm>

#include "core/ops.h"
#include "core/random/torch_stream.h"
#include "nn/linear.h"
#include "tests/conformance/kinds.h"

namespace lockstep::conformance {
namespace {

using nlohmann::json;

template <typename T>
std::span<T> span_of(const Tensor& x) {
  return {x.data<T>(), static_cast<std::size_t>(x.numel())};
}

Tensor draw(TorchStream& stream, const json& step) {
  const std::string kind = step.at(0);
  const auto integer = [&](std::size_t i) { return step.at(i).get<std::int64_t>(); };
  if (kind == "rand" || kind == "randn") {
    const Tensor x = empty({integer(1)}, {step.at(2) == "f32" ? DType::f32 : DType::f64});
    dispatch_real(x.dtype(), [&](auto type) {
      using T = decltype(type);
      if (kind == "rand") stream.fill_uniform(span_of<T>(x));
      if (kind == "randn") stream.fill_normal(span_of<T>(x));
    });
    return x;
  }
  if (kind == "randperm") return from_values({integer(1)}, stream.permutation(integer(1)));
  check(kind == "randint" || kind == "uniform" || kind == "normal", "unknown draw '{}'", kind);
  const Tensor x = empty({integer(3)}, {kind == "randint" ? DType::i64 : DType::f32});
  if (kind == "randint") {
    stream.fill_integers(span_of<std::int64_t>(x), integer(1), integer(2));
  } else if (kind == "uniform") {
    stream.fill_uniform(span_of<float>(x), step.at(1).get<double>(), step.at(2).get<double>());
  } else {
    stream.fill_normal(span_of<float>(x), step.at(1).get<double>(), step.at(2).get<double>());
  }
  return x;
}

void run_stream(Case& test) {
  TorchStream stream(test.config().at("seed").get<std::uint64_t>());
  std::vector<std::string> numbers;
  for (const json& step : test.config().at("draws")) {
    numbers.push_back(std::to_string(numbers.size()));
    test.expect("outputs/" + numbers.back(), draw(stream, step));
  }
  test.expect_names("outputs", numbers);
}

void run_monai_number(Case& test) {
  const json& config = test.config();
  const auto size = [&](const char* name) { return config.at(name).get<std::int64_t>(); };
  const std::int64_t hidden = size("hidden");
  const nn::LinearOptions options{.bias = config.at("bias").get<bool>()};
  const Scope root(Seed{config.at("seed").get<std::uint64_t>()}, {.rng = Rng::torch});
  const nn::Linear qkv(root / "qkv", hidden, 3 * hidden, options);
  std::vector<nn::Linear> parts;
  for (const char* name : {"q", "k", "v"}) parts.emplace_back(root / name, hidden, hidden, options);
  const Tensor x = root.parameter("x", {size("batch"), size("tokens"), hidden}, init::Uniform{}).detach();
  test.expect("inputs/x_head", slice(reshape(x, {x.numel()}), 0, 0, std::min<std::int64_t>(8, x.numel())));

  const auto exact = [&](const nn::Linear& layer) {
    const auto wide = [](const Tensor& t) { return t.defined() ? to(t.detach(), DType::f64) : t; };
    return linear(wide(x), wide(layer.weight), wide(layer.bias));
  };
  const Tensor combined = exact(qkv);
  std::vector<Tensor> sums;
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor part = slice(combined, -1, i * hidden, (i + 1) * hidden);
    sums.push_back(sum(abs(part - exact(parts[static_cast<std::size_t>(i)]))));
  }
  test.expect("outputs/parts", stack(sums, 0));
  test.expect("outputs/total", sums[0] + sums[1] + sums[2]);
}

}  // namespace

void add_streams(Kinds& kinds) {
  kinds["stream"] = run_stream;
  kinds["monai_number"] = run_monai_number;
}

}  // namespace lockstep::conformance
