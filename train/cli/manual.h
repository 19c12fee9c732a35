#pragma once

#include <CLI/CLI.hpp>
#include <string>

// The manual page and the shell's completion, from the same tree of commands and options as --help.
namespace lockstep::train::cli {

// The manual page lockstep(1), in man(7)'s macros.
std::string manual_page(const CLI::App& app, const std::string& version);

// A script for bash (and zsh, through bashcompinit) that completes commands, their options and files.
std::string completion_script(const CLI::App& app);

}  // namespace lockstep::train::cli
