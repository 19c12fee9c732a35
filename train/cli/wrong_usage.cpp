// What is wrong with a command line, in words: CLI11 finds it, but speaks of TEXT and missing arguments.
#include <algorithm>

#include "core/error.h"
#include "train/cli/commands.h"
#include "train/config/key.h"
#include "train/text/nearest.h"

namespace lockstep::train::cli {

namespace {

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : fmt::format(": did you mean {}?", near);
}

const CLI::App* command_of(const CLI::App& app) {
  const std::vector<CLI::App*> given = app.get_subcommands();
  return given.empty() ? nullptr : given.front();
}

std::string no_command(const CLI::App& app, const std::vector<std::string>& extras) {
  std::vector<std::string> known;
  for (const CLI::App* sub : app.get_subcommands(nullptr)) known.push_back(sub->get_name());
  if (extras.front().starts_with('-'))
    return fmt::format("expected a command before {}: lockstep --help lists them", extras.front());
  const std::string near = suggestion(extras.front(), known);
  return fmt::format("there is no command {}{}", extras.front(),
                     near.empty() ? ": lockstep --help lists them" : near);
}

std::string unexpected(const CLI::App& command, const std::string& word) {
  if (!word.starts_with('-')) {
    return fmt::format("{} expects no further argument: got {}", command.get_name(), word);
  }
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    if (option->nonpositional()) known.push_back(option->get_name());
  }
  const std::string option = word.substr(0, word.find('='));
  const std::string near = suggestion(option, known);
  return fmt::format(
      "{} has no option {}{}", command.get_name(), option,
      near.empty() ? fmt::format(": lockstep {} --help lists them", command.get_name()) : near);
}

// The option that an error is about: its name, with its dashes or without, is a word of the message.
const CLI::Option* option_of(const CLI::App& command, const std::string& message) {
  std::vector<std::string> words(1);
  for (const char c : message) {
    if (c == ' ' || c == ':') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  for (const std::string& word : words) {
    for (const CLI::Option* option : command.get_options()) {
      const std::string name = option->get_name();
      if (word == name || "--" + word == name) return option;
    }
  }
  return nullptr;
}

}  // namespace

std::string wrong_usage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* const command = command_of(app);
  const std::vector<std::string> extras = app.remaining(true);
  if (!extras.empty()) return command ? unexpected(*command, extras.front()) : no_command(app, extras);
  if (!command) return error.what();
  const std::string message = error.what();
  const CLI::Option* const option = option_of(*command, message);
  if (!option) return message;
  const std::string name = option->get_name(), meaning = option->get_description();
  const std::vector<std::string>& values = option->results();
  if (error.get_name() == "RequiredError") {
    return fmt::format("{} needs a {}: {}", command->get_name(), name, meaning);
  }
  if (error.get_name() == "ArgumentMismatch") {
    if (message.find("override") != std::string::npos) return fmt::format("{} takes no value", name);
    if (values.size() > 1) return fmt::format("{} is given {} times: expected once", name, values.size());
    return fmt::format("{} needs a value: {}", name, meaning);
  }
  return fmt::format("{} {}: expected {}", name, values.empty() ? "" : values.front(), meaning);
}

}  // namespace lockstep::train::cli
