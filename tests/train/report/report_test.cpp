#include "train/report/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/train/report/example_study.h"
#include "train/report/chart_data.h"
#include "train/report/verdict_summary.h"
#include "train/report/verdict_table.h"
#include "train/report/verdict_words.h"
#include "train/text/html.h"

namespace lockstep::train {
namespace {

using nlohmann::json;

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

bool has(const std::string& text, const std::string& part) { return occurrences(text, part) > 0; }

// The content of <script type="application/json" id="...">.
json embedded(const std::string& page, const std::string& id) {
  const std::string open = "<script type=\"application/json\" id=\"" + id + "\">";
  const std::size_t start = page.find(open) + open.size();
  return json::parse(page.substr(start, page.find("</script>", start) - start));
}

// The page without its scripts: what is there when JavaScript is off.
std::string without_scripts(std::string page) {
  for (std::size_t at = page.find("<script"); at != std::string::npos; at = page.find("<script"))
    page.erase(at, page.find("</script>", at) + 9 - at);
  return page;
}

TEST(Report, TablesSayEverythingWithoutScripts) {
  const std::string page = without_scripts(report_page(example_study()));
  for (const char* part : {"Distribution",
                           "different",
                           "+2.7 steps",
                           "[+2.1, +3.3]",
                           "+5.4 %",
                           "[+4.2, +6.6]",
                           "0.002",
                           "17 further seeds",
                           "2 censored",
                           "1 diverged",
                           "[unbounded]",
                           "not measurable",
                           "Adam acts on every element by itself",
                           "Held equal: weights &amp; data order",
                           "±2.5 steps",
                           "<b>A2</b>",
                           "76.6",
                           "2.4",
                           "77.0",
                           "2026-01-02 03:04:05 UTC",
                           "2 min 5 s",
                           "A processor",
                           "1.10.8",
                           "Not finished: 4 of 12 seeds.",
                           "agree bit for bit",
                           "Changed training",
                           "Still open with these seeds",
                           "under muon at learning rate 0.01",
                           "sd 1.75 steps",
                           "nobody tuned these",
                           "Changed nothing beyond ±5%"}) {
    EXPECT_TRUE(has(page, part)) << part;
  }
}

TEST(Report, EscapesEveryText) {
  const std::string page = report_page(example_study());
  for (const char* raw : {"<combined>", "<redrawn>", "<folder>", "<b>count</b>", "<script>alert"})
    EXPECT_FALSE(has(page, raw)) << raw;
  EXPECT_TRUE(has(page, "Does &lt;combined&gt; &amp; &quot;separate&quot; matter?"));
  EXPECT_TRUE(has(page, "lockstep study --out &#39;a &lt;folder&gt;&#39;"));
  EXPECT_FALSE(has(page, "{{"));
  EXPECT_EQ(occurrences(page, "<script"), occurrences(page, "</script>"));
}

TEST(Report, LoadsNothing) {
  const std::string page = without_scripts(report_page(example_study()));
  EXPECT_FALSE(has(page, "http:") || has(page, "https:") || has(page, "@import") || has(page, "url("));
  EXPECT_FALSE(has(page, " src="));
  EXPECT_TRUE(has(page, "default-src 'none'"));
}

TEST(Report, ChartDataIsJsonWhateverTheNumbers) {
  const std::string page = report_page(example_study());
  const json task = embedded(page, "data").at(0);
  const json& rows = task["forests"].at(0)["rows"];
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[2]["mean"], 5.4);
  EXPECT_EQ(rows[2]["differences"], json::parse("[3.4, 5.4, 5.4, 7.4]"));
  EXPECT_TRUE(rows[1]["low"].is_null() && rows[1]["high"].is_null());
  EXPECT_EQ(task["panels"].at(0)["arms"].at(1)["high"], json::parse("[2.9, 1.6, null]"));
  EXPECT_EQ(task["panels"][0]["arms"][0]["label"], "combined, <redrawn> \"q\"");
  EXPECT_TRUE(embedded(page, "forest-spec").contains("marks"));
  EXPECT_TRUE(embedded(page, "curves-spec").contains("marks"));
}

TEST(Report, LongCurvesAreThinned) {
  TaskSummary task = example_study().tasks[0];
  ArmCurve& curve = task.curves[0];
  curve.step = curve.median = curve.low = curve.high = std::vector<double>(15000, 1.0);
  EXPECT_LE(json::parse(chart_data(task))["panels"][0]["arms"][0]["step"].size(), 400u);
}

TEST(Report, SaysWhereTheControlFailed) {
  StudySummary study = example_study();
  study.tasks[0].valid = false;
  study.tasks[0].control = "INVALID: A0 and its repetition A0' differ";
  const std::string page = report_page(study);
  EXPECT_TRUE(has(page, "class=\"warning\">INVALID: A0"));
  EXPECT_TRUE(has(page, "Not to be trusted"));
}

TEST(Report, AnEmptyStudyIsAPage) { EXPECT_TRUE(has(report_page({.question = "Why?"}), "<h1>Why?</h1>")); }

TEST(Html, FillsTemplatesOnce) {
  EXPECT_EQ(filled("a {{x}} {{y}}", {{"x", "{{y}}"}, {"y", "2"}}), "a {{y}} 2");
  EXPECT_THROW(filled("{{z}}", {}), std::runtime_error);
}

TEST(VerdictSummary, SortsCausesByOutcomeInThePrimaryMetric) {
  TaskSummary task = example_study().tasks[0];
  Contrast other = task.contrasts[0];
  other.verdict = Verdict::inconclusive;
  other.primary = false;
  other.metric = "mean training loss of the first 60 steps";
  other.unit = "nats";
  task.contrasts.push_back(other);
  EXPECT_EQ(
      verdict_summary(task),
      "Copy task. Whether it matters by itself how q, k and v are stored is still open. What does matter, at "
      "the declared learning rates, is which matrix xavier_uniform works on: the stored one or a part of it. "
      "Changed "
      "training: xavier_uniform by the whole tensor (2.7 steps later: +5.4%, 95% interval +4.2% to +6.6%, "
      "under "
      "adam at learning rate 0.001). Changed nothing beyond ±5%: the storage alone. Still open with these "
      "seeds: "
      "the other storage and muon "
      "by the whole tensor (about 17 more seeds). Spread between seeds from the draw of q, k and v alone: "
      "1.75 "
      "steps (standard deviation).");
}

TEST(VerdictSummary, SaysWhenNothingMatters) {
  TaskSummary task = example_study().tasks[0];
  task.contrasts.erase(task.contrasts.begin() + 1, task.contrasts.end());
  EXPECT_EQ(headline(task),
            "How q, k and v are stored does not matter by itself: from the same first weights, combined and "
            "separate "
            "layers train alike.");
  Contrast small = example_contrast("distribution", Verdict::different, 0.5, 0.1);
  small.rule = "orthogonal";
  small.within_margin = true;
  task.contrasts.push_back(small);
  EXPECT_TRUE(has(headline(task), "Beyond the margin it does not matter, at the declared learning rates, "));
}

Contrast tuned_contrast() {
  Contrast c = example_contrast("coupling, tuned", Verdict::different, -5, 1);
  c.rule = "muon";
  c.name = "muon by the whole tensor";
  c.scope = "muon at learning rate 0.16 against 0.226, each at its own best";
  const double unbounded = infinity;
  c.rates = {{.rate = 0.04, .pairs = 2, .percent = -4, .percent_low = -unbounded, .percent_high = unbounded},
             {.rate = 0.16,
              .judged = true,
              .best_a = true,
              .pairs = 12,
              .percent = -9,
              .percent_low = -10,
              .percent_high = -8}};
  c.slope = RateSlope{.percent = -1.2, .low = -1.5, .high = -0.9, .p_adjusted = 0.004, .depends = true};
  return c;
}

TEST(Report, ShowsWhatTheLearningRateDecides) {
  StudySummary study = example_study();
  study.tasks[0].contrasts.push_back(tuned_contrast());
  const std::string page = report_page(study), text = without_scripts(page);
  for (const char* part :
       {"By learning rate: coupling, tuned", "★ ", "other seeds", "depends on the learning rate",
        "changes by -1.20 [-1.50, -0.90] percentage points", "chosen on other seeds"})
    EXPECT_TRUE(has(text, part)) << part;
  EXPECT_FALSE(has(text, "nobody tuned these"));
  const json points = embedded(page, "data").at(0)["rates"].at(0)["points"];
  ASSERT_EQ(points.size(), 2u);
  EXPECT_TRUE(points[0]["low"].is_null());
  EXPECT_EQ(points[1]["best"], "A");
  EXPECT_TRUE(has(headline(study.tasks[0]),
                  "with each arm at its best learning rate, is which matrix muon works on"));
  EXPECT_TRUE(has(verdict_table(study.tasks[0]), "depends on the learning rate"));
}

// What differs by random draws alone has no mean difference: neither a verdict nor a place among the causes.
TEST(VerdictWords, ASpreadIsNotTested) {
  const TaskSummary task = example_study().tasks[0];
  const Contrast& draw = task.contrasts.back();
  EXPECT_EQ(word(draw), "spread");
  EXPECT_TRUE(
      has(explanation(task, draw),
          "Redrawing q, k and v spreads the steps until the training loss is below 0.5 with a standard "
          "deviation of 1.75 steps (3.5%, 4 pairs)."));
  EXPECT_TRUE(has(verdict_table(task), "sd 1.75"));
  EXPECT_EQ(how_sure(draw), "");
}

TEST(VerdictSummary, HowSureTurnsPIntoOdds) {
  const Contrast c = example_contrast("draw", Verdict::different, 3, 1);
  EXPECT_TRUE(has(how_sure(c), "at most 1 of 500 studies")) << how_sure(c);
  EXPECT_EQ(how_sure(example_contrast("draw", Verdict::inconclusive, 3, 4)), "");
}

}  // namespace
}  // namespace lockstep::train
