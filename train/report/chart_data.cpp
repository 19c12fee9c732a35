#include "train/report/chart_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "train/report/verdict_words.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

using nlohmann::json;

constexpr std::size_t max_points = 400;  // of a curve: more than the pixels can show

json finite(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

// Five digits: enough for a chart, and a small page.
json rounded(double value) {
  return std::isfinite(value) ? json(std::stod(fmt::format("{:.5g}", value))) : json(nullptr);
}

json rounded(const std::vector<double>& values, std::size_t stride) {
  json list = json::array();
  for (std::size_t i = 0; i < values.size(); i += stride) list.push_back(rounded(values[i]));
  return list;
}

json row_of(const Contrast& c) {
  json row{{"cause", capitalised(c.cause)},
           {"arms", c.arm_a + " → " + c.arm_b},
           {"verdict", word(c)},
           {"remark", c.verdict == Verdict::different && c.within_margin ? ", but within the margin" : ""},
           {"mean", finite(c.percent)},
           {"low", finite(c.percent_low)},
           {"high", finite(c.percent_high)},
           {"effect", with_interval(c.effect, c.low, c.high) + " " + c.unit},
           {"percent", with_interval(c.percent, c.percent_low, c.percent_high) + " %"},
           {"pairs", c.pairs},
           {"differences", json::array()}};
  for (const double difference : c.differences)
    row["differences"].push_back(rounded(100 * difference / c.base));
  return row;
}

json point_of(const RateEffect& at) {
  return {{"rate", at.rate},
          {"mean", finite(at.percent)},
          {"low", finite(at.percent_low)},
          {"high", finite(at.percent_high)},
          {"judged", at.judged},
          {"best", fmt::format("{}{}", at.best_a ? "A" : "", at.best_b ? "B" : "")},
          {"rows",
           {{"percent", with_interval(at.percent, at.percent_low, at.percent_high)},
            {"pairs", std::to_string(at.pairs)}}}};
}

// One forest for each metric, one panel for each optimizer: in the order in which they first come.
json& entry(json& list, const char* key, const std::string& value, json fresh) {
  for (json& known : list) {
    if (known[key] == value) return known;
  }
  fresh[key] = value;
  list.push_back(std::move(fresh));
  return list.back();
}

}  // namespace

std::string chart_data(const TaskSummary& task) {
  json forests = json::array(), panels = json::array(), rates = json::array();
  for (const Contrast& c : task.contrasts) {
    if (!c.verdict) continue;
    entry(forests, "metric", c.metric, {{"more", c.more}, {"less", c.less}, {"rows", json::array()}})["rows"]
        .push_back(row_of(c));
    if (c.rates.empty()) continue;
    json points = json::array();
    for (const RateEffect& at : c.rates) points.push_back(point_of(at));
    rates.push_back({{"cause", capitalised(c.cause)}, {"more", c.more}, {"points", std::move(points)}});
  }
  for (const ArmCurve& curve : task.curves) {
    const std::size_t stride = (curve.step.size() + max_points - 1) / max_points;
    if (stride == 0) continue;
    entry(panels, "group", curve.group, {{"arms", json::array()}})["arms"].push_back(
        {{"arm", curve.arm},
         {"label", curve.label},
         {"runs", curve.runs},
         {"step", rounded(curve.step, stride)},
         {"median", rounded(curve.median, stride)},
         {"low", rounded(curve.low, stride)},
         {"high", rounded(curve.high, stride)}});
  }
  return json{{"margin", task.margin},    {"threshold", task.threshold},   {"loss", task.loss_label},
              {"spread", task.spread},    {"forests", std::move(forests)}, {"panels", std::move(panels)},
              {"rates", std::move(rates)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace lockstep::train
