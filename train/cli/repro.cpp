#include "train/cli/repro.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random/torch_stream.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

struct Layer {
  Tensor weight, bias;
};

Tensor uniform(TorchStream& stream, const Dims& shape, double low, double high, Device device) {
  Tensor x = empty(shape);
  stream.fill_uniform(std::span(x.data<float>(), static_cast<std::size_t>(x.numel())), low, high);
  return to(x, device);
}

// torch.nn.Linear: both by U(-1/sqrt(in), 1/sqrt(in)), the weight first.
Layer draw_linear(TorchStream& stream, std::int64_t out, std::int64_t in, bool bias, Device device) {
  const double gain = std::sqrt(2.0 / (1 + 5)),
               of_weight = std::sqrt(3.0) * gain / std::sqrt(static_cast<double>(in));
  Layer layer{uniform(stream, {out, in}, -of_weight, of_weight, device), {}};
  const double of_bias = 1 / std::sqrt(static_cast<double>(in));
  if (bias) layer.bias = uniform(stream, {out}, -of_bias, of_bias, device);
  return layer;
}

std::array<Layer, 3> draw_separate(TorchStream& stream, std::int64_t hidden, bool bias, Device device) {
  std::array<Layer, 3> layers;
  for (Layer& layer : layers) layer = draw_linear(stream, hidden, hidden, bias, device);
  return layers;
}

Layer rows_of(const Layer& layer, std::int64_t part, std::int64_t hidden) {
  const std::int64_t begin = part * hidden, end = begin + hidden;
  return {contiguous(slice(layer.weight, 0, begin, end)),
          layer.bias.defined() ? contiguous(slice(layer.bias, 0, begin, end)) : Tensor()};
}

Tensor apply(const Layer& layer, const Tensor& x, DType precision) {
  return linear(to(x, precision), to(layer.weight, precision),
                layer.bias.defined() ? to(layer.bias, precision) : Tensor());
}

PartSums compare(const Layer& combined, const std::array<Layer, 3>& separate, const Tensor& x,
                 DType precision) {
  const std::int64_t hidden = x.shape().back();
  const Tensor together = apply(combined, x, precision);
  PartSums sums;
  for (std::int64_t part = 0; part < 3; ++part) {
    const Tensor alone = apply(separate[static_cast<std::size_t>(part)], x, precision);
    const Tensor same = slice(together, -1, part * hidden, (part + 1) * hidden);
    sums.parts[static_cast<std::size_t>(part)] = sum(abs(to(same - alone, DType::f64))).item();
  }
  return sums;
}

PartSums compare_reseeded(const ReproOptions& options, bool bias, const Tensor& x) {
  TorchStream first(options.seed), again(options.seed);
  const Layer combined = draw_linear(first, 3 * options.hidden, options.hidden, bias, options.device);
  return compare(combined, draw_separate(again, options.hidden, bias, options.device), x, DType::f64);
}

}  // namespace

Repro reproduce(const ReproOptions& options) {
  check(options.hidden > 0 && options.batch > 0 && options.tokens > 0,
        "--hidden, --batch and --tokens must be at least 1, got {}, {} and {}", options.hidden, options.batch,
        options.tokens);
  const NoGrad no_grad;
  const std::int64_t h = options.hidden;
  TorchStream stream(options.seed);
  const Layer combined = draw_linear(stream, 3 * h, h, options.bias, options.device);
  const std::array<Layer, 3> separate = draw_separate(stream, h, options.bias, options.device);
  const Tensor x = uniform(stream, {options.batch, options.tokens, h}, 0, 1, options.device);

  Repro repro{.options = options};
  repro.fresh = compare(combined, separate, x, DType::f64);
  repro.copied = compare(
      combined, {rows_of(combined, 0, h), rows_of(combined, 1, h), rows_of(combined, 2, h)}, x, DType::f32);
  repro.reseeded = compare_reseeded(options, options.bias, x);
  repro.reseeded_no_bias = compare_reseeded(options, false, x);
  const Tensor inputs = to(x, Device::cpu);
  for (std::size_t i = 0; i < 3 && i < static_cast<std::size_t>(inputs.numel()); ++i)
    repro.first_inputs[i] = inputs.data<float>()[i];
  return repro;
}

std::string to_text(const Repro& repro, int width) {
  const ReproOptions& o = repro.options;
  const auto number = [](double x) {  // so that rounding does not look like 0
    return x != 0 && x < 0.01 ? fmt::format("{:.1e}", x) : fmt::format("{:.4f}", x);
  };
  Table table({{""}, {"q", true}, {"k", true}, {"v", true}, {"total", true}, {"what it is"}}, width);
  const auto add = [&](const std::string& what, const PartSums& sums, const char* meaning) {
    table.add({what, number(sums.parts[0]), number(sums.parts[1]), number(sums.parts[2]),
               number(sums.total()), meaning});
  };
  add("fresh layers, one seed", repro.fresh, "independent random weights");
  add("copied weights, f32", repro.copied,
      repro.copied.total() == 0 ? "rounding: none, here the products have the same bits" : "rounding");
  add(fmt::format("seeded again, bias {}", o.bias ? "on" : "off"), repro.reseeded,
      o.bias ? "q's weight has the same draws; its bias, and all of k and v, have others" : "the same draws");
  if (o.bias) add("seeded again, bias off", repro.reseeded_no_bias, "the same draws");
  return fmt::format("{:.2f}\n\n", static_cast<double>(static_cast<float>(repro.fresh.total()))) +
         paragraph(
             fmt::format("The sum of |qkv(x) - [q(x), k(x), v(x)]| for fresh layers: torch.manual_seed({}), "
                         "Linear({}, {}), three Linear({}, {}), x = rand({}, {}, {}), bias {}. PyTorch "
                         "prints the nearest f32; the table is in exact arithmetic.",
                         o.seed, o.hidden, 3 * o.hidden, o.hidden, o.hidden, o.batch, o.tokens, o.hidden,
                         o.bias ? "on" : "off"),
             width) +
         "\n" + table.text() + "\n" +
         paragraph(
             "So the number measures that two sets of random weights are independent, and nothing else: the "
             "layers compute the same function. It says nothing about training. lockstep study does.",
             width);
}

std::string to_json(const Repro& repro) {
  const auto sums = [](const PartSums& s) {
    return nlohmann::json{{"q", s.parts[0]}, {"k", s.parts[1]}, {"v", s.parts[2]}, {"total", s.total()}};
  };
  const ReproOptions& o = repro.options;
  return nlohmann::json{{"seed", o.seed},
                        {"hidden", o.hidden},
                        {"batch", o.batch},
                        {"tokens", o.tokens},
                        {"bias", o.bias},
                        {"fresh", sums(repro.fresh)},
                        {"fresh_f32", static_cast<float>(repro.fresh.total())},
                        {"copied_f32", sums(repro.copied)},
                        {"reseeded", sums(repro.reseeded)},
                        {"reseeded_no_bias", sums(repro.reseeded_no_bias)}}
             .dump(2) +
         "\n";
}

}  // namespace lockstep::train
