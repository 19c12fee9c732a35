#include <gtest/gtest.h>

#include <cmath>

#include "tests/train/report/example_study.h"
#include "train/report/chart_forest.h"
#include "train/report/chart_lines.h"
#include "train/report/chart_pairs.h"
#include "train/report/figures.h"
#include "train/report/report.h"
#include "train/report/report_file.h"
#include "train/report/scale.h"
#include "train/report/svg.h"
#include "train/report/verdict_words.h"
#include "train/report/why_figure.h"

namespace lockstep::train {
namespace {

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The value of an attribute in the n-th element that starts so.
double attribute_of(const std::string& svg, const std::string& element, std::size_t n,
                    const std::string& name) {
  std::size_t at = svg.find(element);
  for (; n > 0; --n) at = svg.find(element, at + 1);
  at = svg.find(" " + name + "=\"", at) + name.size() + 3;
  return std::stod(svg.substr(at));
}

TEST(Scale, TicksAreRoundAndInside) {
  EXPECT_EQ(ticks({-12, 7, 0, 1}, 5), (std::vector<double>{-10, -5, 0, 5}));
  EXPECT_EQ(ticks({0, 1, 0, 1}, 5), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  const std::vector<double> powers = ticks({3e-9, 0.2, 0, 1, true}, 10);
  ASSERT_EQ(powers.size(), 8u);
  EXPECT_NEAR(powers.front(), 1e-8, 1e-20);
  EXPECT_EQ(ticks({0.011, 0.06, 0, 1, true}, 5).size(), 2u);  // 0.02 and 0.05: no power of ten is inside
  EXPECT_EQ(tick_label(-0.0), "0");
  EXPECT_EQ(tick_label(5, true), "+5");
}

TEST(Scale, MapsLinearlyAndByTheLogarithm) {
  EXPECT_DOUBLE_EQ((Scale{0, 10, 100, 200})(2.5), 125);
  EXPECT_DOUBLE_EQ((Scale{1, 100, 0, 50, true})(10), 25);
}

TEST(Scale, AnExtentIsNeverEmpty) {
  const Extent one = extent_of({4, 4}), none = extent_of({NAN, INFINITY});
  EXPECT_LT(one.low, 4);
  EXPECT_GT(one.high, 4);
  EXPECT_LT(none.low, none.high);
}

TEST(Svg, PathsLeaveGapsAndTextIsEscaped) {
  Drawing drawing(10, 10, "a \"name\"");
  const Point points[] = {{0, 0}, {1, NAN}, {2, 2}, {3, 3}};
  drawing.path(points, "curve");
  drawing.text({1, 1}, "<b>");
  const std::string svg = drawing.svg();
  EXPECT_NE(svg.find("d=\"M0 0M2 2L3 3\""), std::string::npos) << svg;
  EXPECT_NE(svg.find(">&lt;b&gt;</text>"), std::string::npos);
  EXPECT_NE(svg.find("aria-label=\"a &quot;name&quot;\""), std::string::npos);
}

TEST(Svg, AFileStandsAlone) {
  const std::string file = svg_file(Drawing(10, 10, "x").svg());
  EXPECT_NE(file.find("xmlns=\"http://www.w3.org/2000/svg\""), std::string::npos);
  EXPECT_EQ(file.find("var("), std::string::npos);
  EXPECT_NE(chart_style(ChartColours::of_page).find("var(--different)"), std::string::npos);
}

// The colours of a file are those that the page has on white.
TEST(Svg, FilesHaveThePagesColours) {
  const std::string page(report_file("style.css")), file = chart_style(ChartColours::of_file),
                                                    of_page = chart_style(ChartColours::of_page);
  std::size_t compared = 0;
  for (std::size_t at = of_page.find("var(--"); at != std::string::npos;
       at = of_page.find("var(--", at + 1)) {
    const std::string name = of_page.substr(at + 4, of_page.find(')', at) - at - 4);
    const std::size_t defined = page.find(name + ": ");
    ASSERT_NE(defined, std::string::npos) << name;
    const std::string colour = page.substr(defined + name.size() + 2, 7);
    EXPECT_NE(file.find(colour), std::string::npos) << name << " is " << colour << " in style.css";
    ++compared;
  }
  EXPECT_GT(compared, 20u);
}

TEST(Forest, EqualPairsAreStacked) {
  Contrast c = example_contrast("distribution", Verdict::different, 2, 0.5);
  c.differences = {2, 2, 2, 3};
  const std::string svg = forest_chart({&c}, 5, percent_extent({&c}, 5), 900).svg();
  const std::string dot = "<circle";
  EXPECT_EQ(times(svg, dot), 4u);  // the mean of a "different" is a diamond
  EXPECT_EQ(attribute_of(svg, dot, 0, "cx"), attribute_of(svg, dot, 1, "cx"));
  EXPECT_LT(attribute_of(svg, dot, 0, "cy"), attribute_of(svg, dot, 1, "cy"));
  EXPECT_LT(attribute_of(svg, dot, 1, "cy"), attribute_of(svg, dot, 2, "cy"));
  EXPECT_EQ(attribute_of(svg, dot, 0, "cy"), attribute_of(svg, dot, 3, "cy"));
}

TEST(Forest, OneOutlyingPairDoesNotFlattenTheRest) {
  Contrast c = example_contrast("distribution", Verdict::different, 2, 0.5);
  c.differences = {2, 2, 500};
  EXPECT_LT(percent_extent({&c}, 5).high, 20);
}

TEST(Forest, StripsHaveAName) {
  const Contrast c = example_contrast("rounding", Verdict::inconclusive, 1, infinity);
  const std::string svg = forest_strip(c, 5, percent_extent({&c}, 5)).svg("strip");
  EXPECT_NE(svg.find("aria-label=\"Rounding (A1 → A2): inconclusive"), std::string::npos) << svg;
  EXPECT_NE(svg.find("unbounded"), std::string::npos);
}

TEST(Lines, LongCurvesAreThinnedAndEndWhereTheyEnd) {
  Line line{.name = "A0"};
  for (int i = 0; i < 15000; ++i) {
    line.x.push_back(i);
    line.y.push_back(1 + i % 7);
  }
  const LineChart chart{
      .name = "loss", .x_label = "step", .x = x_extent({line}), .y = y_extent({line}), .lines = {line}};
  const std::string svg = line_chart(chart).svg();
  const std::size_t path = svg.find("<path d=\"M");
  const std::string d = svg.substr(path, svg.find('"', path + 10) - path);
  EXPECT_LE(times(d, "L"), 301u);
  EXPECT_NE(d.find("L448 "), std::string::npos);  // the last point at the right end
}

TEST(Lines, DivergedSeedsLeaveAGapInTheBand) {
  const std::string page = report_page(example_study());
  EXPECT_NE(page.find("A2: 0.4\""), std::string::npos);  // no band where its upper end is infinite
  EXPECT_NE(page.find("A1: 0.4 (0.3 to 0.5)"), std::string::npos);
}

TEST(Pairs, EachSeedIsALine) {
  Contrast c = example_contrast("coupling", Verdict::different, 2, 1);
  c.values_a = {50, 51, 52, 49};
  EXPECT_EQ(times(pairs_chart(c, values_extent({&c})).svg(), "class=\"pair\""), 4u);
}

TEST(Figures, AreFilesOfTheirOwn) {
  StudySummary study = example_study();
  study.tasks[0].distances = {{"f32", {1, 2}, {1e-7, 2e-7}, {1e-7, 1e-7}, {2e-7, 3e-7}},
                              {"f64", {1, 2}, {1e-16, 2e-16}, {1e-16, 1e-16}, {2e-16, 3e-16}}};
  std::vector<std::string> names;
  for (const auto& [name, svg] : figure_files(study)) {
    names.push_back(name);
    EXPECT_TRUE(svg.starts_with("<?xml")) << name;
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"copy-effects-1.svg", "copy-curves-1.svg", "copy-distance-1.svg"}));
}

// What cannot be drawn is left out.
TEST(Figures, NoneOfNothing) {
  EXPECT_TRUE(figure_files({}).empty());
  EXPECT_EQ(distance_figure({}) + pair_figures({}) + rate_figure({}) + forest_figures({}), "");
}

PairedCurve paired_curve(const std::string& measured, const std::string& name,
                         std::optional<PairedCurve::Parting> parting) {
  return {.measured = measured,
          .name = name,
          .unit = "1",
          .difference = {.name = "B - A",
                         .step = {0, 10, 20},
                         .middle = {0, 1, 2},
                         .low = {-1, 0.5, 1},
                         .high = {1, 1.5, 3}},
          .parting = parting};
}

// The loss comes first though it parts last; of a probe only what parts is drawn; a contrast that is not
// different is folded away.
TEST(WhyFigure, ShowsTheLossAndWhatParts) {
  TaskSummary task = example_study().tasks[0];
  task.contrasts[2].paired_curves = {paired_curve("size of the updates", "v", {{10, 50}}),
                                     paired_curve("size of the updates", "q", {{20, 30}}),
                                     paired_curve("loss", "", {{20, -4}}),
                                     paired_curve("attention entropy", "layer 0", {}),
                                     paired_curve("size of the first weights", "q", {{0, 9}})};
  task.contrasts[2].paired_curves.back().difference = {
      .name = "B - A", .step = {0}, .middle = {1}, .low = {1}, .high = {1}};
  task.contrasts[3].paired_curves = {paired_curve("loss", "", {})};
  const std::vector<Panel> panels = why_panels(task);
  ASSERT_EQ(panels.size(), 3u);
  EXPECT_EQ(panels[0].title, "Loss");
  EXPECT_EQ(panels[1].title, "Size of the updates");
  EXPECT_EQ(panels[1].legend, (std::vector<std::pair<std::string, std::string>>{
                                  {"v", "first apart at step 10"}, {"q", "first apart at step 20"}}));
  EXPECT_EQ(times(panels[1].drawing.svg(), "class=\"band "), 2u);
  EXPECT_EQ(panels[2].legend[0].second, "never apart");
  const std::string page = why_figure(task);
  EXPECT_EQ(times(page, "<details open>"), 1u);
  EXPECT_EQ(times(page, "nothing parts"), 1u);
  EXPECT_EQ(why_sentence(task.contrasts[2]),
            "Why: by the band that holds a whole paired curve with 95%, the arms first part in size of the "
            "updates, v at step 10 (+50.0%); size of the updates, q at step 20 (+30.0%); the loss at step 20 "
            "(-4.00%).");
  EXPECT_EQ(why_sentence(task.contrasts[3]), "");
}

TEST(WhyFigure, IsEmptyWithoutCurves) { EXPECT_EQ(why_figure(example_study().tasks[0]), ""); }

}  // namespace
}  // namespace lockstep::train
