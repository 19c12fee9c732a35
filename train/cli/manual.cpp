#include "train/cli/manual.h"

#include <fmt/format.h>

#include "train/cli/help.h"

namespace lockstep::train::cli {

namespace {

// Text as man(7) wants it: no minus that becomes a hyphen, no command in a first column.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += "\\&";
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string tagged(const std::string& name, const std::string& meaning) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(name), roff(meaning));
}

std::string section_of(const CLI::App& command, const std::string& before) {
  const std::string name = before + command.get_name();
  std::string usage = name;
  for (const CLI::Option* option : positionals_of(command)) usage += " " + option->get_name(true);
  std::string text = fmt::format(".SS {}\n{}.\n", roff(usage), roff(command.get_description()));
  for (const CLI::Option* option : positionals_of(command))
    text += tagged(option->get_name(true), option->get_description());
  for (const CLI::Option* option : options_of(command))
    text += tagged(option->get_name(false, true), option->get_description());
  if (const std::string example = command.get_footer(); !example.empty())
    text += fmt::format(".PP\n{}\n", roff(example));
  for (const CLI::App* inner : commands_of(command)) text += section_of(*inner, name + " ");
  return text;
}

std::string names_of(const std::vector<const CLI::Option*>& options) {
  std::string text;
  for (const CLI::Option* option : options) {
    for (const std::string& name : option->get_lnames()) text += (text.empty() ? "--" : " --") + name;
  }
  return text;
}

}  // namespace

std::string manual_page(const CLI::App& app, const std::string& version) {
  std::string text = fmt::format(
      ".TH LOCKSTEP 1 \"\" \"Lockstep {}\" \"User Commands\"\n"
      ".SH NAME\nlockstep \\- trains attention models in two configurations side by side\n"
      ".SH SYNOPSIS\n.B lockstep\nCOMMAND [OPTIONS]\n"
      ".SH DESCRIPTION\n{}\n.SH COMMANDS\n",
      version, roff(app.get_description()));
  for (const CLI::App* command : commands_of(app)) text += section_of(*command, "");
  text +=
      ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong input, 130 stopped by a signal with everything saved.\n"
      ".SH ENVIRONMENT\n" +
      tagged("NO_COLOR", "no colours") +
      tagged("LOCKSTEP_BLAS_CORE", "the kernel of OpenBLAS, in place of the one chosen; see lockstep doctor");
  return text;
}

std::string completion_script(const CLI::App& app) {
  std::string names, cases;
  for (const CLI::App* command : commands_of(app)) {
    names += (names.empty() ? "" : " ") + command->get_name();
    std::string inner_names;
    for (const CLI::App* inner : commands_of(*command)) {
      inner_names += (inner_names.empty() ? "" : " ") + inner->get_name();
      cases += fmt::format("    '{} {}') options='{} --help' ;;\n", command->get_name(), inner->get_name(),
                           names_of(options_of(*inner)));
    }
    cases += fmt::format("    '{} '*) options='{} --help' inner='{}' ;;\n", command->get_name(),
                         names_of(options_of(*command)), inner_names);
  }
  return fmt::format(
      R"(# Completion of lockstep for bash; for zsh after: autoload -U bashcompinit && bashcompinit
_lockstep() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} options='' inner=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}" in
{}  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$inner" -- "$current") $(compgen -f -- "$current")) ;;
  esac
}}
complete -o filenames -F _lockstep lockstep
)",
      names, cases);
}

}  // namespace lockstep::train::cli
