#include "train/report/html_parts.h"

#include <fmt/format.h>

#include "train/report/verdict_words.h"
#include "train/text/html.h"

namespace lockstep::train {

std::string paragraph(std::string_view text, std::string_view css) {
  if (text.empty()) return "";
  return fmt::format("<p{}>{}</p>\n", css.empty() ? "" : fmt::format(" class=\"{}\"", css),
                     html_escape(text));
}

std::string small(std::string_view text) {
  return text.empty() ? "" : fmt::format(" <small>{}</small>", html_escape(text));
}

std::string badge(const Contrast& c) {
  const std::string_view verdict = word(c);
  return fmt::format("<span class=\"badge {}\">{}</span>", c.verdict ? verdict : "none", verdict);
}

std::string cell(std::string_view label, std::string_view html, std::string_view css) {
  return fmt::format("<td class=\"{}\" data-label=\"{}\">{}</td>", css, label, html);
}

std::string table(std::string_view caption, std::string_view about, std::string_view rows) {
  const std::string name = html_escape(caption);
  return fmt::format(
      "<details class=\"fold\" open>\n<summary>{0}{1}</summary>\n<table class=\"stack\" "
      "aria-label=\"{0}\">\n{2}"
      "</tbody>\n</table>\n</details>\n",
      name, small(about), rows);
}

}  // namespace lockstep::train
