// kind "init": an initialiser on PyTorch's numbers.
#include "nn/init.h"

#include "nn/scope.h"
#include "tests/conformance/kinds.h"
#include "tests/conformance/options.h"

namespace lockstep::conformance {
namespace {

using nlohmann::json;

FanMode fan_mode_from(const std::string& name) {
  check(name == "fan_in" || name == "fan_out", "unknown mode '{}'", name);
  return name == "fan_in" ? FanMode::fan_in : FanMode::fan_out;
}

Nonlinearity nonlinearity_from(const std::string& name) {
  static const std::map<std::string, Nonlinearity> known = {{"linear", Nonlinearity::linear},
                                                            {"conv1d", Nonlinearity::linear},
                                                            {"conv2d", Nonlinearity::linear},
                                                            {"conv3d", Nonlinearity::linear},
                                                            {"conv_transpose1d", Nonlinearity::linear},
                                                            {"conv_transpose2d", Nonlinearity::linear},
                                                            {"conv_transpose3d", Nonlinearity::linear},
                                                            {"sigmoid", Nonlinearity::sigmoid},
                                                            {"tanh", Nonlinearity::tanh},
                                                            {"relu", Nonlinearity::relu},
                                                            {"leaky_relu", Nonlinearity::leaky_relu},
                                                            {"selu", Nonlinearity::selu}};
  const auto found = known.find(name);
  check(found != known.end(), "unknown nonlinearity '{}'", name);
  return found->second;
}

// The rule's fields by the names of torch.nn.init's arguments.
struct FieldsOf {
  Fields operator()(init::Constant& r) const { return {{"val", field(r.value)}}; }
  Fields operator()(init::Given&) const { return {}; }
  Fields operator()(init::Uniform& r) const { return {{"a", field(r.low)}, {"b", field(r.high)}}; }
  Fields operator()(init::Normal& r) const { return {{"mean", field(r.mean)}, {"std", field(r.std)}}; }
  Fields operator()(init::TruncNormal& r) const {
    return {{"mean", field(r.mean)}, {"std", field(r.std)}, {"a", field(r.low)}, {"b", field(r.high)}};
  }
  Fields operator()(init::KaimingNormal& r) const { return kaiming(r); }
  Fields operator()(init::KaimingUniform& r) const { return kaiming(r); }
  Fields operator()(init::XavierNormal& r) const { return {{"gain", field(r.gain)}}; }
  Fields operator()(init::XavierUniform& r) const { return {{"gain", field(r.gain)}}; }
  Fields operator()(init::Orthogonal& r) const { return {{"gain", field(r.gain)}}; }
  Fields operator()(init::Eye&) const { return {}; }
  Fields operator()(init::Dirac& r) const { return {{"groups", field(r.groups)}}; }
  Fields operator()(init::Sparse& r) const {
    return {{"sparsity", field(r.sparsity)}, {"std", field(r.std)}};
  }

  template <typename Kaiming>
  static Fields kaiming(Kaiming& r) {
    r.a = 0;  // PyTorch's default for the function; its layers pass sqrt(5)
    return {{"a", field(r.a)},
            {"mode", word(r.mode, fan_mode_from)},
            {"nonlinearity", word(r.nonlinearity, nonlinearity_from)}};
  }
};

void run_init(Case& test) {
  const json& config = test.config();
  InitRule rule = init_from(config.at("init"));
  read_options(config.at("args"), std::visit(FieldsOf{}, rule));
  const DType dtype = config.at("dtype") == "f32" ? DType::f32 : DType::f64;
  const Scope root(Seed{config.at("seed").get<std::uint64_t>()}, {.dtype = dtype, .rng = Rng::torch});
  test.expect("outputs/0",
              root.parameter("x", Dims(config.at("shape").get<std::vector<std::int64_t>>()), rule).detach());
}

}  // namespace

void add_init(Kinds& kinds) { kinds["init"] = run_init; }

}  // namespace lockstep::conformance
