#include "tests/core/op_cases.h"

#include <limits>

#include "core/random/keyed_stream.h"

namespace lockstep::cases {

Input normal(const Dims& shape) { return {Input::Kind::normal, shape}; }
Input positive(const Dims& shape) { return {Input::Kind::positive, shape}; }
Input indices(std::int64_t high, const Dims& shape) { return {Input::Kind::index, shape, high}; }
Input bits(const Dims& shape) { return {Input::Kind::bits, shape}; }

OpCase OpCase::with_leading(std::vector<std::size_t> which) const {
  OpCase other = *this;
  other.leading = std::move(which);
  return other;
}

OpCase OpCase::timed_at(std::vector<Input> which) const {
  OpCase other = *this;
  other.timed = std::move(which);
  return other;
}

Inputs draw(const std::vector<Input>& inputs, DType dtype, const std::string& name) {
  Inputs drawn;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = inputs[i];
    const KeyedStream stream(1, "op cases", name + std::to_string(i));
    const auto count = static_cast<std::size_t>(input.shape.numel());
    if (input.kind == Input::Kind::index) {
      drawn.push_back(empty(input.shape, {DType::i64}));
      stream.fill_integers(std::span(drawn.back().data<std::int64_t>(), count), 0, input.high);
    } else if (input.kind == Input::Kind::bits) {
      drawn.push_back(empty(input.shape, {DType::u8}));
      stream.fill_bernoulli(std::span(drawn.back().data<std::uint8_t>(), count), 0.7);
    } else {
      drawn.push_back(empty(input.shape, {dtype}));
      dispatch_real(dtype, [&](auto t) {
        const std::span values(drawn.back().data<decltype(t)>(), count);
        if (input.kind == Input::Kind::normal) stream.fill_normal(values, 0, 1);
        if (input.kind == Input::Kind::positive) stream.fill_uniform(values, 0.25, 2.25);
      });
      drawn.back().set_requires_grad();
    }
  }
  return drawn;
}

namespace {

std::vector<OpCase> elementwise_cases() {
  const Input x = normal({3, 5}), p = positive({3, 5});
  const std::vector<Input> large{normal({4096, 512})};
  std::vector<OpCase> cases{
      {"neg", {x}, [](const Inputs& in) { return -in[0]; }},
      {"abs", {x}, [](const Inputs& in) { return abs(in[0]); }},
      {"exp", {x}, [](const Inputs& in) { return exp(in[0]); }},
      {"log", {p}, [](const Inputs& in) { return log(in[0]); }},
      {"sqrt", {p}, [](const Inputs& in) { return sqrt(in[0]); }},
      {"rsqrt", {p}, [](const Inputs& in) { return rsqrt(in[0]); }},
      {"square", {x}, [](const Inputs& in) { return square(in[0]); }},
      {"sin", {x}, [](const Inputs& in) { return sin(in[0]); }},
      {"cos", {x}, [](const Inputs& in) { return cos(in[0]); }},
      {"tanh", {x}, [](const Inputs& in) { return tanh(in[0]); }},
      {"sigmoid", {x}, [](const Inputs& in) { return sigmoid(in[0]); }},
      {"softplus", {x}, [](const Inputs& in) { return softplus(in[0]); }},
      {"erf", {x}, [](const Inputs& in) { return erf(in[0]); }},
      {"relu", {x}, [](const Inputs& in) { return relu(in[0]); }},
      {"silu", {x}, [](const Inputs& in) { return silu(in[0]); }},
      {"expm1", {x}, [](const Inputs& in) { return expm1(in[0]); }},
      {"log1p", {p}, [](const Inputs& in) { return log1p(in[0]); }},
      {"elu", {x}, [](const Inputs& in) { return elu(in[0], 0.7); }},
      {"celu", {x}, [](const Inputs& in) { return celu(in[0], 0.7); }},
      {"selu", {x}, [](const Inputs& in) { return selu(in[0]); }},
      {"leaky_relu", {x}, [](const Inputs& in) { return leaky_relu(in[0], 0.1); }},
      {"gelu", {x}, [](const Inputs& in) { return gelu(in[0]); }},
      {"gelu_tanh", {x}, [](const Inputs& in) { return gelu(in[0], Gelu::tanh); }},
      {"pow_real", {p}, [](const Inputs& in) { return pow(in[0], 2.5); }},
      {"pow_whole", {x}, [](const Inputs& in) { return pow(in[0], 3); }},
      {"clamp", {x}, [](const Inputs& in) { return clamp(in[0], -0.5, 0.8); }},
      {"with_constants", {p}, [](const Inputs& in) { return 2 / (3 - (in[0] * 0.5 + 1) / 4) - 1; }},
  };
  for (OpCase& unary : cases) unary = unary.with_leading({0}).timed_at(large);
  const Input y = normal({2, 3, 5}), row = normal({3, 1});
  const std::vector<OpCase> binary{
      {"add", {x, y}, [](const Inputs& in) { return in[0] + in[1]; }},
      {"sub", {row, y}, [](const Inputs& in) { return in[0] - in[1]; }},
      {"mul", {row, y}, [](const Inputs& in) { return in[0] * in[1]; }},
      {"div", {row, positive({2, 3, 5})}, [](const Inputs& in) { return in[0] / in[1]; }},
      {"maximum", {x, y}, [](const Inputs& in) { return maximum(in[0], in[1]); }},
      {"minimum", {x, y}, [](const Inputs& in) { return minimum(in[0], in[1]); }},
  };
  for (const OpCase& op : binary) cases.push_back(op.with_leading({1}).timed_at({large[0], large[0]}));
  cases.push_back({"prelu", {x, normal({5})}, [](const Inputs& in) { return prelu(in[0], in[1]); }});
  cases.push_back(
      {"where", {bits({2, 3, 5}), x, y}, [](const Inputs& in) { return where(in[0], in[1], in[2]); }});
  return cases;
}

std::vector<OpCase> reduction_cases() {
  const Input x = normal({2, 3, 4});
  const Input large = normal({64, 64, 512});
  std::vector<OpCase> cases{
      {"sum",
       {x},
       [](const Inputs& in) {
         return sum(in[0], {-1, -3});
       }},
      {"mean", {x}, [](const Inputs& in) { return mean(in[0], {-2}, true); }},
      {"max", {x}, [](const Inputs& in) { return max(in[0], {-1}); }},
      {"min", {x}, [](const Inputs& in) { return min(in[0], {-1}, true); }},
      {"prod", {x}, [](const Inputs& in) { return prod(in[0], {-1}); }},
      {"logsumexp",
       {x},
       [](const Inputs& in) {
         return logsumexp(in[0], {-1, -2});
       }},
      {"var", {x}, [](const Inputs& in) { return var(in[0], {-2}); }},
      {"stddev", {x}, [](const Inputs& in) { return stddev(in[0], -2); }},
      {"norm", {x}, [](const Inputs& in) { return norm(in[0], -1); }},
      {"max_with_indices", {x}, [](const Inputs& in) { return max_with_indices(in[0], -1).values; }},
      {"min_with_indices", {x}, [](const Inputs& in) { return min_with_indices(in[0], -2).values; }},
      {"sort", {x}, [](const Inputs& in) { return square(sort(in[0], -2).values); }},
      {"topk", {x}, [](const Inputs& in) { return square(topk(in[0], 2, -1).values); }},
      {"cumsum", {x}, [](const Inputs& in) { return cumsum(in[0], -2); }},
      {"softmax", {x}, [](const Inputs& in) { return softmax(in[0], -1); }},
      {"softmax_inner", {x}, [](const Inputs& in) { return softmax(in[0], -2); }},
      {"masked_softmax",
       {x, bits({3, 4})},
       [](const Inputs& in) {
         return masked_softmax(masked_fill(in[0], in[1], -std::numeric_limits<double>::infinity()), -1);
       }},
      {"log_softmax", {x}, [](const Inputs& in) { return log_softmax(in[0], -1); }},
  };
  for (OpCase& op : cases) op = op.with_leading({0}).timed_at({large});
  cases.push_back({"sum_of_all", {x}, [](const Inputs& in) { return sum(in[0]); }});
  cases.push_back({"prod_with_zeros", {x}, [](const Inputs& in) { return prod(relu(in[0]), {1, 2}); }});
  cases.push_back({"sum_to", {x}, [](const Inputs& in) { return sum_to(in[0], {3, 1}); }});
  return cases;
}

std::vector<OpCase> view_cases() {
  const Input x = normal({2, 3, 4}), m = normal({2, 3});
  return {
      {"reshape",
       {x},
       [](const Inputs& in) {
         return square(reshape(in[0], {4, -1}));
       }},
      {"expand",
       {normal({3, 1})},
       [](const Inputs& in) {
         return square(expand(in[0], {2, 3, 4}));
       }},
      {"permute",
       {x},
       [](const Inputs& in) {
         return square(permute(in[0], {2, 0, 1}));
       }},
      {"transpose", {x}, [](const Inputs& in) { return square(transpose(in[0], 0, -1)); }},
      {"slice", {x}, [](const Inputs& in) { return square(slice(in[0], -1, 1, 4, 2)); }},
      {"unslice",
       {x},
       [](const Inputs& in) {
         return square(unslice(in[0], {2, 8, 4}, 1, 1, 3));
       }},
      {"select", {x}, [](const Inputs& in) { return square(select(in[0], 1, -1)); }},
      {"flip",
       {x},
       [](const Inputs& in) {
         return square(flip(in[0], {0, -1}));
       }},
      {"cat", {m, normal({2, 1}), m}, [](const Inputs& in) { return square(cat(in, 1)); }},
      {"stack", {m, m}, [](const Inputs& in) { return square(stack(in, -1)); }},
      {"flatten", {x}, [](const Inputs& in) { return square(flatten(in[0], 1)); }},
      {"squeeze", {normal({2, 1, 3})}, [](const Inputs& in) { return square(squeeze(in[0], 1)); }},
      {"unsqueeze", {x}, [](const Inputs& in) { return square(unsqueeze(in[0], -1)); }},
      {"split", {x}, [](const Inputs& in) { return square(split(in[0], 2, 1)[0]); }},
      {"chunk", {x}, [](const Inputs& in) { return square(chunk(in[0], 2, -1)[1]); }},
      {"pad", {x}, [](const Inputs& in) { return square(pad(in[0], 1, 1, 2, 0.5)); }},
      {"rope", {normal({2, 5, 4})}, [](const Inputs& in) { return rope(in[0], {.offset = 2}); }},
      {"rope_interleaved",
       {normal({2, 5, 4})},
       [](const Inputs& in) { return rope(in[0], {.interleaved = true}); }},
      {"clone", {x}, [](const Inputs& in) { return square(clone(in[0])); }},
      {"to", {x}, [](const Inputs& in) { return square(to(to(in[0], DType::f64), in[0].dtype())); }},
      {"tril", {normal({2, 4, 5})}, [](const Inputs& in) { return square(tril(in[0], 1)); }},
      {"triu", {normal({2, 4, 5})}, [](const Inputs& in) { return square(triu(in[0], -1)); }},
      {"masked_fill",
       {x, bits({3, 4})},
       [](const Inputs& in) { return square(masked_fill(in[0], in[1], -2)); }},
      {"windows", {x}, [](const Inputs& in) { return square(windows(in[0], 2, 2, 1)); }},
  };
}

std::vector<OpCase> index_cases() {
  const OpCase embed{"embedding", {normal({7, 4}), indices(7, {3, 5})}, [](const Inputs& in) {
                       return square(embedding(in[0], in[1]));
                     }};
  return {
      embed.with_leading({1}).timed_at({normal({512, 384}), indices(512, {16, 256})}),
      {"index_select",
       {normal({2, 4, 5}), indices(4, {6})},
       [](const Inputs& in) { return square(index_select(in[0], in[1], 1)); }},
      {"gather",
       {normal({4, 5}), indices(5, {3, 6})},
       [](const Inputs& in) { return square(gather(in[0], in[1], 1)); }},
  };
}

std::vector<OpCase> product_cases() {
  const OpCase fused_linear{"linear", {normal({2, 3, 5}), normal({4, 5}), normal({4})}, [](const Inputs& in) {
                              return linear(in[0], in[1], in[2]);
                            }};
  const OpCase gelu_exact{"linear_gelu",
                          {normal({2, 3, 5}), normal({4, 5}), normal({4})},
                          [](const Inputs& in) { return linear_gelu(in[0], in[1], in[2]); }};
  const OpCase gelu_tanh{"linear_gelu_tanh", gelu_exact.inputs,
                         [](const Inputs& in) { return linear_gelu(in[0], in[1], in[2], Gelu::tanh); }};
  const OpCase fused_mlp{"mlp",
                         {normal({2, 3, 5}), normal({4, 5}), normal({4}), normal({3, 4}), normal({3})},
                         [](const Inputs& in) { return mlp(in[0], in[1], in[2], in[3], in[4]); }};
  const std::vector<Input> layer{normal({4096, 128}), normal({512, 128}), normal({512})};
  const auto product = [](const char* name, const Dims& a, const Dims& b) {
    return OpCase{name, {normal(a), normal(b)}, [](const Inputs& in) { return matmul(in[0], in[1]); }};
  };
  return {
      product("matmul", {4, 5}, {5, 3}).timed_at({normal({512, 512}), normal({512, 512})}),
      product("matmul_batched", {2, 1, 4, 5}, {3, 5, 2})
          .timed_at({normal({48, 64, 32}), normal({48, 32, 64})}),
      product("matmul_shared", {2, 3, 4, 5}, {5, 3}),
      product("matmul_vectors", {5}, {5}),
      {"einsum",
       {normal({2, 3, 4}), normal({4, 5}), normal({2, 5})},
       [](const Inputs& in) { return einsum("bij,jk,bk->bi", in); }},
      {"einsum_diagonal", {normal({3, 2, 3})}, [](const Inputs& in) { return einsum("iji->j", in); }},
      product("matmul_row", {5}, {2, 5, 3}),
      product("matmul_column", {4, 5}, {5}),
      fused_linear.with_leading({0}).timed_at(layer),
      {"linear_without_bias",
       {normal({6, 5}), normal({4, 5})},
       [](const Inputs& in) { return linear(in[0], in[1]); }},
      {"linear_plus",
       {normal({2, 3, 5}), normal({4, 5}), normal({4}), normal({2, 3, 4})},
       [](const Inputs& in) { return square(linear(in[0], in[1], in[2], in[3])); }},
      {"linear_onto_its_input",
       {normal({6, 5}), normal({5, 5})},
       [](const Inputs& in) { return square(linear(in[0], in[1], {}, in[0])); }},
      gelu_exact.with_leading({0}).timed_at(layer),
      gelu_tanh.with_leading({0}).timed_at(layer),
      fused_mlp.with_leading({0}).timed_at(
          {normal({1024, 128}), normal({512, 128}), normal({512}), normal({128, 512}), normal({128})}),
      {"mlp_tanh_without_bias",
       {normal({6, 5}), normal({4, 5}), normal({3, 4})},
       [](const Inputs& in) { return mlp(in[0], in[1], {}, in[2], {}, Gelu::tanh); }},
      {"mlp_plus",
       {normal({6, 5}), normal({4, 5}), normal({4}), normal({3, 4}), normal({3}), normal({6, 3})},
       [](const Inputs& in) { return square(mlp(in[0], in[1], in[2], in[3], in[4], Gelu::exact, in[5])); }},
      {"linear_gelu_without_bias",
       {normal({6, 5}), normal({4, 5})},
       [](const Inputs& in) { return linear_gelu(in[0], in[1]); }},
      {"conv1d",
       {normal({2, 3, 8}), normal({4, 3, 3}), normal({4})},
       [](const Inputs& in) { return conv(in[0], in[1], in[2], {.padding = {1}}); }},
      {"conv1d_one_channel",
       {normal({2, 1, 7}), normal({3, 1, 2})},
       [](const Inputs& in) { return conv(in[0], in[1], {}, {.dilation = {2}}); }},
      {"conv2d",
       {normal({2, 2, 3, 5, 6}), normal({4, 3, 2, 3}), normal({4})},
       [](const Inputs& in) {
         return conv(in[0], in[1], in[2], {.stride = {2, 1}, .padding = {0, 2}});
       }},
      {"conv3d",
       {normal({1, 2, 3, 4, 4}), normal({3, 2, 2, 2, 2})},
       [](const Inputs& in) { return conv(in[0], in[1], {}, {.stride = {2}, .padding = {1}}); }},
      {"conv_dilated",
       {normal({2, 3, 9}), normal({4, 3, 3}), normal({4})},
       [](const Inputs& in) {
         return conv(in[0], in[1], in[2], {.stride = {2}, .padding = {2}, .dilation = {2}});
       }},
      {"conv_grouped",
       {normal({2, 4, 5, 4}), normal({6, 2, 2, 3}), normal({6})},
       [](const Inputs& in) {
         return conv(in[0], in[1], in[2], {.dilation = {2, 1}, .groups = 2, .same = true});
       }},
  };
}

std::vector<OpCase> normalization_cases() {
  const Input x = normal({2, 3, 8}), w = normal({8});
  const OpCase norm{
      "layer_norm", {x, w, w}, [](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); }};
  const OpCase rms{"rms_norm", {x, w}, [](const Inputs& in) { return rms_norm(in[0], in[1]); }};
  return {
      norm.with_leading({0}).timed_at({normal({4096, 384}), normal({384}), normal({384})}),
      {"layer_norm_plain", {x}, [](const Inputs& in) { return layer_norm(in[0]); }},
      {"layer_norm_without_bias",
       {x, w},
       [](const Inputs& in) { return layer_norm(in[0], in[1], {}, 1e-3); }},
      {"layer_norm_of_two",
       {x, normal({3, 8}), normal({3, 8})},
       [](const Inputs& in) { return layer_norm(in[0], in[1], in[2]); }},
      rms.with_leading({0}).timed_at({normal({4096, 384}), normal({384})}),
      {"group_norm",
       {normal({2, 6, 2, 2}), normal({6}), normal({6})},
       [](const Inputs& in) { return group_norm(in[0], 3, in[1], in[2]); }},
  };
}

std::vector<OpCase> loss_cases() {
  const Input x = normal({2, 3, 5}), y = normal({2, 3, 5}), target = indices(5, {2, 3});
  const auto entropy = [&](const char* name, const CrossEntropyOptions& options) {
    return OpCase{name, {x, target}, [options](const Inputs& in) {
                    CrossEntropyOptions there = options;
                    there.class_weights = to(options.class_weights, in[0].device());
                    return cross_entropy(in[0], in[1], there);
                  }};
  };
  const std::vector<Input> large{normal({4096, 65}), indices(65, {4096})};
  return {
      entropy("cross_entropy", {}).timed_at(large),
      entropy("cross_entropy_sum", {.reduction = Reduction::sum, .ignore_index = 2}),
      entropy("cross_entropy_each", {.reduction = Reduction::none}).with_leading({0, 1}),
      entropy("cross_entropy_smooth", {.ignore_index = 1, .label_smoothing = 0.2}),
      entropy("cross_entropy_weighted",
              {.label_smoothing = 0.1, .class_weights = from_values<double>({5}, {1, 2, 0.5, 3, 1})}),
      {"cross_entropy_of_probabilities",
       {x, positive({2, 3, 5})},
       [](const Inputs& in) {
         return cross_entropy(in[0], in[1],
                              {.label_smoothing = 0.1,
                               .class_weights = from_values<double>({5}, {1, 2, 0.5, 3, 1}, in[0].device())});
       }},
      {"nll_loss", {x, target}, [](const Inputs& in) { return nll_loss(in[0], in[1], {.ignore_index = 0}); }},
      {"mse_loss", {x, y}, [](const Inputs& in) { return mse_loss(in[0], in[1]); }},
      {"l1_loss", {x, y}, [](const Inputs& in) { return l1_loss(in[0], in[1], Reduction::sum); }},
      {"smooth_l1_loss",
       {x, y},
       [](const Inputs& in) { return smooth_l1_loss(in[0], in[1], Reduction::mean, 0.7); }},
      {"huber_loss", {x, y}, [](const Inputs& in) { return huber_loss(in[0], in[1], Reduction::none, 0.7); }},
      {"bce_with_logits",
       {x, positive({2, 3, 5})},
       [](const Inputs& in) { return bce_with_logits(in[0], in[1]); }},
      {"kl_div", {x, positive({2, 3, 5})}, [](const Inputs& in) { return kl_div(in[0], in[1]); }},
  };
}

}  // namespace

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> all = [] {
    std::vector<OpCase> cases;
    for (const auto& family : {elementwise_cases(), reduction_cases(), view_cases(), index_cases(),
                               product_cases(), normalization_cases(), loss_cases(), attention_cases()})
      cases.insert(cases.end(), family.begin(), family.end());
    return cases;
  }();
  return all;
}

}  // namespace lockstep::cases
