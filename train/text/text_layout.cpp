#include "train/text/text_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/joined.h"

namespace lockstep::train {

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\033[")) {
      i = std::min(text.find('m', i), text.size() - 1);
    } else {
      width += (text[i] & 0xC0) != 0x80;  // bytes 10xxxxxx continue a code point
    }
  }
  return width;
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

std::string paragraph(std::string_view text, int width) {
  return joined(wrap(text, std::min(width, page_width)), "\n") + "\n";
}

std::string hanging(std::string_view head, std::string_view text, int width) {
  const int begin = display_width(head);
  if (begin + display_width(text) <= width) return fmt::format("{}{}\n", head, text);
  std::string lines;
  for (const std::string& line : wrap(text, width - begin))
    lines += (lines.empty() ? std::string(head) : padded("", begin)) + line + "\n";
  return lines;
}

std::string indented(std::string_view text, int blanks) {
  std::string lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    lines += padded("", blanks).append(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

std::string padded(std::string_view text, int width) {
  std::string result(text);
  result.append(size_t(std::max(0, width - display_width(text))), ' ');
  return result;
}

}  // namespace lockstep::train
