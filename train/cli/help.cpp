#include "train/cli/help.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "train/text/terminal.h"
#include "train/text/text_layout.h"

namespace lockstep::train::cli {

namespace {

// Command, and what to type.
constexpr std::pair<const char*, const char*> examples[] = {
    {"study", "lockstep study muon-qkv --seeds 20 --out out/muon"},
    {"merge", "lockstep merge out/s* --out out/all"},
    {"studies", "lockstep studies"},
    {"findings", "lockstep findings muon-qkv --page findings.md"},
    {"report", "lockstep report out/default"},
    {"train", "lockstep train --task shakespeare --attention separate --out out/separate"},
    {"eval", "lockstep eval out/train-copy/checkpoint.h5"},
    {"sample", "lockstep sample out/train-shakespeare/checkpoint.h5 --prompt 'ROMEO:' --temperature 0.8"},
    {"explain", "lockstep explain out/combined out/separate --out attention.html"},
    {"diverge", "lockstep diverge out/combined out/separate --out differences.csv"},
    {"convert", "lockstep convert out/train-copy/checkpoint.h5 separate.h5 --to separate"},
    {"export", "lockstep export out/train-copy/checkpoint.h5 copy.safetensors"},
    {"inspect", "lockstep inspect copy.safetensors"},
    {"tasks", "lockstep tasks"},
    {"repro", "lockstep repro --seed 0"},
    {"doctor", "lockstep doctor"},
    {"bench", "lockstep bench --model copy --threads 1,2 --profile"},
    {"completion", "lockstep completion >> ~/.bash_completion"},
    {"manual", "lockstep manual | man -l -"},
};

std::string indented(const std::vector<std::string>& lines, int indent) {
  std::string text;
  for (const std::string& line : lines)
    text += std::string(static_cast<std::size_t>(indent), ' ') + line + "\n";
  return text;
}

}  // namespace

int terminal_width() { return std::clamp(terminal_columns(STDOUT_FILENO, 100), 40, 120); }

std::string HelpFormatter::entry(const std::string& name, const std::string& meaning) const {
  constexpr int column = 30;
  if (width_ < 2 * column) return "  " + name + "\n" + indented(wrap(meaning, width_ - 6), 6);
  std::string text = indented(wrap(meaning, width_ - column), column);
  const std::string head = "  " + name;
  if (display_width(head) + 1 > column || text.empty()) return head + "\n" + text;
  return padded(head, column) + text.substr(column);
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  return entry(make_option_name(option, is_positional) + make_option_opts(option), make_option_desc(option));
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
  return entry(command->get_name(), command->get_description());
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return indented(wrap(app->get_description(), width_), 0);
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) { return app.get_subcommands({}); }

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  return command.get_options([&](const CLI::Option* option) {
    return option->nonpositional() && option != command.get_help_ptr() &&
           option != command.get_help_all_ptr();
  });
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

void add_examples(CLI::App& app) {
  for (CLI::App* command : app.get_subcommands({})) {
    for (const auto& [name, line] : examples)
      if (command->get_name() == name) command->footer(fmt::format("Example: {}", line));
  }
}

}  // namespace lockstep::train::cli
