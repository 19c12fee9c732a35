// The library for Python: the module lockstep._lockstep, which the package lockstep/ is built upon.
#include <pybind11/functional.h>
#include <pybind11/operators.h>
#include <pybind11/stl.h>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/print.h"
#include "data/tasks/task.h"
#include "data/weights/weights.h"
#include "nn/nn.h"
#include "optim/adamw.h"
#include "train/python/numpy.h"
#include "train/python/options.h"

PYBIND11_MAKE_OPAQUE(lockstep::ParameterList)  // not a list of its own in Python

namespace py = pybind11;
using namespace lockstep;
using namespace pybind11::literals;

namespace {

void add_tensor(py::module_& m) {
  py::class_<Tensor> tensor(m, "Tensor", "A strided array with a gradient; shares its memory with NumPy");
  tensor.def(py::init([](const py::array& x) { return from_numpy(x, false); }))
      .def("numpy", to_numpy, "This tensor's memory as an array")
      .def("__array__", [](const Tensor& x, const py::args&) { return to_numpy(x); })
      .def("__repr__", [](const Tensor& x) { return fmt::format("{}", x); })
      .def("__len__", [](const Tensor& x) { return x.size(0); })
      .def("__getitem__",
           [](const Tensor& x, std::int64_t i) {
             if (i >= x.size(0)) throw py::index_error(fmt::format("index {} of {}", i, x.size(0)));
             return x[i];  // from the end where negative
           })
      .def_property_readonly("shape", shape_of)
      .def_property_readonly("dtype", [](const Tensor& x) { return std::string(name_of(x.dtype())); })
      .def_property("requires_grad", &Tensor::requires_grad, &Tensor::set_requires_grad)
      .def_property_readonly(
          "grad", [](const Tensor& x) { return x.grad().defined() ? std::optional(x.grad()) : std::nullopt; })
      .def("item", &Tensor::item)
      .def("detach", &Tensor::detach)
      .def("zero_grad", &Tensor::zero_grad)
      .def("backward", [](const Tensor& x) { backward(x); })
      .def("reshape",
           [](const Tensor& x, const std::vector<std::int64_t>& shape) { return reshape(x, Dims(shape)); })
      .def(-py::self)
      .def("__matmul__", &matmul)
      .def("__pow__", [](const Tensor& x, double exponent) { return pow(x, exponent); });
  const auto add_operator = [&](auto op) {
    tensor.def(op(py::self, py::self)).def(op(py::self, double())).def(op(double(), py::self));
  };
  add_operator(std::plus()), add_operator(std::minus());
  add_operator(std::multiplies()), add_operator(std::divides());
  py::implicitly_convertible<py::array, Tensor>();
}

void add_ops(py::module_& m) {
  const std::pair<const char*, Tensor (*)(const Tensor&)> elementwise[] = {
      {"abs", abs},           {"exp", exp}, {"log", log},   {"sqrt", sqrt}, {"rsqrt", rsqrt},
      {"square", square},     {"sin", sin}, {"cos", cos},   {"tanh", tanh}, {"sigmoid", sigmoid},
      {"softplus", softplus}, {"erf", erf}, {"relu", relu}, {"silu", silu}, {"selu", selu}};
  const std::pair<const char*, Tensor (*)(const Tensor&, const DimList&, bool)> reductions[] = {
      {"sum", sum},   {"mean", mean},           {"max", max},  {"min", min},
      {"prod", prod}, {"logsumexp", logsumexp}, {"norm", norm}};
  for (const auto& [name, op] : elementwise) m.def(name, op);
  py::class_<DimList>(m, "DimList").def(py::init<std::vector<int>>());
  py::implicitly_convertible<std::vector<int>, DimList>();
  for (const auto& [name, op] : reductions) m.def(name, op, "x"_a, "dims"_a = DimList(), "keepdim"_a = false);
  m.def("gelu", [](const Tensor& x) { return gelu(x); })
      .def("matmul", matmul)
      .def("where", where)
      .def("softmax", softmax, "x"_a, "dim"_a = -1)
      .def("log_softmax", log_softmax, "x"_a, "dim"_a = -1)
      .def("transpose", transpose)
      .def("permute", permute)
      .def("cat", cat, "parts"_a, "dim"_a = 0)
      .def("stack", stack, "parts"_a, "dim"_a = 0)
      .def("slice", slice, "x"_a, "dim"_a, "start"_a, "stop"_a, "step"_a = 1)
      .def("linear", linear, "x"_a, "weight"_a, "bias"_a = Tensor(), "plus"_a = Tensor())
      .def("layer_norm", layer_norm, "x"_a, "weight"_a = Tensor(), "bias"_a = Tensor(), "eps"_a = 1e-5)
      .def("embedding", [](const Tensor& weight, const Tensor& index) { return embedding(weight, index); })
      .def("cross_entropy",
           [](const Tensor& logits, const Tensor& target) { return cross_entropy(logits, target); })
      .def("mse_loss", [](const Tensor& x, const Tensor& y) { return mse_loss(x, y); });
  const auto attend = [](const Tensor& q, const Tensor& k, const Tensor& v, bool causal) {
    return attention(q, k, v, {.causal = causal});
  };
  const auto gradients = [](const Tensor& y, const std::vector<Tensor>& inputs, bool create_graph) {
    return grad(y, inputs, {}, {.create_graph = create_graph, .retain_graph = true});
  };
  m.def("attention", attend, "q"_a, "k"_a, "v"_a, "causal"_a = false);
  m.def("grad", gradients, "y"_a, "inputs"_a, "create_graph"_a = false);
  m.def("from_numpy", from_numpy, "array"_a, "requires_grad"_a = false);
}

// A module by MONAI's name, with its options as keywords.
template <typename Module>
void add_module(py::module_& m, const char* name, auto options_from) {
  const auto make = [=](const Scope& scope, const py::kwargs& given) {
    return Module(scope, options_from(given));
  };
  const auto call = [](const Module& module, const Tensor& x) { return module(x); };
  py::class_<Module>(m, name).def(py::init(make)).def("__call__", call);
}

void add_models(py::module_& m) {
  const auto names_of = [](const ParameterList& list) {
    py::list names;
    for (const Parameter& parameter : list) names.append(parameter.name);
    return names;
  };
  py::class_<ParameterList>(m, "Parameters", "Tensors by name")
      .def("__getitem__",
           [](const ParameterList& list, const std::string& name) {
             const auto found = std::ranges::find(list, name, &Parameter::name);
             check(found != list.end(), "there is no parameter {}", name);
             return found->tensor;
           })
      .def("keys", names_of)
      .def("__len__", &ParameterList::size)
      .def("__iter__", [=](const ParameterList& list) { return py::iter(names_of(list)); })
      .def("save", [](const ParameterList& list, const std::string& path) { data::save(path, list); })
      .def("load", [](const ParameterList& list, const std::string& path) {
        const bool is_checkpoint = data::is_hdf5(path) && h5::File::open_foreign(path).has_group("weights");
        const auto weights = is_checkpoint ? data::weights_in(h5::File::open_foreign(path).group("weights"))
                                           : data::open_weights(path);
        return data::load(weights, list, {}, path).text();
      });
  const auto scope_of = [](std::uint64_t seed, const std::string& dtype) {
    return Scope(Seed{seed}, {.dtype = dtype_named(dtype)});
  };
  py::class_<Scope>(m, "Scope", "Gives parameters their names and first numbers")
      .def(py::init(scope_of), "seed"_a = 0, "dtype"_a = "f32")
      .def("__truediv__", [](const Scope& scope, const std::string& name) { return scope / name; })
      .def_property_readonly("parameters", &Scope::parameters);
  add_module<nn::SABlock>(m, "SABlock", [](const py::kwargs& given) {
    using O = nn::SABlockOptions;
    return options_of<O>(given, FIELD(hidden_size), FIELD(num_heads), FIELD(qkv_bias), FIELD(causal),
                         FIELD(sequence_length), FIELD(use_combined_linear));
  });
  add_module<nn::DecoderOnlyTransformer>(m, "DecoderOnlyTransformer", [](const py::kwargs& given) {
    using O = nn::DecoderOnlyTransformerOptions;
    return options_of<O>(given, FIELD(num_tokens), FIELD(max_seq_len), FIELD(attn_layers_dim),
                         FIELD(attn_layers_depth), FIELD(attn_layers_heads), FIELD(mlp_dim),
                         FIELD(dropout_rate), FIELD(qkv_bias), FIELD(causal), FIELD(unused_norm),
                         FIELD(final_norm), FIELD(use_combined_linear));
  });
  add_module<nn::ViT>(m, "ViT", [](const py::kwargs& given) {
    using O = nn::ViTOptions;
    return options_of<O>(given, FIELD(in_channels), FIELD(img_size), FIELD(patch_size), FIELD(hidden_size),
                         FIELD(mlp_dim), FIELD(num_layers), FIELD(num_heads), FIELD(classification),
                         FIELD(num_classes), FIELD(spatial_dims), FIELD(post_activation), FIELD(dropout_rate),
                         FIELD(qkv_bias), FIELD(unused_norm), FIELD(use_combined_linear));
  });
  const auto adam_of = [](const ParameterList& list, const py::kwargs& given) {
    using O = optim::AdamWOptions;
    return std::make_unique<optim::AdamW>(
        list, options_of<O>(given, FIELD(lr), FIELD(betas), FIELD(eps), FIELD(weight_decay)));
  };
  py::class_<optim::AdamW>(m, "AdamW")
      .def(py::init(adam_of))
      .def("step", [](optim::AdamW& adam) { adam.step(); })
      .def("zero_grad", &optim::AdamW::zero_grad)
      .def_property(
          "lr", [](optim::AdamW& adam) { return adam.lr(); },
          py::overload_cast<double>(&optim::Optimizer::set_lr));
}

// lockstep/contexts.py makes contexts of them: each lives from __enter__ to __exit__.
void add_guards(py::module_& m) {
  py::class_<NoGrad>(m, "NoGradGuard").def(py::init());
  py::class_<nn::EvaluationMode>(m, "EvaluationGuard").def(py::init());
  py::class_<nn::Trace>(m, "TraceGuard")
      .def(py::init<std::vector<std::string>>())
      .def("change", &nn::Trace::change)
      .def("names", &nn::Trace::names)
      .def("__getitem__", &nn::Trace::operator[]);
}

// What lockstep train trains on.
void add_tasks(py::module_& m) {
  m.def("task", [](const std::string& name) {
    const data::TaskShape shape = data::make_task(name, 0)->shape();
    return py::dict("images"_a = shape.images, "causal"_a = shape.causal, "vocabulary"_a = shape.vocabulary,
                    "length"_a = shape.length, "classes"_a = shape.classes);
  });
  const auto validation = [](const std::string& task, std::uint64_t seed, std::int64_t size) {
    const data::Batch batch = data::make_task(task, seed)->validation(0, size);
    return std::pair(batch.inputs, batch.targets);
  };
  m.def("validation", validation, "task"_a, "seed"_a = 0, "size"_a = 100);
}

}  // namespace

PYBIND11_MODULE(_lockstep, m) {
  py::register_exception<Error>(m, "LockstepError", PyExc_ValueError);
  for (const auto add : {add_tensor, add_ops, add_models, add_guards, add_tasks}) add(m);
}
