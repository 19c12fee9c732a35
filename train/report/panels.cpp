#include "train/report/panels.h"

#include <fmt/format.h>

#include "train/report/chart_lines.h"
#include "train/report/html_parts.h"
#include "train/text/html.h"

namespace lockstep::train {

namespace {

std::string legend_of(const Panel& panel) {
  std::string items;
  for (std::size_t i = 0; i < panel.legend.size(); ++i) {
    items +=
        fmt::format("<li tabindex=\"0\" data-line=\"{}\">{}<b>{}</b> <span>{}</span></li>\n", i,
                    line_swatch(i), html_escape(panel.legend[i].first), html_escape(panel.legend[i].second));
  }
  return items.empty() ? "" : "<ul class=\"legend\">\n" + items + "</ul>\n";
}

}  // namespace

std::string side_by_side(const std::vector<Panel>& panels, std::string_view css) {
  std::string html;
  for (const Panel& panel : panels) {
    html += fmt::format("<div class=\"panel\">\n<h4>{}</h4>\n{}{}</div>\n", html_escape(panel.title),
                        panel.drawing.svg(), legend_of(panel));
  }
  return fmt::format("<div class=\"{}\">\n{}</div>\n", css, html);
}

std::string folding_figure(std::string_view caption, std::string_view about, std::string_view content) {
  return fmt::format(
      "<details class=\"fold\" open>\n<summary>{0}{1}</summary>\n<figure "
      "aria-label=\"{0}\">\n{2}</figure>\n</details>\n",
      html_escape(caption), small(about), content);
}

}  // namespace lockstep::train
