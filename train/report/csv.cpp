#include "train/report/csv.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "core/joined.h"
#include "train/report/verdict_words.h"

namespace lockstep::train {

namespace {

// The shortest text that reads back as the same double; empty for NaN.
std::string cell(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

std::string line(const std::vector<std::string>& cells) {
  return joined(cells, ",") + "\r\n";  // as RFC 4180 ends lines
}

std::string granularity(const std::string& direction, const std::string& scale) {
  return direction == scale ? direction : fmt::format("{}, sized as by {}", direction, scale);
}

std::string separated_by_blanks(const std::vector<double>& values) {
  std::string text;
  for (double value : values) text += fmt::format("{}{}", text.empty() ? "" : " ", value);
  return text;
}

}  // namespace

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string runs_csv(std::span<const RunRow> runs) {
  std::string out = "task,arm,optimizer,initialiser,seed,";
  if (!runs.empty()) {
    for (const auto& [key, value] : runs.front().metrics) out += key + ",";
  }
  out += "censored,diverged,tuning,steps_run,final_loss,seconds,parameters\r\n";
  for (const RunRow& run : runs) {
    std::vector<std::string> cells = {csv_cell(run.task), csv_cell(run.arm), csv_cell(run.optimizer),
                                      csv_cell(run.initialiser), std::to_string(run.seed)};
    for (const auto& [key, value] : run.metrics) cells.push_back(value ? cell(*value) : "");
    cells.insert(cells.end(), {run.censored ? "1" : "0", run.diverged ? "1" : "0", run.tuning ? "1" : "0",
                               std::to_string(run.steps_run), cell(run.final_loss), cell(run.seconds),
                               std::to_string(run.parameters)});
    out += line(cells);
  }
  return out;
}

std::string contrasts_csv(const StudySummary& study) {
  std::string out =
      "task,cause,scope,question,arm_a,arm_b,metric,metric_label,unit,primary,verdict,pairs,censored_pairs,"
      "diverged_pairs,"
      "effect_unit,sd_unit,spread_unit,low95_unit,high95_unit,effect_percent,low95_percent,high95_percent,p,"
      "p_corrected,margin_unit,p_equivalence,p_equivalence_corrected,within_margin,slope_percent,"
      "slope_low95_percent,slope_high95_percent,p_slope_corrected,depends_on_rate,further_seeds,held_equal,"
      "note,differences_unit\r\n";
  for (const TaskSummary& task : study.tasks) {
    for (const Contrast& c : task.contrasts) {
      const auto tested = [&](double value) { return c.verdict ? cell(value) : ""; };
      const RateSlope slope = c.slope.value_or(RateSlope{});
      const auto sloped = [&](double value) { return c.slope ? cell(value) : ""; };
      out += line({csv_cell(task.task),
                   csv_cell(c.cause),
                   csv_cell(c.scope),
                   csv_cell(c.question),
                   csv_cell(c.arm_a),
                   csv_cell(c.arm_b),
                   c.metric_key,
                   csv_cell(c.metric),
                   csv_cell(c.unit),
                   c.primary ? "1" : "0",
                   std::string(word(c)),
                   std::to_string(c.pairs),
                   std::to_string(c.censored),
                   std::to_string(c.diverged),
                   tested(c.effect),
                   c.pairs > 0 ? cell(c.sd) : "",
                   c.spread ? cell(*c.spread) : "",
                   tested(c.low),
                   tested(c.high),
                   tested(c.percent),
                   tested(c.percent_low),
                   tested(c.percent_high),
                   tested(c.p),
                   tested(c.p_adjusted),
                   tested(c.margin),
                   tested(c.equivalence_p),
                   tested(c.equivalence_p_adjusted),
                   c.within_margin ? "1" : "0",
                   sloped(slope.percent),
                   sloped(slope.low),
                   sloped(slope.high),
                   sloped(slope.p_adjusted),
                   c.slope ? std::to_string(int(slope.depends)) : "",
                   std::to_string(c.further_seeds),
                   csv_cell(c.held_equal),
                   csv_cell(c.note),
                   separated_by_blanks(c.differences)});
    }
  }
  return out;
}

std::string rates_csv(const StudySummary& study) {
  std::string out =
      "task,cause,arm_a,arm_b,metric,metric_label,unit,learning_rate,seeds,pairs,mean_a_unit,mean_b_unit,"
      "effect_percent,"
      "low95_percent,high95_percent,best_of_a,best_of_b\r\n";
  for (const TaskSummary& task : study.tasks) {
    for (const Contrast& c : task.contrasts) {
      for (const RateEffect& at : c.rates) {
        out +=
            line({csv_cell(task.task), csv_cell(c.cause), csv_cell(c.arm_a), csv_cell(c.arm_b), c.metric_key,
                  csv_cell(c.metric), csv_cell(c.unit), cell(at.rate), at.judged ? "judged" : "tuning",
                  std::to_string(at.pairs), cell(at.mean_a), cell(at.mean_b), cell(at.percent),
                  cell(at.percent_low), cell(at.percent_high), at.best_a ? "1" : "0", at.best_b ? "1" : "0"});
      }
    }
  }
  return out;
}

std::string bands_csv(const StudySummary& study) {
  std::string out = "task,cause,arm_a,arm_b,measured,name,unit,step,difference,low95,high95\r\n";
  for (const TaskSummary& task : study.tasks) {
    for (const Contrast& c : task.contrasts) {
      for (const PairedCurve& curve : c.paired_curves) {
        const BandCurve& band = curve.difference;
        for (std::size_t i = 0; i < band.step.size(); ++i) {
          out += line({csv_cell(task.task), csv_cell(c.cause), csv_cell(c.arm_a), csv_cell(c.arm_b),
                       csv_cell(curve.measured), csv_cell(curve.name), csv_cell(curve.unit),
                       cell(band.step[i]), cell(band.middle[i]), cell(band.low[i]), cell(band.high[i])});
        }
      }
    }
  }
  return out;
}

std::span<const std::pair<std::string, std::string (*)(const ArmRow&)>> arm_columns() {
  static const std::vector<std::pair<std::string, std::string (*)(const ArmRow&)>> columns = {
      {"task", [](const ArmRow& arm) { return arm.task; }},
      {"arm", [](const ArmRow& arm) { return arm.arm; }},
      {"label", [](const ArmRow& arm) { return arm.label; }},
      {"purpose", [](const ArmRow& arm) { return arm.purpose; }},
      {"storage", [](const ArmRow& arm) { return arm.storage; }},
      {"precision", [](const ArmRow& arm) { return arm.precision; }},
      {"initialiser", [](const ArmRow& arm) { return arm.initialiser; }},
      {"initialise_by", [](const ArmRow& arm) { return granularity(arm.init_direction, arm.init_scale); }},
      {"optimizer", [](const ArmRow& arm) { return arm.optimizer; }},
      {"optimise_by",
       [](const ArmRow& arm) { return granularity(arm.optimizer_direction, arm.optimizer_scale); }},
      {"learning_rate", [](const ArmRow& arm) { return cell(arm.learning_rate); }}};
  return columns;
}

std::string arms_csv(std::span<const ArmRow> arms) {
  std::vector<std::string> names;
  for (const auto& [name, column] : arm_columns()) names.push_back(name);
  std::string out = line(names);
  for (const ArmRow& arm : arms) {
    std::vector<std::string> cells;
    for (const auto& [name, column] : arm_columns()) cells.push_back(csv_cell(column(arm)));
    out += line(cells);
  }
  return out;
}

std::string probes_csv(std::span<const ProbeRow> rows) {
  std::string out = "task,arm,seed,probe,name,step,value,unit\r\n";
  for (const ProbeRow& row : rows) {
    out += line({csv_cell(row.task), csv_cell(row.arm), std::to_string(row.seed), csv_cell(row.probe),
                 csv_cell(row.name), std::to_string(row.step), cell(row.value), csv_cell(row.unit)});
  }
  return out;
}

}  // namespace lockstep::train
