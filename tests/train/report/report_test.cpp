#include "train/report/report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/train/report/example_study.h"
#include "train/report/latex.h"
#include "train/report/verdict_summary.h"
#include "train/report/verdict_table.h"
#include "train/report/verdict_words.h"
#include "train/text/html.h"

namespace lockstep::train {
namespace {

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

bool has(const std::string& text, const std::string& part) { return occurrences(text, part) > 0; }

// The page without its scripts: what is there when JavaScript is off.
std::string without_scripts(std::string page) {
  for (std::size_t at = page.find("<script"); at != std::string::npos; at = page.find("<script"))
    page.erase(at, page.find("</script>", at) + 9 - at);
  return page;
}

TEST(Report, TablesSayEverythingWithoutScripts) {
  const std::string page = without_scripts(report_page(example_study()));
  for (const char* part :
       {"Distribution",
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
        "What makes a difference, largest first: xavier_uniform by the whole tensor (5.4% later on copy).",
        "works “by the whole tensor”",
        "5.4% later",
        "copy, under adam at learning rate 0.001",
        "<dt>A2</dt><dd>combined",
        "under muon at learning rate 0.01",
        "sd 1.75 steps",
        "nobody tuned these",
        "@software{lockstep",
        "\\begin{tabular}"}) {
    EXPECT_TRUE(has(page, part)) << part;
  }
}

TEST(Report, EscapesEveryText) {
  const std::string page = report_page(example_study());
  for (const char* raw : {"<combined>", "<redrawn>", "<folder>", "<b>count</b>", "<script>alert"})
    EXPECT_FALSE(has(page, raw)) << raw;
  EXPECT_TRUE(has(page, "Does &lt;combined&gt; &amp; &quot;separate&quot; matter?"));
  EXPECT_TRUE(has(page, "lockstep study --out &#39;a &lt;folder&gt;&#39;"));
  EXPECT_EQ(occurrences(page, "{{"), 1u);  // BibTeX's, around a name of several words
  EXPECT_EQ(occurrences(page, "<script"), occurrences(page, "</script>"));
}

TEST(Report, LoadsNothing) {
  const std::string page = without_scripts(report_page(example_study()));
  EXPECT_FALSE(has(page, "http:") || has(page, "https:") || has(page, "@import") || has(page, "url("));
  EXPECT_FALSE(has(page, " src="));
  EXPECT_TRUE(has(page, "default-src 'none'"));
}

TEST(Report, SaysWhereTheControlFailed) {
  StudySummary study = example_study();
  study.tasks[0].valid = false;
  study.tasks[0].control = "INVALID: A0 and its repetition A0' differ";
  const std::string page = report_page(study);
  EXPECT_TRUE(has(page, "class=\"warning\">INVALID: A0"));
  EXPECT_TRUE(has(page, "<h2 id=\"answer\">Not to be trusted: INVALID"));
}

TEST(Report, SaysHowGeneralItIsAndWhoAsked) {
  StudySummary study = example_study();
  study.across = {{.cause = "coupling",
                   .name = "muon by the whole tensor",
                   .effects = {{"copy", -9.8}, {"digits", -1.2}}}};
  study.disputes = {"https://example.org/issues/7", "javascript:alert(1)"};
  const std::string sentence =
      "muon by the whole tensor changes the primary metric by -9.8% on copy, -1.20% on digits";
  const std::string page = report_page(study);
  EXPECT_TRUE(has(page, "say little about another one"));
  EXPECT_FALSE(has(page, sentence));
  study.tasks.resize(6, study.tasks[0]);
  EXPECT_TRUE(has(report_page(study), sentence));
  EXPECT_TRUE(has(page, "<a href=\"https://example.org/issues/7\">"));
  EXPECT_FALSE(has(page, "href=\"javascript:"));
}

TEST(Report, AnEmptyStudyIsAPage) { EXPECT_TRUE(has(report_page({.question = "Why?"}), "<h1>Why?</h1>")); }

TEST(Html, FillsTemplatesOnce) {
  EXPECT_EQ(filled("a {{x}} {{y}}", {{"x", "{{y}}"}, {"y", "2"}}), "a {{y}} 2");
  EXPECT_THROW(filled("{{z}}", {}), std::runtime_error);
}

// Of a study of one task whose storage was compared so.
StudySummary storage_study(Verdict verdict, std::vector<double> differences) {
  TaskSummary task = example_study().tasks[0];
  Contrast storage = example_contrast("rounding", verdict, differences.front(), 0.1);
  storage.pairs = static_cast<int>(differences.size());
  storage.differences = std::move(differences);
  task.contrasts = {storage};
  StudySummary study;
  study.tasks = {task};
  return study;
}

TEST(VerdictSummary, TheFirstLineAnswersTheTitle) {
  EXPECT_EQ(storage_line(storage_study(Verdict::equivalent, {1e-6, 0, -1e-6})),
            "Stored apart or together: no difference (3 of 3 pairs equal to rounding)");
  // 0.006 of 50 steps is more than a digit in the fifth place.
  EXPECT_EQ(storage_line(storage_study(Verdict::equivalent, {0.006, 0.004, 0})),
            "Stored apart or together: no difference beyond ±5% (2 of 3 pairs equal to rounding)");
  EXPECT_EQ(storage_line(storage_study(Verdict::different, {4, 4, 4})),
            "Stored apart or together: a difference (8.00% later on copy when stored together; 0 of 3 pairs "
            "equal to rounding)");
  EXPECT_EQ(storage_line(storage_study(Verdict::inconclusive, {1, 0})),
            "Stored apart or together: still open (1 of 2 pairs equal to rounding)");
  StudySummary unfinished = storage_study(Verdict::inconclusive, {0, 0});
  unfinished.tasks[0].contrasts[0].censored = 2;
  EXPECT_EQ(storage_line(unfinished), "Stored apart or together: still open (some runs did not finish)");
  EXPECT_EQ(storage_line({}), "");
}

TEST(VerdictSummary, TheSecondLineSaysWhichRulesMatter) {
  StudySummary study = storage_study(Verdict::equivalent, {0, 0});
  EXPECT_EQ(rules_line(study), "");
  Contrast& muon =
      study.tasks[0].contrasts.emplace_back(example_contrast("coupling", Verdict::equivalent, -0.5, 0.1));
  muon.rule = "muon";
  muon.name = "muon by the whole tensor";
  EXPECT_TRUE(rules_line(study).starts_with("Nor does it matter, beyond the margin"));
  muon.verdict = Verdict::inconclusive;
  EXPECT_EQ(rules_line(study), "");
  muon.verdict = Verdict::different;
  muon.effect = -4;
  muon.percent = -8;
  EXPECT_EQ(rules_line(study),
            "What makes a difference, largest first: muon by the whole tensor (8.00% earlier on copy).");
  Contrast tuned = muon;
  tuned.cause = "coupling, tuned";
  tuned.rates = {{.rate = 0.1}};
  tuned.effect = -5;
  tuned.percent = -10;
  study.tasks[0].contrasts.push_back(tuned);  // takes the place of the one at a rate that nobody tuned
  EXPECT_EQ(
      rules_line(study),
      "What makes a difference, largest first: muon by the whole tensor, each arm at its best rate (10.00% "
      "earlier on copy).");
  study.tasks[0].contrasts.pop_back();
  study.tasks[0].contrasts.back().cause = "coupling: shape";  // of an effect that is shown whole, too
  EXPECT_EQ(rules_line(study), "");
}

TEST(VerdictSummary, CausesComeBySize) {
  const TaskSummary task = example_study().tasks[0];
  std::vector<std::string> causes;
  for (const Contrast* c : by_size(task)) causes.push_back(c->cause);
  EXPECT_EQ(causes, (std::vector<std::string>{"coupling", "distribution", "storage", "rounding"}));
}

TEST(Latex, TableSaysScopeAndEscapes) {
  StudySummary study = example_study();
  study.tasks[0].contrasts[0].cause = "50% of a_b";
  const std::string table = latex_table(study);
  EXPECT_TRUE(
      has(table, "  50\\% of a\\_b & adam at learning rate 0.001 & equivalent & $+0.1$ $[-0.3, +0.5]$ & "));
  EXPECT_TRUE(has(table, "$-1.00$ [unbounded]"));
  EXPECT_TRUE(has(table, "equivalence margin $\\pm5\\%$"));
  EXPECT_EQ(occurrences(table, "\\begin{"), occurrences(table, "\\end{"));
  EXPECT_FALSE(has(table, "not measurable"));
  EXPECT_TRUE(has(bibtex(study), "version = {0.1.0},\n  year    = {2026}"));
}

TEST(VerdictSummary, SortsCausesByOutcomeInThePrimaryMetric) {
  TaskSummary task = example_study().tasks[0];
  Contrast other = task.contrasts[0];
  other.verdict = Verdict::inconclusive;
  other.primary = false;
  other.metric = "mean training loss of the first 60 steps";
  other.unit = "nats";
  task.contrasts.push_back(other);
  EXPECT_EQ("\n" + verdict_paragraphs(task), R"(
Copy task. Whether it matters by itself how q, k and v are stored is still open. What does matter, at the
declared learning rates, is which matrix xavier_uniform works on: the stored one or a part of it.
  Changed training:
    xavier_uniform by the whole tensor (2.7 steps later: +5.4%, 95% interval +4.2% to +6.6%, under adam at
    learning rate 0.001)
  Changed nothing beyond ±5%:
    the storage alone
  Still open with these seeds:
    the other storage
    muon by the whole tensor (about 17 more seeds)
  Spread between seeds from the draw of q, k and v alone:
    1.75 steps (standard deviation)
)");
}

TEST(VerdictSummary, SaysWhenNothingMatters) {
  TaskSummary task = example_study().tasks[0];
  task.contrasts.erase(task.contrasts.begin() + 1, task.contrasts.end());
  EXPECT_EQ(headline(task),
            "How q, k and v are stored does not matter by itself: from the same first weights, combined and "
            "separate "
            "layers train alike.");
  Contrast& storage = task.contrasts.front();
  storage.verdict = Verdict::different;
  EXPECT_TRUE(has(headline(task), "How q, k and v are stored matters by itself: combined and separate"));
  storage.within_margin = true;
  EXPECT_TRUE(has(headline(task), "How q, k and v are stored matters by itself, but by less than 5%: "));
  storage.verdict = Verdict::equivalent;
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
  EXPECT_TRUE(has(text, "data-said=\"learning rate 0.16\npercent: -9 (-10 to -8)\""));
  EXPECT_TRUE(has(text, "data-said=\"learning rate 0.04\npercent: -4\""));
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
