#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace lockstep::train::cli {

// --help in two columns, wrapped to `width`; on a narrow terminal the meaning stands under the name.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(int width) : width_(width) {}
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_description(const CLI::App* app) const override;

 private:
  std::string entry(const std::string& name, const std::string& meaning) const;

  int width_;
};

// Columns of the terminal that stdout is, between 40 and 120; 100 where it is none.
int terminal_width();

// Puts an example under the help of every command.
void add_examples(CLI::App& app);

// What a user may give: commands and options without those for everywhere (--help).
std::vector<const CLI::App*> commands_of(const CLI::App& app);
std::vector<const CLI::Option*> options_of(const CLI::App& command);
std::vector<const CLI::Option*> positionals_of(const CLI::App& command);

}  // namespace lockstep::train::cli
