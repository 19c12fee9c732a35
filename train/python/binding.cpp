// clang-format off: a line for each name that Python sees
// The library for Python: the module lockstep._lockstep, which lockstep/__init__.py makes a package of.
// Tensors and NumPy's arrays share their memory both ways.
#include <pybind11/functional.h>
#include <pybind11/numpy.h>
#include <pybind11/operators.h>
#include <pybind11/stl.h>

#include "core/autograd.h"
#include "core/from_blob.h"
#include "core/ops.h"
#include "core/print.h"
#include "data/tasks/task.h"
#include "data/weights/weights.h"
#include "nn/nn.h"
#include "optim/adamw.h"
#include "train/python/options.h"

PYBIND11_MAKE_OPAQUE(lockstep::ParameterList)  // not a list of its own in Python

namespace py = pybind11;
using namespace lockstep;
using namespace pybind11::literals;

namespace {

DType dtype_named(const std::string& name) {
  for (const DType dtype : {DType::f32, DType::f64, DType::i64, DType::u8})
    if (name_of(dtype) == name) return dtype;
  fail("dtype {}: expected f32, f64, i64 or u8", name);
}

// On the array's memory where that is in C order and may be written; else on a copy.
Tensor from_numpy(const py::array& given, bool requires_grad) {
  const bool is_bool = given.dtype().kind() == 'b';
  py::array array =
      is_bool ? py::array(given.attr("astype")("uint8")) : py::array::ensure(given, py::array::c_style);
  if (!array.writeable()) array = py::array(array.attr("copy")());
  const std::string type = py::str(array.dtype());
  const std::string name = type == "float32"   ? "f32"
                           : type == "float64" ? "f64"
                           : type == "int64"   ? "i64"
                           : type == "uint8"   ? "u8"
                                               : type;
  auto* const owner = new py::object(array);  // goes with the tensor's memory, wherever that happens
  const auto done = [owner] {
    const py::gil_scoped_acquire gil;
    delete owner;
  };
  Tensor x = from_blob(array.mutable_data(), Dims(array.shape(), array.shape() + array.ndim()),
                       dtype_named(name), done);
  return requires_grad ? x.set_requires_grad() : x;
}

// The tensor's own memory, without history.
py::array to_numpy(const Tensor& given) {
  const Tensor x = moved(given.detach(), Device::cpu);
  const char* const types[] = {"float32", "float64", "int64", "uint8"};
  const DType known[] = {DType::f32, DType::f64, DType::i64, DType::u8};
  const py::dtype type(types[std::ranges::find(known, x.dtype()) - known]);
  std::vector<py::ssize_t> strides;
  for (const std::int64_t stride : x.strides()) strides.push_back(stride * type.itemsize());
  const py::capsule keep(new Tensor(x), [](void* tensor) { delete static_cast<Tensor*>(tensor); });
  return py::array(type, std::vector<py::ssize_t>(x.shape().begin(), x.shape().end()), strides, x.raw_data(),
                   keep);
}

// A guard of this thread, from __enter__ to __exit__.
template <typename Guard>
struct During {
  std::optional<Guard> guard;
};
template <typename Guard>
void add_guard(py::module_& m, const char* name, const char* doc) {
  py::class_<During<Guard>>(m, name, doc)
      .def(py::init())
      .def("__enter__", [](During<Guard>& d) { d.guard.emplace(); })
      .def("__exit__", [](During<Guard>& d, const py::args&) { d.guard.reset(); });
}

// nn::Trace lives from __enter__ to __exit__; what it saw can be asked for afterwards.
struct Traced {
  std::vector<std::string> wanted;
  std::vector<std::pair<std::string, nn::Trace::Change>> changes;
  std::optional<nn::Trace> live;
  std::map<std::string, Tensor> seen;
  void enter() {
    live.emplace(wanted);
    for (const auto& [name, change] : changes) live->change(name, change);
  }
  void leave() {
    for (const std::string& name : live->names()) seen[name] = (*live)[name];
    live.reset();
  }
  Tensor at(const std::string& name) const {
    if (live) return (*live)[name];
    const auto found = seen.find(name);
    check(found != seen.end(), "nothing was traced under {}", name);
    return found->second;
  }
};

const Tensor& named(const ParameterList& list, const std::string& name) {
  const auto found = std::ranges::find(list, name, &Parameter::name);
  check(found != list.end(), "there is no parameter {}", name);
  return found->tensor;
}
std::vector<std::string> names_of(const ParameterList& list) {
  std::vector<std::string> names;
  for (const Parameter& parameter : list) names.push_back(parameter.name);
  return names;
}

// Of a file of weights, or of a checkpoint of lockstep train.
std::vector<data::StoredTensor> stored_in(const std::string& path) {
  if (!data::is_hdf5(path)) return data::open_weights(path);
  const h5::File file = h5::File::open_foreign(path);
  return file.has_group("weights") ? data::weights_in(file.group("weights")) : data::open_weights(path);
}

using Unary = Tensor (*)(const Tensor&);
using Reduction1 = Tensor (*)(const Tensor&, const DimList&, bool);
const std::pair<const char*, Unary> unary_ops[] = {
    {"abs", abs},           {"exp", exp}, {"log", log},   {"sqrt", sqrt}, {"rsqrt", rsqrt},
    {"square", square},     {"sin", sin}, {"cos", cos},   {"tanh", tanh}, {"sigmoid", sigmoid},
    {"softplus", softplus}, {"erf", erf}, {"relu", relu}, {"silu", silu}, {"selu", selu}};
const std::pair<const char*, Reduction1> reductions[] = {
    {"sum", sum},   {"mean", mean},           {"max", max},  {"min", min},
    {"prod", prod}, {"logsumexp", logsumexp}, {"norm", norm}};

void add_tensor(py::module_& m) {
  py::class_<Tensor> tensor(m, "Tensor", "A strided array with a gradient; shares its memory with NumPy");
  tensor.def(py::init([](const py::array& x) { return from_numpy(x, false); }))
      .def_property_readonly(
          "shape",
          [](const Tensor& x) {
            return py::tuple(py::cast(std::vector<std::int64_t>(x.shape().begin(), x.shape().end())));
          })
      .def_property_readonly("dtype", [](const Tensor& x) { return std::string(name_of(x.dtype())); })
      .def_property("requires_grad", &Tensor::requires_grad,
                    [](Tensor& x, bool on) { x.set_requires_grad(on); })
      .def_property_readonly("grad",
                             [](const Tensor& x) -> std::optional<Tensor> {
                               return x.grad().defined() ? std::optional(x.grad()) : std::nullopt;
                             })
      .def("numpy", to_numpy, "This tensor's memory as an array")
      .def("item", &Tensor::item)
      .def("detach", &Tensor::detach)
      .def("zero_grad", &Tensor::zero_grad)
      .def("__array__", [](const Tensor& x, const py::args&) { return to_numpy(x); })
      .def("__repr__", [](const Tensor& x) { return fmt::format("{}", x); })
      .def("__len__", [](const Tensor& x) { return x.size(0); })
      .def("__getitem__",
           [](const Tensor& x, std::int64_t i) {
             check(i < x.size(0) && i >= -x.size(0), "index {} of {}", i, x.size(0));
             return x[i < 0 ? i + x.size(0) : i];
           })
      .def("backward", [](const Tensor& x) { backward(x); })
      .def("reshape",
           [](const Tensor& x, const std::vector<std::int64_t>& shape) { return reshape(x, Dims(shape)); })
      .def(py::self + py::self)
      .def(py::self - py::self)
      .def(py::self * py::self)
      .def(py::self / py::self)
      .def(py::self + double())
      .def(py::self - double())
      .def(py::self * double())
      .def(py::self / double())
      .def(double() + py::self)
      .def(double() - py::self)
      .def(double() * py::self)
      .def(double() / py::self)
      .def(-py::self)
      .def("__matmul__", &matmul)
      .def("__pow__", [](const Tensor& x, double exponent) { return pow(x, exponent); });
  py::implicitly_convertible<py::array, Tensor>();
}

void add_ops(py::module_& m) {
  for (const auto& [name, op] : unary_ops) m.def(name, op);
  for (const auto& [name, op] : reductions)
    m.def(
        name,
        [op = op](const Tensor& x, const std::vector<int>& dims, bool keepdim) {
          return op(x, DimList(dims), keepdim);
        },
        "x"_a, "dims"_a = std::vector<int>{}, "keepdim"_a = false);
  m.def("from_numpy", from_numpy, "array"_a, "requires_grad"_a = false);
  m.def("gelu", [](const Tensor& x) { return gelu(x); })
      .def("matmul", matmul)
      .def("where", where)
      .def("softmax", softmax, "x"_a, "dim"_a = -1)
      .def("log_softmax", log_softmax, "x"_a, "dim"_a = -1);
  m.def("transpose", transpose)
      .def("permute", permute)
      .def("cat", cat, "parts"_a, "dim"_a = 0)
      .def("stack", stack, "parts"_a, "dim"_a = 0)
      .def("slice", slice, "x"_a, "dim"_a, "start"_a, "stop"_a, "step"_a = 1);
  m.def("linear", linear, "x"_a, "weight"_a, "bias"_a = Tensor())
      .def("layer_norm", layer_norm, "x"_a, "weight"_a = Tensor(), "bias"_a = Tensor(), "eps"_a = 1e-5)
      .def("embedding", [](const Tensor& weight, const Tensor& index) { return embedding(weight, index); });
  m.def(
      "attention",
      [](const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
        return attention(q, k, v, {.causal = causal});
      },
      "q"_a, "k"_a, "v"_a, "causal"_a = false);
  m.def("cross_entropy", [](const Tensor& logits, const Tensor& target) {
     return cross_entropy(logits, target);
   }).def("mse_loss", [](const Tensor& x, const Tensor& y) { return mse_loss(x, y); });
  m.def(
      "grad",
      [](const Tensor& y, const std::vector<Tensor>& inputs, bool create_graph) {
        return grad(y, inputs, {}, {.create_graph = create_graph, .retain_graph = true});
      },
      "y"_a, "inputs"_a, "create_graph"_a = false);
  m.def(
      "validation",
      [](const std::string& task, std::uint64_t seed, std::int64_t size) {
        const data::Batch batch = data::make_task(task, seed)->validation(0, size);
        return std::pair(batch.inputs, batch.targets);
      },
      "task"_a, "seed"_a = 0, "size"_a = 100);
  m.def("task", [](const std::string& name) {
    const data::TaskShape shape = data::make_task(name, 0)->shape();
    return py::dict("images"_a = shape.images, "causal"_a = shape.causal, "vocabulary"_a = shape.vocabulary,
                    "length"_a = shape.length, "classes"_a = shape.classes);
  });
  add_guard<NoGrad>(m, "no_grad", "with no_grad(): nothing is recorded");
  add_guard<nn::EvaluationMode>(m, "evaluation", "with evaluation(): no dropout");
}

void add_models(py::module_& m) {
  py::class_<ParameterList>(m, "Parameters", "Tensors by name")
      .def("__getitem__", &named)
      .def("keys", &names_of)
      .def("__len__", [](const ParameterList& list) { return list.size(); })
      .def("__iter__", [](const ParameterList& list) { return py::iter(py::cast(names_of(list))); })
      .def("save", [](const ParameterList& list, const std::string& path) { data::save(path, list); })
      .def("load", [](const ParameterList& list, const std::string& path) {
        return data::load(stored_in(path), list, {}, path).text();
      });
  py::class_<Scope>(m, "Scope", "Gives parameters their names and first numbers")
      .def(py::init([](std::uint64_t seed, const std::string& dtype) {
             return Scope(Seed{seed}, {.dtype = dtype_named(dtype)});
           }),
           "seed"_a = 0, "dtype"_a = "f32")
      .def("__truediv__", [](const Scope& scope, const std::string& name) { return scope / name; })
      .def_property_readonly("parameters", &Scope::parameters);
  using SA = nn::SABlockOptions;
  py::class_<nn::SABlock>(m, "SABlock", "MONAI's self-attention block")
      .def(py::init([](const Scope& scope, const py::kwargs& given) {
        return nn::SABlock(
            scope, options<SA>(given, "hidden_size", &SA::hidden_size, "num_heads", &SA::num_heads,
                               "qkv_bias", &SA::qkv_bias, "causal", &SA::causal, "sequence_length",
                               &SA::sequence_length, "use_combined_linear", &SA::use_combined_linear));
      }))
      .def("__call__", [](const nn::SABlock& block, const Tensor& x) { return block(x); });
  using Decoder = nn::DecoderOnlyTransformerOptions;
  py::class_<nn::DecoderOnlyTransformer>(m, "DecoderOnlyTransformer", "MONAI's decoder-only transformer")
      .def(py::init([](const Scope& scope, const py::kwargs& given) {
        return nn::DecoderOnlyTransformer(
            scope,
            options<Decoder>(given, "num_tokens", &Decoder::num_tokens, "max_seq_len", &Decoder::max_seq_len,
                             "attn_layers_dim", &Decoder::attn_layers_dim, "attn_layers_depth",
                             &Decoder::attn_layers_depth, "attn_layers_heads", &Decoder::attn_layers_heads,
                             "mlp_dim", &Decoder::mlp_dim, "dropout_rate", &Decoder::dropout_rate, "qkv_bias",
                             &Decoder::qkv_bias, "causal", &Decoder::causal, "unused_norm",
                             &Decoder::unused_norm, "final_norm", &Decoder::final_norm, "use_combined_linear",
                             &Decoder::use_combined_linear));
      }))
      .def("__call__",
           [](const nn::DecoderOnlyTransformer& model, const Tensor& tokens) { return model(tokens); });
  using ViT = nn::ViTOptions;
  py::class_<nn::ViT>(m, "ViT", "MONAI's vision transformer")
      .def(py::init([](const Scope& scope, const py::kwargs& given) {
        return nn::ViT(
            scope, options<ViT>(given, "in_channels", &ViT::in_channels, "img_size", &ViT::img_size,
                                "patch_size", &ViT::patch_size, "hidden_size", &ViT::hidden_size, "mlp_dim",
                                &ViT::mlp_dim, "num_layers", &ViT::num_layers, "num_heads", &ViT::num_heads,
                                "classification", &ViT::classification, "num_classes", &ViT::num_classes,
                                "spatial_dims", &ViT::spatial_dims, "post_activation", &ViT::post_activation,
                                "dropout_rate", &ViT::dropout_rate, "qkv_bias", &ViT::qkv_bias, "unused_norm",
                                &ViT::unused_norm, "use_combined_linear", &ViT::use_combined_linear));
      }))
      .def("__call__", [](const nn::ViT& model, const Tensor& x) { return model(x); });
  py::class_<Traced>(m, "Trace",
                     "with Trace(\"blocks.*.attn.weights\") as trace: what goes on there is trace[name]")
      .def(py::init([](const py::args& wanted) {
        auto traced = std::make_unique<Traced>();
        traced->wanted =
            wanted.empty() ? std::vector<std::string>{"*"} : wanted.cast<std::vector<std::string>>();
        return traced;
      }))
      .def(
          "change",
          [](Traced& t, const std::string& name, nn::Trace::Change f) {
            t.changes.emplace_back(name, f);
            if (t.live) t.live->change(name, std::move(f));
          },
          "What goes on under that name is what f gives")
      .def(
          "__enter__",
          [](Traced& t) -> Traced& {
            t.enter();
            return t;
          },
          py::return_value_policy::reference_internal)
      .def("__exit__", [](Traced& t, const py::args&) { t.leave(); })
      .def("__getitem__", &Traced::at)
      .def("keys", [](const Traced& t) {
        std::vector<std::string> names;
        for (const auto& [name, x] : t.seen) names.push_back(name);
        return names;
      });
  using Adam = optim::AdamWOptions;
  py::class_<optim::AdamW>(m, "AdamW")
      .def(py::init([](const ParameterList& list, const py::kwargs& given) {
        return std::make_unique<optim::AdamW>(
            list, options<Adam>(given, "lr", &Adam::lr, "betas", &Adam::betas, "eps", &Adam::eps,
                                "weight_decay", &Adam::weight_decay));
      }))
      .def("step", [](optim::AdamW& adam) { adam.step(); })
      .def("zero_grad", [](optim::AdamW& adam) { adam.zero_grad(); })
      .def_property(
          "lr", [](const optim::AdamW& adam) { return adam.lr(); },
          [](optim::AdamW& adam, double lr) { adam.set_lr(0, lr); });
}

}  // namespace

PYBIND11_MODULE(_lockstep, m) {
  py::register_exception<Error>(m, "LockstepError", PyExc_ValueError);
  add_tensor(m), add_ops(m), add_models(m);
}
