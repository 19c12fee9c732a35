#include "train/text/html.h"

#include "core/error.h"

namespace lockstep::train {

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string in_script(std::string_view json) {
  std::string out;
  for (const char c : json) c == '<' ? out += "\\u003c" : out += c;
  return out;
}

std::string filled(std::string_view page, const std::map<std::string_view, std::string>& values) {
  std::string out;
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t open = page.find("{{", at);
    out += page.substr(at, open - at);
    if (open == std::string_view::npos) break;
    const std::size_t close = page.find("}}", open);
    check(close != std::string_view::npos, "[report] a template has {{{{ without }}}}");
    const std::string_view name = page.substr(open + 2, close - open - 2);
    const auto value = values.find(name);
    check(value != values.end(), "[report] a template asks for {}, which the report does not give", name);
    out += value->second;
    at = close + 2;
  }
  return out;
}

}  // namespace lockstep::train
