#include "train/report/svg.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "core/error.h"
#include "train/report/report_file.h"
#include "train/text/html.h"

namespace lockstep::train {

namespace {

// To a tenth of a pixel, without trailing zeros: "12.5", "12".
std::string px(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

bool finite(Point p) { return std::isfinite(p.x) && std::isfinite(p.y); }

std::string attributes(std::string_view css, std::string_view extra) {
  return fmt::format("{}{}{}", css.empty() ? "" : fmt::format(" class=\"{}\"", css), extra.empty() ? "" : " ",
                     extra);
}

// The colours of style.css on white, and Okabe and Ito's (Color Universal Design, 2008) for lines, which
// colour-blind eyes tell apart.
constexpr std::array<std::pair<std::string_view, std::string_view>, 18> colours = {{
    {"ink", "#1b1f24"},
    {"soft", "#59626c"},
    {"line", "#d5dae0"},
    {"paper", "#ffffff"},
    {"zone", "#dfeaf3"},
    {"grid", "#edf0f3"},
    {"different", "#b8480a"},
    {"equivalent", "#0064a0"},
    {"inconclusive", "#6b6b6b"},
    {"s0", "#000000"},
    {"s1", "#e69f00"},
    {"s2", "#0072b2"},
    {"s3", "#009e73"},
    {"s4", "#d55e00"},
    {"s5", "#cc79a7"},
    {"s6", "#56b4e9"},
    {"s7", "#7a5c00"},
    {"faint", "#9aa3ad"},
}};

}  // namespace

Drawing::Drawing(double width, double height, std::string_view name)
    : width_(width), height_(height), name_(name) {}

void Drawing::line(Point from, Point to, std::string_view css, std::string_view extra) {
  content_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>", px(from.x), px(from.y),
                          px(to.x), px(to.y), attributes(css, extra));
}

void Drawing::rect(Point corner, double width, double height, std::string_view css, std::string_view extra) {
  content_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>", px(corner.x),
                          px(corner.y), px(width), px(height), attributes(css, extra));
}

void Drawing::mark(Mark shape, Point at, double radius, std::string_view css) {
  if (shape == Mark::circle) {
    content_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>", px(at.x), px(at.y), px(radius),
                            attributes(css, ""));
    return;
  }
  if (shape == Mark::square) {
    rect({at.x - radius, at.y - radius}, 2 * radius, 2 * radius, css);
    return;
  }
  const double r = 1.25 * radius;
  content_ += fmt::format("<path d=\"M{} {}L{} {}L{} {}L{} {}Z\"{}/>", px(at.x - r), px(at.y), px(at.x),
                          px(at.y - r), px(at.x + r), px(at.y), px(at.x), px(at.y + r), attributes(css, ""));
}

void Drawing::path(std::span<const Point> points, std::string_view css, std::string_view extra) {
  std::string d;
  bool down = false;
  for (const Point& p : points) {
    if (finite(p)) d += fmt::format("{}{} {}", down ? "L" : "M", px(p.x), px(p.y));
    down = finite(p);
  }
  if (!d.empty()) content_ += fmt::format("<path d=\"{}\"{}/>", d, attributes(css, extra));
}

void Drawing::area(std::span<const Point> upper, std::span<const Point> lower, std::string_view css,
                   std::string_view extra) {
  check(upper.size() == lower.size(), "[report] an area between {} and {} points", upper.size(),
        lower.size());
  std::string d;
  for (std::size_t begin = 0; begin < upper.size();) {
    std::size_t end = begin;
    while (end < upper.size() && finite(upper[end]) && finite(lower[end])) ++end;
    for (std::size_t i = begin; i < end; ++i)
      d += fmt::format("{}{} {}", i == begin ? "M" : "L", px(upper[i].x), px(upper[i].y));
    for (std::size_t i = end; i > begin; --i)
      d += fmt::format("L{} {}", px(lower[i - 1].x), px(lower[i - 1].y));
    if (end > begin) d += "Z";
    begin = end + 1;
  }
  if (!d.empty()) content_ += fmt::format("<path d=\"{}\"{}/>", d, attributes(css, extra));
}

void Drawing::text(Point at, std::string_view text, std::string_view css, Anchor anchor) {
  const char* const where = anchor == Anchor::middle ? "text-anchor=\"middle\""
                            : anchor == Anchor::end  ? "text-anchor=\"end\""
                                                     : "";
  content_ += fmt::format("<text x=\"{}\" y=\"{}\"{}>{}</text>", px(at.x), px(at.y), attributes(css, where),
                          html_escape(text));
}

void Drawing::text_upwards(Point at, std::string_view text, std::string_view css) {
  content_ +=
      fmt::format("<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\"{}>{}</text>",
                  px(at.x), px(at.y), attributes(css, ""), html_escape(text));
}

void Drawing::open_part(std::string_view name) {
  content_ +=
      fmt::format("<g class=\"part\" tabindex=\"0\" role=\"img\" aria-label=\"{}\">", html_escape(name));
}

void Drawing::close_part() { content_ += "</g>"; }

std::string Drawing::svg(std::string_view css) const {
  return fmt::format("<svg class=\"{}\" viewBox=\"0 0 {} {}\" role=\"group\" aria-label=\"{}\">{}</svg>\n",
                     css, px(width_), px(height_), html_escape(name_), content_);
}

std::string svg_file(const std::string& svg) {
  const std::size_t begin = svg.find('>') + 1;
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{} "
      "xmlns=\"http://www.w3.org/2000/svg\">\n<style>\n{}</style>\n"
      "<rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n{}",
      svg.substr(0, begin - 1), chart_style(ChartColours::of_file), svg.substr(begin));
}

std::string chart_style(ChartColours which) {
  std::map<std::string_view, std::string> values;
  for (const auto& [name, light] : colours)
    values[name] = which == ChartColours::of_page ? fmt::format("var(--{})", name) : std::string(light);
  return filled(report_file("chart.css"), values);
}

}  // namespace lockstep::train
