#include "train/text/text_layout.h"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep::train {

int display_width(std::string_view text) {
  // Bytes 10xxxxxx continue a code point.
  return int(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string printable(std::string_view text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters of two bytes.
    const bool second = c >= 0x80 && c < 0xa0 && i > 0 && static_cast<unsigned char>(text[i - 1]) == 0xc2;
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || second) {
      if (second) safe.pop_back();
      safe += fmt::format("\\x{:02x}", c);
    } else {
      safe += text[i];
    }
  }
  return safe;
}

std::vector<std::string> wrap(std::string_view text, int width) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find(' ', at), text.size());
    std::string_view next = text.substr(at, end - at);
    if (!next.empty()) {
      if (!lines.empty() && display_width(lines.back()) + 1 + display_width(next) <= width) {
        lines.back().append(" ").append(next);
      } else {
        lines.emplace_back(next);
      }
    }
    at = end + 1;
  }
  return lines;
}

std::vector<int> column_widths(const std::vector<std::vector<std::string>>& rows) {
  std::vector<int> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t column = 0; column < row.size(); ++column) {
      widths[column] = std::max(widths[column], display_width(row[column]));
    }
  }
  return widths;
}

std::string padded(std::string_view text, int width) {
  std::string result(text);
  result.append(size_t(std::max(0, width - display_width(text))), ' ');
  return result;
}

}  // namespace lockstep::train
