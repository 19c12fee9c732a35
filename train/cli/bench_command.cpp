// lockstep bench
#include <iostream>

#include "train/bench_steps.h"
#include "train/cli/commands.h"

namespace lockstep::train::cli {

namespace {

struct Given {
  std::vector<std::string> models;
  BenchModel own;  // sizes that were given
  BenchOptions options;
  bool json = false;
};

// The models asked for, with the sizes that were given in place of theirs.
std::vector<BenchModel> chosen_models(const Given& given) {
  constexpr std::int64_t BenchModel::*sizes[] = {&BenchModel::vocabulary, &BenchModel::tokens,
                                                 &BenchModel::width,      &BenchModel::heads,
                                                 &BenchModel::layers,     &BenchModel::batch};
  const bool any =
      std::any_of(std::begin(sizes), std::end(sizes), [&](auto size) { return given.own.*size != 0; });
  if (given.models.empty() && !any) return reference_models();
  std::vector<BenchModel> models;
  for (const std::string& name : given.models.empty() ? std::vector<std::string>{"copy"} : given.models) {
    BenchModel model = reference_model(name);
    for (const auto size : sizes) {
      if (given.own.*size != 0) model.*size = given.own.*size;
    }
    if (any) model.name += "*";
    models.push_back(model);
  }
  return models;
}

}  // namespace

void add_bench(CLI::App& app, Session& session) {
  auto given = std::make_shared<Given>();
  CLI::App* bench =
      app.add_subcommand("bench", "how long training steps take, beside what the machine allows");
  bench->add_option("--model", given->models, "toy, copy, char or baby, or several: toy,copy; default: all")
      ->delimiter(',');
  bench->add_option("--attention", given->options.attention, "combined, separate, or both")->delimiter(',');
  bench->add_option("--threads", given->options.threads, "numbers of threads")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  bench->add_option("--seconds", given->options.seconds, "to measure a model with a number of threads")
      ->check(CLI::NonNegativeNumber);
  const auto size = [&](const char* name, std::int64_t& member, const char* help) {
    bench->add_option(name, member, help)->check(CLI::PositiveNumber);
  };
  size("--vocabulary", given->own.vocabulary, "of a model of your own: what differs from --model (or copy)");
  size("--tokens", given->own.tokens, "tokens of a sequence");
  size("--width", given->own.width, "width of the layers");
  size("--heads", given->own.heads, "heads of attention");
  size("--layers", given->own.layers, "blocks");
  size("--batch", given->own.batch, "sequences of a step");
  bench->add_flag("--profile", given->options.profile, "where the time of a step goes, by op");
  bench->add_flag("--json", given->json, "as JSON");
  bench->callback([given, &session] {
    session.action = [given] {
      BenchOptions options = given->options;
      options.models = chosen_models(*given);
      const std::vector<StepResult> results = bench_steps(options);
      std::cout << (given->json ? to_json(results) : to_text(results));
      return 0;
    };
  });
}

}  // namespace lockstep::train::cli
