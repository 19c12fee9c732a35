#pragma once

#include <span>
#include <string>
#include <string_view>

// Charts as SVG, drawn here so that they exist without scripts and can be saved for a paper. Colours and
// fonts are classes of chart.css: on a page they follow its light and dark colours, in a file of its own the
// light ones.
namespace lockstep::train {

struct Point {
  double x, y;
};

enum class Anchor { start, middle, end };
enum class Mark { diamond, circle, square };

// A drawing in pixels, y downwards. `css` are classes, `extra` further attributes as they are.
class Drawing {
 public:
  // `name`: what it shows, for those who cannot see it.
  Drawing(double width, double height, std::string_view name);

  void line(Point from, Point to, std::string_view css, std::string_view extra = "");
  void rect(Point corner, double width, double height, std::string_view css, std::string_view extra = "");
  void mark(Mark shape, Point at, double radius, std::string_view css);
  // Through all points that are finite; others leave a gap.
  void path(std::span<const Point> points, std::string_view css, std::string_view extra = "");
  // Between two lines of equally many points, where all four corners are finite.
  void area(std::span<const Point> upper, std::span<const Point> lower, std::string_view css,
            std::string_view extra = "");
  void text(Point at, std::string_view text, std::string_view css = "", Anchor anchor = Anchor::start);
  // As `text`, read upwards.
  void text_upwards(Point at, std::string_view text, std::string_view css);
  // A part with a name of its own that scripts show where one points at it or reaches it by the keyboard.
  void open_part(std::string_view name);
  void close_part();

  double width() const { return width_; }
  double height() const { return height_; }
  // The element, to stand in a page. `css`: its classes.
  std::string svg(std::string_view css = "chart") const;

 private:
  double width_, height_;
  std::string name_, content_;
};

// A drawing's element as a file: with its own style, on white.
std::string svg_file(const std::string& svg);

// The style of charts, its colours either variables of the page or the light ones of a file.
enum class ChartColours { of_page, of_file };
std::string chart_style(ChartColours colours);

}  // namespace lockstep::train
