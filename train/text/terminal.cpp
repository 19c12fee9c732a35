#include "train/text/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "train/text/table.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

int terminal_columns(int stream, int otherwise) {
  winsize size{};
  if (isatty(stream) == 0 || ioctl(stream, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
  return size.ws_col;
}

int output_width() { return std::max(terminal_columns(STDOUT_FILENO, unlimited), 40); }

bool wants_colour(int stream) {
  const char *const none = std::getenv("NO_COLOR"), *const kind = std::getenv("TERM");
  return (!none || *none == 0) && kind && std::string_view(kind) != "dumb" && isatty(stream) != 0;
}

std::string coloured(std::string_view text, std::string_view code) {
  return fmt::format("\033[{}m{}\033[0m", code, text);
}

std::string fitting(std::initializer_list<std::string> wordings, int columns) {
  std::string line;
  for (const std::string& wording : wordings) {
    line = wording;
    if (display_width(line) < columns) return line;
  }
  while (!line.empty() && display_width(line) >= columns) line.pop_back();
  return line;
}

}  // namespace lockstep::train
