// kind "op": each op by PyTorch's name and arguments (tests/fixtures/ops.py), with value, gradient and
// Hessian-vector product.
#include <algorithm>
#include <limits>

#include "core/autograd.h"
#include "core/ops.h"
#include "tests/conformance/kinds.h"
#include "tests/conformance/options.h"

namespace lockstep::conformance {

namespace {

using nlohmann::json;
using Inputs = std::vector<Tensor>;

// The arguments of a call; all of them must be asked for.
class Args {
 public:
  explicit Args(json values) : values_(std::move(values)) {}

  const json& operator[](const std::string& name) const {
    used_.insert(name);
    return values_.at(name);
  }
  bool has(const std::string& name) const { return values_.contains(name); }
  double number(const std::string& name) const { return (*this)[name].get<double>(); }
  int dim(const std::string& name = "dim") const { return (*this)[name].get<int>(); }
  bool flag(const std::string& name) const { return (*this)[name].get<bool>(); }
  // A list, or one number for a list of one; null is an empty list.
  template <typename T = int>
  std::vector<T> list(const std::string& name = "dim") const {
    const json& value = (*this)[name];
    if (value.is_null()) return {};
    return value.is_number() ? std::vector<T>{value.get<T>()} : value.get<std::vector<T>>();
  }
  std::optional<double> optional(const std::string& name) const {
    const json& value = (*this)[name];
    return value.is_null() ? std::nullopt : std::optional(value.get<double>());
  }
  Reduction reduction() const {
    const std::string word = (*this)["reduction"].get<std::string>();
    check(word == "mean" || word == "sum" || word == "none", "unknown reduction '{}'", word);
    return word == "mean" ? Reduction::mean : word == "sum" ? Reduction::sum : Reduction::none;
  }
  void expect_all_used() const {
    for (const auto& [name, value] : values_.items())
      check(used_.contains(name), "unknown argument '{}'", name);
  }

 private:
  json values_;
  mutable std::set<std::string> used_;
};

using Call = Tensor (*)(const Inputs& in, const Args& args);

// PyTorch's classes are dimension 1; ours are the last.
Tensor classes_last(const Tensor& x) {
  std::vector<int> order{0};
  for (int i = 2; i < x.rank(); ++i) order.push_back(i);
  order.push_back(1);
  return x.rank() > 2 ? permute(x, order) : x;
}

// Python's x[start:stop:step].
Tensor python_slice(const Tensor& x, const Args& args) {
  const std::int64_t size = x.size(args.dim());
  const auto bound = [&](const char* name, std::int64_t otherwise) {
    if (args[name].is_null()) return otherwise;
    const auto value = args[name].get<std::int64_t>();
    return std::clamp<std::int64_t>(value < 0 ? value + size : value, 0, size);
  };
  const std::int64_t start = bound("start", 0), stop = std::max(start, bound("stop", size));
  return slice(x, args.dim(), start, stop, args["step"].is_null() ? 1 : args["step"].get<std::int64_t>());
}

// -1 keeps a size.
Tensor python_expand(const Tensor& x, const Args& args) {
  Dims shape(args.list<std::int64_t>("shape"));
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == -1) shape[i] = x.size(i - shape.rank());
  }
  return expand(x, shape);
}

Tensor clamp_between(const Tensor& x, const Args& args) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  return clamp(x, args.optional("low").value_or(-infinity), args.optional("high").value_or(infinity));
}

Tensor kl_divergence(const Inputs& in, const Args& args) {
  if (args["reduction"] != "batchmean") return kl_div(in[0], in[1], args.reduction());
  return kl_div(in[0], in[1], Reduction::sum) / static_cast<double>(in[0].size(0));
}

Tensor gelu_by_name(const Tensor& x, const Args& args) {
  const std::string form = args["approximate"].get<std::string>();
  check(form == "none" || form == "tanh", "unknown approximation '{}'", form);
  return gelu(x, form == "none" ? Gelu::exact : Gelu::tanh);
}

// PyTorch's `scale if scale else 1 / sqrt(D)`.
AttentionOptions scaled(const Args& args) {
  AttentionOptions options{.scale = args.optional("scale")};
  if (options.scale == 0.0) options.scale.reset();
  return options;
}

// One row of weights is a vector in PyTorch, too.
Tensor linear_of(const Inputs& in) {
  if (in[1].rank() == 1) return matmul(in[0], in[1]);
  return linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor());
}

using In = const Inputs&;
using Ar = const Args&;

const std::map<std::string, Call> calls{
    {"add", [](In in, Ar) { return in[0] + in[1]; }},
    {"sub", [](In in, Ar) { return in[0] - in[1]; }},
    {"mul", [](In in, Ar) { return in[0] * in[1]; }},
    {"div", [](In in, Ar) { return in[0] / in[1]; }},
    {"maximum", [](In in, Ar) { return maximum(in[0], in[1]); }},
    {"minimum", [](In in, Ar) { return minimum(in[0], in[1]); }},
    {"pow", [](In in, Ar args) { return pow(in[0], args.number("exponent")); }},
    {"neg", [](In in, Ar) { return -in[0]; }},
    {"exp", [](In in, Ar) { return exp(in[0]); }},
    {"log", [](In in, Ar) { return log(in[0]); }},
    {"sqrt", [](In in, Ar) { return sqrt(in[0]); }},
    {"rsqrt", [](In in, Ar) { return rsqrt(in[0]); }},
    {"abs", [](In in, Ar) { return abs(in[0]); }},
    {"tanh", [](In in, Ar) { return tanh(in[0]); }},
    {"sigmoid", [](In in, Ar) { return sigmoid(in[0]); }},
    {"relu", [](In in, Ar) { return relu(in[0]); }},
    {"silu", [](In in, Ar) { return silu(in[0]); }},
    {"softplus", [](In in, Ar) { return softplus(in[0]); }},
    {"erf", [](In in, Ar) { return erf(in[0]); }},
    {"sin", [](In in, Ar) { return sin(in[0]); }},
    {"cos", [](In in, Ar) { return cos(in[0]); }},
    {"leaky_relu", [](In in, Ar args) { return leaky_relu(in[0], args.number("slope")); }},
    {"gelu", [](In in, Ar args) { return gelu_by_name(in[0], args); }},
    {"clamp", [](In in, Ar args) { return clamp_between(in[0], args); }},
    {"where", [](In in, Ar) { return where(in[2], in[0], in[1]); }},
    {"sum", [](In in, Ar args) { return sum(in[0], args.list(), args.flag("keepdim")); }},
    {"mean", [](In in, Ar args) { return mean(in[0], args.list(), args.flag("keepdim")); }},
    {"var",
     [](In in, Ar args) { return var(in[0], args.list(), args.flag("keepdim"), args.number("correction")); }},
    {"max", [](In in, Ar args) { return max(in[0], args.list(), args.flag("keepdim")); }},
    {"min", [](In in, Ar args) { return min(in[0], args.list(), args.flag("keepdim")); }},
    {"logsumexp", [](In in, Ar args) { return logsumexp(in[0], args.list(), args.flag("keepdim")); }},
    {"prod", [](In in, Ar args) { return prod(in[0], args.list(), args.flag("keepdim")); }},
    {"softmax", [](In in, Ar args) { return softmax(in[0], args.dim()); }},
    {"log_softmax", [](In in, Ar args) { return log_softmax(in[0], args.dim()); }},
    {"cumsum", [](In in, Ar args) { return cumsum(in[0], args.dim()); }},
    {"matmul", [](In in, Ar) { return matmul(in[0], in[1]); }},
    {"transpose", [](In in, Ar args) { return transpose(in[0], args.dim("dim0"), args.dim("dim1")); }},
    {"permute", [](In in, Ar args) { return permute(in[0], args.list("dims")); }},
    {"reshape", [](In in, Ar args) { return reshape(in[0], Dims(args.list<std::int64_t>("shape"))); }},
    {"expand", [](In in, Ar args) { return python_expand(in[0], args); }},
    {"slice", [](In in, Ar args) { return python_slice(in[0], args); }},
    {"cat", [](In in, Ar args) { return cat(in, args.dim()); }},
    {"stack", [](In in, Ar args) { return stack(in, args.dim()); }},
    {"flip", [](In in, Ar args) { return flip(in[0], args.list("dims")); }},
    {"tril", [](In in, Ar args) { return tril(in[0], args.dim("diagonal")); }},
    {"triu", [](In in, Ar args) { return triu(in[0], args.dim("diagonal")); }},
    {"gather", [](In in, Ar args) { return gather(in[0], in[1], args.dim()); }},
    {"index_select", [](In in, Ar args) { return index_select(in[0], in[1], args.dim()); }},
    {"masked_fill", [](In in, Ar args) { return masked_fill(in[0], in[1], args.number("value")); }},
    {"embedding", [](In in, Ar) { return embedding(in[0], in[1]); }},
    {"linear", [](In in, Ar) { return linear_of(in); }},
    {"layer_norm", [](In in, Ar args) { return layer_norm(in[0], in[1], in[2], args.number("eps")); }},
    {"rms_norm", [](In in, Ar args) { return rms_norm(in[0], in[1], args.optional("eps")); }},
    {"group_norm",
     [](In in, Ar args) { return group_norm(in[0], args.dim("groups"), in[1], in[2], args.number("eps")); }},
    {"cross_entropy",
     [](In in, Ar args) {
       return cross_entropy(classes_last(in[0]), is_real(in[1].dtype()) ? classes_last(in[1]) : in[1],
                            {.reduction = args.reduction(),
                             .ignore_index = args["ignore_index"].get<std::int64_t>(),
                             .label_smoothing = args.number("label_smoothing")});
     }},
    {"cross_entropy_weighted",
     [](In in, Ar args) {
       return cross_entropy(classes_last(in[0]), in[2],
                            {.reduction = args.reduction(), .class_weights = in[1]});
     }},
    {"nll_loss",
     [](In in, Ar args) { return nll_loss(classes_last(in[0]), in[1], {.reduction = args.reduction()}); }},
    {"mse_loss", [](In in, Ar args) { return mse_loss(in[0], in[1], args.reduction()); }},
    {"l1_loss", [](In in, Ar args) { return l1_loss(in[0], in[1], args.reduction()); }},
    {"smooth_l1_loss",
     [](In in, Ar args) { return smooth_l1_loss(in[0], in[1], args.reduction(), args.number("beta")); }},
    {"huber_loss",
     [](In in, Ar args) { return huber_loss(in[0], in[1], args.reduction(), args.number("delta")); }},
    {"bce_with_logits", [](In in, Ar args) { return bce_with_logits(in[0], in[1], args.reduction()); }},
    {"kl_div", kl_divergence},
    {"attention",
     [](In in, Ar args) {
       AttentionOptions options = scaled(args);
       options.causal = args.flag("causal");
       return attention(in[0], in[1], in[2], options);
     }},
    {"attention_masked",
     [](In in, Ar args) {
       AttentionOptions options = scaled(args);
       options.mask = in[3];
       return attention(in[0], in[1], in[2], options);
     }},
    {"attention_biased",
     [](In in, Ar args) {
       AttentionOptions options = scaled(args);
       options.bias = in[3];
       return attention(in[0], in[1], in[2], options);
     }},
};

Tensor convolution(int spatial, const Inputs& in, const Args& args) {
  check(in[1].rank() == spatial + 2, "expected a weight of rank {}, got {}", spatial + 2, describe(in[1]));
  ConvGeometry geometry{.stride = args.list<std::int64_t>("stride")};
  padding(geometry.padding, geometry.same)(args["padding"]);
  return conv(in[0], in[1], in[2], geometry);
}

Tensor call(const std::string& op, const Inputs& in, const Args& args) {
  if (op == "conv1d" || op == "conv2d" || op == "conv3d") return convolution(op[4] - '0', in, args);
  const auto position = calls.find(op);
  check(position != calls.end(), "unknown op '{}'", op);
  // PyTorch gives a scalar one dimension where an op asks for one.
  if (in.size() == 1 && in[0].rank() == 0 && args.has("dim") && op != "stack") {
    return reshape(position->second({reshape(in[0], {1})}, args), {});
  }
  return position->second(in, args);
}

std::string numbered(const char* group, std::size_t i) {
  return std::string(group) + "/" + std::to_string(i);
}

// The derivative of all gradients along all directions at once, undefined where there is none.
Inputs along_directions(const Inputs& gradients, const Inputs& directions, const Inputs& inputs) {
  Tensor along;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined() || !directions[i].defined()) continue;
    const Tensor term = sum(gradients[i] * directions[i]);
    along = along.defined() ? along + term : term;
  }
  if (!along.defined() || !along.requires_grad()) return Inputs(inputs.size());
  return grad(along, inputs, {}, {.allow_unused = true});
}

void run_op(Case& test) {
  Inputs in, real;
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < test.names("inputs").size(); ++i) {
    in.push_back(test.input(numbered("inputs", i)));
    if (!is_real(in.back().dtype())) continue;
    real.push_back(in.back().set_requires_grad());
    positions.push_back(i);
  }
  const Args args(test.config().at("args"));
  const Tensor y = call(test.config().at("op").get<std::string>(), in, args);
  args.expect_all_used();
  test.expect("outputs/0", y);

  // The raw gradient, then the one that can be differentiated again.
  const Tensor cotangent = test.input("cotangents/0");
  Inputs gradients, directions;
  for (const bool again : {false, true}) {
    gradients = grad(y, real, cotangent, {.create_graph = again, .retain_graph = true, .allow_unused = true});
    for (std::size_t i = 0; i < real.size(); ++i) {
      const std::string path = numbered("grads", positions[i]);
      if (gradients[i].defined() || test.has(path)) test.expect(path, gradients[i]);
    }
  }
  if (test.names("hessian_vector").empty()) return;
  for (const std::size_t i : positions) {
    const std::string path = numbered("directions", i);
    directions.push_back(test.has(path) ? test.input(path) : Tensor());
  }
  const Inputs products = along_directions(gradients, directions, real);
  for (std::size_t i = 0; i < real.size(); ++i) {
    if (directions[i].defined())
      test.expect(numbered("hessian_vector", positions[i]),
                  products[i].defined() ? products[i] : zeros_like(real[i]));
  }
}

}  // namespace

void add_op(Kinds& kinds) { kinds["op"] = run_op; }

}  // namespace lockstep::conformance
