#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "train/report/summary.h"

// What several parts of the page are made of.
namespace lockstep::train {

std::string paragraph(std::string_view text, std::string_view css = "");
std::string small(std::string_view text);
// The verdict as a label in its colour.
std::string badge(const Contrast& contrast);
// A cell; `label` is what narrow screens put before it. `html` is not escaped.
std::string cell(std::string_view label, std::string_view html, std::string_view css = "number");
// A table that can be folded away: `rows` from <thead> on, both captions plain text.
std::string table(std::string_view caption, std::string_view about, std::string_view rows);

// The metrics of a list in the order in which they first come.
template <typename Items>
std::vector<std::string> metric_labels(const Items& items) {
  std::vector<std::string> metrics;
  for (const auto& item : items) {
    if (std::find(metrics.begin(), metrics.end(), item.metric) == metrics.end())
      metrics.push_back(item.metric);
  }
  return metrics;
}

}  // namespace lockstep::train
