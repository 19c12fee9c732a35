// lockstep bench, and bench efficiency, attention, tape, start
#include <filesystem>
#include <iostream>

#include "train/bench/attention.h"
#include "train/bench/efficiency.h"
#include "train/bench/gpu.h"
#include "train/bench/start.h"
#include "train/bench/steps.h"
#include "train/bench/tape.h"
#include "train/cli/commands.h"
#include "train/cli/device.h"
#include "train/text/terminal.h"

namespace lockstep::train::cli {

namespace {

struct BenchGiven {
  std::vector<std::string> models;
  BenchModel own;  // sizes that were given
  BenchOptions options;
  bool first_step = false, json = false;
  AskedDevice device;
  std::vector<std::int64_t> runs = GpuBenchOptions{}.runs;
  std::int64_t beside = 1;
};

// The models asked for, with the sizes that were given in place of theirs.
std::vector<BenchModel> chosen_models(const BenchGiven& given) {
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

// An option of the processor's with a GPU, or the other way round, would do nothing.
void check_device_options(const CLI::App& bench, bool on_gpu) {
  for (const char* const option : {"--threads", "--first-step"}) {
    check(!on_gpu || bench.count(option) == 0,
          "[bench] {} is for steps on the processor: leave it out, or --device cuda", option);
  }
  for (const char* const option : {"--runs", "--beside"}) {
    check(on_gpu || bench.count(option) == 0,
          "[bench] {} is for trainings on a GPU: leave it out, or add --device cuda", option);
  }
  check(bench.count("--beside") == 0 || bench.count("--profile") > 0,
        "[bench] --beside is about the kernels of a profile: leave it out, or add --profile");
}

int steps(const BenchGiven& given) {
  BenchOptions options = given.options;
  options.models = chosen_models(given);
  if (*given.device == "cuda") {
    device_for("cuda", {});
    bench_gpu({options.models, options.attention, given.runs, options.seconds, options.profile, given.beside},
              given.json, output_width(), [](const std::string& text) { std::cout << text << std::flush; });
    return 0;
  }
  if (given.first_step) {
    const double clock =
        clock_after_first_step(options.models.front(), options.attention.front() == "combined");
    std::cout << fmt::format("{:.6f}\n", clock);
    return 0;
  }
  const std::vector<StepResult> results = bench_steps(options);
  std::cout << (given.json ? to_json(results) : to_text(results, output_width()));
  return 0;
}

void add_list(CLI::App& command, const char* name, auto& list, const char* help) {
  command.add_option(name, list, help)->delimiter(',');
}

// Rows appear as they are measured, unless they are wanted as JSON.
void show_text(bool json, const std::string& text) {
  if (!json) std::cout << text << std::flush;
}

void add_attention(CLI::App& bench, Session& session) {
  auto options = std::make_shared<AttentionBenchOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command = bench.add_subcommand("attention", "attention alone, by tokens and size of a head");
  add_numbers(*command, "--tokens", options->tokens, count_range, "tokens of the sequence");
  add_numbers(*command, "--head-sizes", options->head_sizes, count_range, "sizes of a head");
  add_list(*command, "--mask", options->masks, "causal or none, or several: causal,none; default: both");
  add_number(*command, "--heads", options->heads, count_range, "heads");
  add_number(*command, "--threads", options->threads, threads_range, "threads");
  add_number(*command, "--seconds", options->seconds, seconds_range, "to measure a row");
  command->add_flag("--json", *json, "as JSON");
  command->callback([options, json, &session] {
    session.action = [options, json] {
      const Table table = attention_table(output_width());
      show_text(*json, table.head());
      const auto results = bench_attention(
          *options, [&](const AttentionResult& r) { show_text(*json, table.row(cells_of(r))); });
      if (*json) std::cout << to_json(*options, results);
      return 0;
    };
  });
}

void add_efficiency(CLI::App& bench, Session& session) {
  auto options = std::make_shared<EfficiencyOptions>();
  auto json = std::make_shared<bool>(false);
  CLI::App* command = bench.add_subcommand(
      "efficiency", "combined against separate q, k and v: time and memory, by width and tokens");
  add_numbers(*command, "--widths", options->widths, count_range, "widths of the block");
  add_numbers(*command, "--tokens", options->tokens, count_range, "tokens of a batch");
  add_number(*command, "--threads", options->threads, threads_range, "threads");
  add_number(*command, "--seconds", options->seconds, seconds_range, "to measure a row");
  command->add_flag("--json", *json, "as JSON");
  command->callback([options, json, &session] {
    session.action = [options, json] {
      const Table table = efficiency_table(output_width());
      show_text(*json, table.head());
      const auto results = bench_efficiency(
          *options, [&](const EfficiencyResult& r) { show_text(*json, table.row(cells_of(r))); });
      std::cout << (*json ? to_json(*options, results) : efficiency_verdict(results, output_width()));
      return 0;
    };
  });
}

// A part of the benchmark without options of its own.
template <typename Measure>
void add_plain(CLI::App& bench, Session& session, const char* name, const char* help, Measure measure) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = bench.add_subcommand(name, help);
  command->add_flag("--json", *json, "as JSON");
  command->callback([json, measure, &session] {
    session.action = [json, measure] {
      const auto results = measure();
      std::cout << (*json ? to_json(results) : to_text(results, output_width()));
      return 0;
    };
  });
}

}  // namespace

void add_bench(CLI::App& app, Session& session) {
  auto given = std::make_shared<BenchGiven>();
  CLI::App* bench =
      app.add_subcommand("bench", "how long training steps take, beside what the machine allows");
  bench->require_subcommand(0, 1);
  add_list(*bench, "--model", given->models, "toy, copy, char or baby, or several: toy,copy; default: all");
  add_list(*bench, "--attention", given->options.attention,
           "combined or separate, or several: combined,separate; default: both");
  add_numbers(*bench, "--threads", given->options.threads, threads_range, "numbers of threads");
  add_number(*bench, "--seconds", given->options.seconds, seconds_range,
             "to measure a model with a number of threads");
  given->device = add_device(*bench, "the processor");
  add_numbers(*bench, "--runs", given->runs, count_range, "on a GPU, how many trainings at once");
  const auto size = [&](const char* name, std::int64_t& member, const char* help) {
    add_number(*bench, name, member, count_range, std::string(help) + "; default: that model's");
  };
  size("--vocabulary", given->own.vocabulary, "of a model of your own: what differs from --model (or copy)");
  size("--tokens", given->own.tokens, "tokens of a sequence");
  size("--width", given->own.width, "width of the layers");
  size("--heads", given->own.heads, "heads of attention");
  size("--layers", given->own.layers, "blocks");
  size("--batch", given->own.batch, "sequences of a step");
  bench->add_flag("--profile", given->options.profile,
                  "where the time of a step goes: by op, on a GPU by kernel");
  add_number(*bench, "--beside", given->beside, count_range,
             "on a GPU, what each kernel of the profile costs where so many trainings share the card");
  bench->add_flag("--first-step", given->first_step,
                  "one step on one thread, then print the clock (CLOCK_MONOTONIC, s), and no more");
  bench->add_flag("--json", given->json, "as JSON");
  add_efficiency(*bench, session);
  add_attention(*bench, session);
  add_plain(*bench, session, "tape", "what recording an op and walking back costs", bench_tape);
  add_plain(*bench, session, "start", "from the start of a process to its first finished step",
            [] { return bench_start(std::filesystem::read_symlink("/proc/self/exe")); });
  bench->callback([given, bench, &session] {
    if (!bench->get_subcommands().empty()) return;
    session.action = [given, bench] {
      check_device_options(*bench, *given->device == "cuda");
      return steps(*given);
    };
  });
}

}  // namespace lockstep::train::cli
