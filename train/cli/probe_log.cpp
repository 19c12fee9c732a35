#include "train/cli/probe_log.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "core/error.h"
#include "data/files/atomic_file.h"
#include "train/report/csv.h"

namespace lockstep::train::cli {

namespace {

constexpr const char* header = "step,probe,name,value,unit\r\n";

// The rows of a file like ours whose step lies before `end`.
std::string rows_before(const std::filesystem::path& file, std::int64_t end) {
  if (!std::filesystem::exists(file)) return "";
  std::istringstream lines(data::read_file(file));
  std::string rows, line;
  std::getline(lines, line);
  check(line + "\n" == header,
        "{} is no file of probes, it begins with \"{}\": move it away, or choose another --out",
        file.string(), line);
  while (std::getline(lines, line)) {
    std::int64_t step = end;
    std::from_chars(line.data(), line.data() + line.size(), step);
    if (step < end) rows += line + "\n";
  }
  return rows;
}

}  // namespace

ProbeLog::ProbeLog(std::filesystem::path file, const std::vector<std::string>& keys, const Training& training)
    : file_(std::move(file)),
      is_on_(!keys.empty()),
      probes_({.last_step = training.config().steps, .requested = keys}) {
  check_probes(keys);
  for (const ProbeKind& kind : probes()) {
    const bool asked = std::ranges::find(keys, kind.key) != keys.end();
    check(!asked || !kind.compare,
          "{} says of two runs how they differ, and here is one: lockstep diverge A B compares two",
          kind.key);
  }
  if (is_on_ && training.steps_done() > 0) before_ = rows_before(file_, training.steps_done());
}

void ProbeLog::save() const {
  if (!is_on_) return;
  std::map<std::int64_t, std::string> by_step;
  const Measurements all = probes_.measured();
  for (const ProbeKind& kind : probes()) {
    const auto found = all.find(kind.key);
    if (found == all.end()) continue;
    const Series& series = found->second.series;
    for (std::size_t i = 0; i < series.values.size(); ++i) {
      const std::int64_t step = series.steps[i / series.names.size()];
      by_step[step] +=
          fmt::format("{},{},{},{},{}\r\n", step, kind.key, csv_cell(series.names[i % series.names.size()]),
                      series.values[i], csv_cell(kind.unit));
    }
  }
  std::string text = header + before_;
  for (const auto& [step, rows] : by_step) text += rows;
  data::write_file(file_, text);
}

}  // namespace lockstep::train::cli
