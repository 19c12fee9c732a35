#pragma once

#include <fmt/format.h>

#include <string_view>

// What a training prints while it runs. A terminal that was closed or a log on a full disk must not end
// it: nothing here throws.
namespace lockstep::train {

// To stderr; dropped where that cannot be written.
void say_text(std::string_view text);
template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  say_text(fmt::format(format, std::forward<Args>(args)...));
}

// To stdout, at once. What cannot be written is kept for check_output().
void show_text(std::string_view text);
template <typename... Args>
void show(fmt::format_string<Args...> format, Args&&... args) {
  show_text(fmt::format(format, std::forward<Args>(args)...));
}

// At the end of a program: throws std::system_error if something that went to stdout, by show() or otherwise,
// got nowhere.
void check_output();

}  // namespace lockstep::train
