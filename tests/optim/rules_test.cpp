// What every rule must do, by its name in the factory: resume bit for bit, move between storages, refuse
// options that make no sense. Its numbers are PyTorch's, see tests/conformance.
#include <gtest/gtest.h>

#include "optim/factory.h"
#include "tests/optim/model.h"

namespace lockstep::optim {
namespace {

struct RuleCase {
  std::string name;
  Settings settings;
};

std::ostream& operator<<(std::ostream& out, const RuleCase& rule) { return out << rule.name; }

// With all that a rule can remember.
std::vector<RuleCase> every_rule() {
  const Setting yes = true;
  std::vector<RuleCase> all = {
      {"sgd", {{"lr", 0.1}, {"momentum", 0.9}}},
      {"adam", {{"lr", 0.01}, {"amsgrad", yes}}},
      {"adamw", {{"lr", 0.01}}},
      {"adamax", {{"lr", 0.01}}},
      {"nadam", {{"lr", 0.01}}},
      {"radam", {{"lr", 0.01}}},
      {"rmsprop", {{"lr", 0.01}, {"momentum", 0.9}, {"centered", yes}}},
      {"adagrad", {{"lr", 0.1}, {"lr_decay", 0.1}, {"initial_accumulator_value", 0.5}}},
      {"adadelta", {}},
      {"rprop", {}},
  };
  for (const std::string by : {"tensor", "part", "head"}) {
    all.push_back({"adafactor", {{"direction_by", by}, {"scale_by", by}}});
    all.push_back({"muon", {{"lr", 0.02}, {"direction_by", by}, {"scale_by", by}}});
    all.push_back({"lamb", {{"lr", 0.01}, {"scale_by", by}}});
    all.push_back({"lars", {{"lr", 0.1}, {"momentum", 0.9}, {"weight_decay", 0.1}, {"scale_by", by}}});
  }
  return all;
}

void train(ParameterList& model, Optimizer& optimizer, int from, int to) {
  for (int step = from; step < to; ++step) {
    set_gradients(model, step);
    optimizer.step();
  }
}

class EveryRule : public testing::TestWithParam<RuleCase> {
 protected:
  std::unique_ptr<Optimizer> make(const ParameterList& model) const {
    return make_optimizer(GetParam().name, model, GetParam().settings);
  }
  // Whether the rule takes each of q, k and v, or less, for itself, so that storage makes no difference to
  // it.
  bool by_part() const {
    const auto by = GetParam().settings.find("scale_by");
    return by == GetParam().settings.end() || by->second != Setting("tensor");
  }
};

TEST_P(EveryRule, ResumesBitForBit) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    ParameterList model = combined_qkv(0, dtype), resumed = combined_qkv(1, dtype);
    const auto whole = make(model);
    train(model, *whole, 0, 3);
    const OptimizerState saved = clone(whole->state());
    copy_values(resumed, model);
    train(model, *whole, 3, 7);
    const auto rest = make(resumed);
    rest->load_state(saved);
    train(resumed, *rest, 3, 7);
    EXPECT_EQ(all_values(resumed), all_values(model));
  }
}

TEST_P(EveryRule, ForgetsNothingThatMatters) {  // or the test above would prove nothing
  ParameterList model = combined_qkv(0), resumed = combined_qkv(1);
  const auto whole = make(model);
  train(model, *whole, 0, 3);
  copy_values(resumed, model);
  train(model, *whole, 3, 7);
  train(resumed, *make(resumed), 3, 7);
  EXPECT_NE(all_values(resumed), all_values(model));
}

TEST_P(EveryRule, TakesNoStepWhereTheLossIsNotFinite) {
  ParameterList model = combined_qkv(0);
  const auto optimizer = make(model);
  train(model, *optimizer, 0, 2);
  const std::vector<double> before = all_values(model);
  OptimizerState state = clone(optimizer->state());
  set_gradients(model, 2);
  optimizer->step(full({}, std::nan("")));
  EXPECT_EQ(all_values(model), before);
  state.erase("step");
  state.erase("mu_product");  // NAdam's, which goes with the count
  for (const auto& [slot, tensors] : state)
    EXPECT_EQ(all_values(optimizer->state().at(slot)), all_values(tensors));
  set_gradients(model, 3);
  optimizer->step(full({}, 1));
  EXPECT_NE(all_values(model), before);
}

TEST_P(EveryRule, MovesFromCombinedToSeparateStorage) {
  ParameterList combined = combined_qkv(0, DType::f64), separate = separate_qkv(0, DType::f64);
  const auto one = make(combined);
  if (!by_part() && GetParam().name == "adafactor") {
    EXPECT_THROW(make(separate)->load_state(one->state()), Error);  // q, k and v have no moments of their own
    return;
  }
  train(combined, *one, 0, 3);
  const auto three = make(separate);
  three->load_state(one->state());
  if (!by_part()) return;
  for (std::size_t i = 0, row = 0; i < separate.size(); ++i) {
    for (std::int64_t j = 0; j < separate[i].tensor.numel(); ++j, ++row) {
      separate[i].tensor.data<double>()[j] = combined[0].tensor.data<double>()[row];
    }
  }
  train(combined, *one, 3, 6);
  train(separate, *three, 3, 6);
  const std::vector<double> a = all_values(combined), b = all_values(separate);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12);
}

TEST_P(EveryRule, RefusesNegativeRatesAndUnknownOptions) {
  const ParameterList model = combined_qkv(0);
  const auto error_of = [&](const std::string& key, const Setting& value) -> std::string {
    Settings settings = GetParam().settings;
    settings[key] = value;
    try {
      make_optimizer(GetParam().name, model, settings);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(error_of("lr", -0.5).find("lr must be 0 or more, got -0.5"), std::string::npos)
      << error_of("lr", -0.5);
  EXPECT_NE(error_of("speed", 1.0).find("has no option \"speed\"; it has lr"), std::string::npos);
  const Settings known = default_settings(GetParam().name);
  for (const char* option : {"weight_decay", "momentum", "eps", "alpha", "lr_decay", "momentum_decay"}) {
    if (!known.contains(option) || !std::holds_alternative<double>(known.at(option))) continue;
    EXPECT_NE(error_of(option, -1.0).find("must be 0 or more"), std::string::npos) << option;
  }
  if (known.contains("betas")) {
    EXPECT_NE(error_of("betas", std::vector{0.9, 1.0}).find("betas must be 0 or more and less than 1, got 1"),
              std::string::npos);
  }
  for (const char* execution : {"foreach", "fused", "capturable", "differentiable"}) {
    EXPECT_EQ(error_of(execution, true), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Optimizer, EveryRule, testing::ValuesIn(every_rule()), [](const auto& rule) {
  const auto by = rule.param.settings.find("scale_by");
  return rule.param.name +
         (by == rule.param.settings.end() ? "" : "_by_" + std::get<std::string>(by->second));
});

TEST(Rules, EveryNameHasACase) {
  std::set<std::string> tested = {"muon+adam"};
  for (const RuleCase& rule : every_rule()) tested.insert(rule.name);
  for (const std::string& name : optimizer_names()) EXPECT_TRUE(tested.contains(name)) << name;
}

// A combined bias whose k part has another gradient: by part, q and v do not notice.
TEST(Rules, VectorsByPartDoNotMeetTheKeyBias) {
  constexpr std::int64_t d = model_d;
  const auto stepped = [](const std::string& rule, const std::string& vectors_by, double of_k) {
    ParameterList model = {{"qkv.bias",
                            full({3 * d}, 0.5),
                            {{"q.bias", 0, d, 2}, {"k.bias", d, 2 * d, 2}, {"v.bias", 2 * d, 3 * d, 2}}}};
    model[0].tensor.set_requires_grad();
    Settings settings = {{"lr", 0.1}, {"scale_by", std::string("tensor")}, {"vectors_by", vectors_by}};
    if (rule != "adafactor") settings["always_adapt"] = Setting(true);
    if (rule == "lamb") settings["max_grad_norm"] = Setting();  // the joint norm has all parts
    const auto optimizer = make_optimizer(rule, model, settings);
    for (int step = 0; step < 2; ++step) {
      const Tensor gradient = full({3 * d}, 0.01 + step);
      std::fill_n(gradient.data<float>() + d, d, static_cast<float>(step == 0 ? of_k : 0.1));
      model[0].tensor.set_grad(gradient);
      optimizer->step();
    }
    return model[0].tensor.to_vector()[0];
  };
  for (const std::string rule : {"lamb", "lars", "adafactor"}) {
    EXPECT_EQ(stepped(rule, "part", 1e-3), stepped(rule, "part", 10)) << rule;
    EXPECT_NE(stepped(rule, "tensor", 1e-3), stepped(rule, "tensor", 10)) << rule;
  }
}

TEST(Rules, OptionsOfTheirOwnAreChecked) {
  const ParameterList model = combined_qkv(0);
  const auto refuses = [&](const std::string& name, const Settings& settings) {
    EXPECT_THROW(make_optimizer(name, model, settings), Error) << name;
  };
  const Setting yes = true;
  refuses("sgd", {{"nesterov", yes}});
  refuses("sgd", {{"nesterov", yes}, {"momentum", 0.9}, {"dampening", 0.1}});
  refuses("lars", {{"nesterov", yes}});
  refuses("adadelta", {{"rho", 1.5}});
  refuses("rprop", {{"etas", std::vector{0.5, 0.9}}});
  refuses("rprop", {{"etas", std::vector{1.5, 1.2}}});
  refuses("adafactor", {{"d", 0.5}});
  refuses("adafactor", {{"beta2_decay", 0.5}});
  refuses("adafactor", {{"eps", std::vector{-1.0, 1e-3}}});
  refuses("muon", {{"ns_steps", 100.0}});
  refuses("muon", {{"adjust_lr_fn", std::string("fastest")}});
  refuses("adam", {{"lr", std::nan("")}});
}

}  // namespace
}  // namespace lockstep::optim
