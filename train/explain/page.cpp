#include "train/explain/page.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "train/config/toml.h"
#include "train/explain/embedded_weights.h"
#include "train/explain/record.h"
#include "train/text/html.h"

namespace lockstep::train {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t example_count = 8;

// Sums and norms, in the order of names_of().
Json numbers(const std::vector<Recorded>& recorded) {
  Json list = Json::array();
  for (const Recorded& r : recorded) list.push_back({r.sum, r.norm, r.gradient_sum, r.gradient_norm});
  return list;
}

Json names_of(const std::vector<Recorded>& recorded) {
  Json list = Json::array();
  for (const Recorded& r : recorded) list.push_back(r.name);
  return list;
}

// At most `most` points: step in the middle, mean loss.
Json thinned(const std::vector<double>& losses, std::size_t most) {
  Json points = Json::array();
  const std::size_t group = std::max<std::size_t>(1, (losses.size() + most - 1) / most);
  for (std::size_t first = 0; first < losses.size(); first += group) {
    const std::size_t end = std::min(first + group, losses.size());
    double sum = 0;
    for (std::size_t i = first; i < end; ++i) sum += losses[i];
    const double mean = sum / static_cast<double>(end - first);
    points.push_back({static_cast<double>(first + end - 1) / 2, std::stod(fmt::format("{:.6g}", mean))});
  }
  return points;
}

Json shown_metrics(const Metrics& metrics) {
  Json validations = Json::array();
  for (const Validation& v : metrics.validations)
    validations.push_back({v.step, v.result.loss, v.result.accuracy});
  return {{"training_loss", thinned(metrics.training_loss, 400)}, {"validations", validations}};
}

Json model_of(const ExplainedRun& run, const data::TaskShape& shape) {
  const RunConfig& config = run.config();
  Json model = {{"kind", shape.images ? "image" : "tokens"},
                {"causal", shape.causal},
                {"vocabulary", shape.vocabulary},
                {"classes", shape.images ? shape.classes : shape.vocabulary},
                {"length", shape.length},
                {"first_answer", shape.first_answer},
                {"layers", config.layers},
                {"width", config.width},
                {"heads", config.heads},
                {"act", config.task == "modadd" ? "relu" : "gelu"},
                {"norms", false}};
  for (const Parameter& parameter : run.parameters()) {
    if (parameter.name == "norm.weight") model["norms"] = true;
    if (parameter.name == "blocks.0.mlp.linear1.weight") model["mlp"] = parameter.tensor.size(0);
    if (parameter.name == "patch_embedding.patch_embeddings.weight") {
      model["patch"] = parameter.tensor.size(-1);
      model["rows"] = 1;  // the class token alone leaves the last block
    }
  }
  return model;
}

Json parameters_of(const ExplainedRun& run) {
  Json list = Json::array();
  for (const Parameter& parameter : run.parameters()) {
    Json parts = Json::array(), shape = Json::array();
    for (int d = 0; d < parameter.tensor.rank(); ++d) shape.push_back(parameter.tensor.size(d));
    for (const LogicalPart& part : parameter.parts)
      parts.push_back({{"name", part.name}, {"begin", part.begin}, {"end", part.end}, {"heads", part.heads}});
    list.push_back({{"name", parameter.name}, {"shape", shape}, {"parts", parts}});
  }
  return list;
}

// Op, shape, inputs, parameters and names of each.
Json tape_of(const Record& computed) {
  Json list = Json::array();
  for (const TapeOp& op : computed.tape) {
    const std::vector<std::int64_t> shape(op.shape.begin(), op.shape.end());
    list.push_back(Json::array({op.op, shape, op.inputs, op.parameters, op.names}));
  }
  return list;
}

Json examples_of(const data::Batch& batch) {
  const std::int64_t rows = batch.inputs.size(0);
  const std::vector<double> inputs = batch.inputs.to_vector(), targets = batch.targets.to_vector();
  const auto row = [&](const std::vector<double>& all, std::int64_t i) {
    const auto width = std::ssize(all) / rows;
    return std::vector<double>(all.begin() + i * width, all.begin() + (i + 1) * width);
  };
  Json list = Json::array();
  for (std::int64_t i = 0; i < rows; ++i)
    list.push_back({{"inputs", row(inputs, i)}, {"targets", row(targets, i)}});
  return list;
}

Json settings_of(const RunConfig& config) {
  return {{"task", config.task},    {"seed", config.seed},           {"steps", config.steps},
          {"batch", config.batch},  {"attention", config.attention}, {"optimizer", config.optimizer},
          {"lr", config.lr},        {"beta1", config.beta1},         {"beta2", config.beta2},
          {"eps", config.eps},      {"momentum", config.momentum},   {"weight_decay", config.weight_decay},
          {"init", config.init},    {"matrix_lr", config.matrix_lr}, {"precision", config.precision},
          {"toml", to_toml(config)}};
}

using Bytes = std::vector<std::uint8_t>;

// Weights as they stand in the page: all of them or, where that is shorter, what to add to those of the run
// before, if there is one.
struct WrittenWeights {
  const char* key;
  std::string text;
};
WrittenWeights written(const Bytes& weights, const Bytes& before, EmbeddedType type) {
  if (!before.empty()) {
    const Bytes difference = embedded_difference(weights, before, type);
    if (difference.size() < weights.size()) return {"difference", base64(difference)};
  }
  return {"weights", base64(weights)};
}

// The chosen steps of a run, with their weights and what Lockstep computes with them on the first example.
// `before`: the weights of the first run at each, which the first run leaves there.
Json steps_of(ExplainedRun& run, const std::vector<KeptWeights>& steps,
              const std::vector<EmbeddedStep>& chosen, const data::Batch& first, std::vector<Bytes>& before) {
  Json list = Json::array();
  before.resize(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& [index, type] = chosen[i];
    run.go_to(steps[index]);
    const auto step = static_cast<std::size_t>(steps[index].step);
    Bytes weights = embedded_bytes(run.parameters(), type);
    const auto [key, text] = written(weights, before[i], type);
    const Record computed = record(run.training(), first);
    check(std::isfinite(computed.loss), "{}: the loss of step {} is not finite: there is nothing to explain",
          run.name(), step);
    const std::vector<double>& losses = run.metrics().training_loss;
    list.push_back({{"step", step},
                    {"type", type == EmbeddedType::f32 ? "f32" : "f16"},
                    {"training_loss", step < losses.size() ? Json(losses[step]) : Json()},
                    {"record",
                     {{"loss", computed.loss},
                      {"traced", numbers(computed.traced)},
                      {"parameters", numbers(computed.parameters)}}},
                    {key, text}});
    before[i] = std::move(weights);
  }
  return list;
}

// The bytes that a step of all runs takes, with so many beside its weights.
std::function<std::size_t(const EmbeddedStep&)> size_of_step(
    std::vector<ExplainedRun>& runs, const std::vector<std::vector<KeptWeights>>& steps,
    std::size_t overhead) {
  return [&runs, &steps, overhead,
          known = std::map<EmbeddedStep, std::size_t>{}](const EmbeddedStep& step) mutable {
    const auto [place, is_new] = known.emplace(step, 0);
    Bytes before;
    for (std::size_t i = 0; is_new && i < runs.size(); ++i) {
      runs[i].go_to(steps[i][step.index]);
      Bytes weights = embedded_bytes(runs[i].parameters(), step.type);
      place->second += overhead + written(weights, before, step.type).text.size();
      before = std::move(weights);
    }
    return place->second;
  };
}

// The kept steps that all runs have.
std::vector<std::vector<KeptWeights>> common_steps(const std::vector<ExplainedRun>& runs) {
  std::vector<std::vector<KeptWeights>> common;
  const auto has = [](const ExplainedRun& run, std::int64_t step) {
    return std::ranges::count(run.steps(), step, &KeptWeights::step) > 0;
  };
  for (const ExplainedRun& run : runs) {
    common.emplace_back();
    for (const KeptWeights& kept : run.steps()) {
      if (std::ranges::all_of(runs, [&](const ExplainedRun& r) { return has(r, kept.step); }))
        common.back().push_back(kept);
    }
  }
  check(!common[0].empty(), "{} and {} have no step in common: train both with the same --steps and --keep",
        runs.front().name(), runs.back().name());
  return common;
}

// The scripts in the order in which they need each other.
std::string scripts() {
  std::string all;
  for (const char* name : {"engine.js", "backward.js", "rules.js", "model.js", "check.js", "draw.js",
                           "stations.js", "attention_stations.js", "backward_stations.js", "rule_stations.js",
                           "what_if_station.js", "graph_station.js", "app.js"})
    all += fmt::format("<script nonce=\"lockstep\">\n{}</script>\n", explain_file(name));
  return all;
}

}  // namespace

ExplainPage explain_page(std::vector<ExplainedRun>& runs) {
  check(!runs.empty() && runs.size() <= 2, "a page explains one run or two, not {}", runs.size());
  if (runs.size() == 2) check_pair(runs[0], runs[1]);
  const std::vector<std::vector<KeptWeights>> steps = common_steps(runs);
  const data::TaskShape shape = runs[0].training().task().shape();
  const data::Batch examples = runs[0].training().task().validation(0, example_count);
  const data::Batch first = runs[0].training().task().validation(0, 1);
  const std::string all_scripts = scripts(), style(explain_file("style.css")),
                    page(explain_file("page.html"));

  Json data = {{"version", LOCKSTEP_VERSION},
               {"task", data::task_info(runs[0].config().task).summary},
               {"alphabet", runs[0].training().task().alphabet()},
               {"examples", examples_of(examples)},
               {"runs", Json::array()}};
  for (ExplainedRun& run : runs) {
    const Record computed = record(run.training(), first);
    data["runs"].push_back({{"name", run.name()},
                            {"settings", settings_of(run.config())},
                            {"model", model_of(run, shape)},
                            {"metrics", shown_metrics(run.metrics())},
                            {"parameters", parameters_of(run)},
                            {"tape", tape_of(computed)},
                            {"traced", names_of(computed.traced)},
                            {"stored", names_of(computed.parameters)}});
  }

  // Whatever is not weights comes first; a record is about 90 bytes a line.
  const std::size_t fixed = all_scripts.size() + style.size() + page.size() + data.dump().size() + 2'000;
  const std::int64_t weights = runs[0].weight_count();
  const std::size_t overhead =
      500 + 90 * (runs[0].parameters().size() + 20 * static_cast<std::size_t>(runs[0].config().layers));
  const std::size_t room = fixed < largest_page ? largest_page - fixed : 0;
  const std::vector<EmbeddedStep> chosen =
      choose_steps(steps[0].size(), size_of_step(runs, steps, overhead), room);
  check(!chosen.empty(),
        "{} has {} weights, and a page of at most {} MB holds {} of a run at one step: a smaller --width or "
        "fewer "
        "--layers can be explained",
        runs[0].name(), weights, largest_page / 1'000'000, room / runs.size() * 3 / 8);
  ExplainPage result;
  if (chosen.size() < steps[0].size())
    result.notes.push_back(fmt::format(
        "{} of the {} kept steps fit into {} MB{}", chosen.size(), steps[0].size(), largest_page / 1'000'000,
        chosen.back().type == EmbeddedType::f16 ? ", their weights as f16" : ""));
  else if (chosen.back().type == EmbeddedType::f16)
    result.notes.push_back("to fit, the weights are rounded to f16");
  data["notes"] = result.notes;
  std::vector<Bytes> before;
  for (std::size_t i = 0; i < runs.size(); ++i)
    data["runs"][i]["steps"] = steps_of(runs[i], steps[i], chosen, first, before);

  std::string title = fmt::format("Attention, explained: {}", runs[0].config().task);
  result.html = filled(page, {{"version", LOCKSTEP_VERSION},
                              {"title", html_escape(title)},
                              {"style", style},
                              {"scripts", all_scripts},
                              {"data", in_script(data.dump())}});
  check(result.html.size() <= largest_page, "the page of {} would be {} bytes, more than {}", runs[0].name(),
        result.html.size(), largest_page);
  return result;
}

}  // namespace lockstep::train
