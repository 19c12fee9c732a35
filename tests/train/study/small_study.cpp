#include "tests/train/study/small_study.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"

namespace lockstep::train {

namespace fs = std::filesystem;

const std::string small_study = R"(name = "small"
[[experiment]]
task = "copy"
seeds = 5
steps = 8
curve_steps = 4
threshold = 2.78
batch = 4
layers = 1
width = 8
heads = 2
mlp = 8
lr = 0.01
init = "xavier_uniform"
tune = "off"
)";

namespace {

const std::set<std::string> of_the_session = {"seconds", "wall_seconds", "command", "date",
                                              "started", "finished",     "threads"};

std::string attribute_text(const h5::Object& object, const std::string& name) {
  std::string text;
  try {
    for (const std::string& value : object.attribute<std::vector<std::string>>(name)) text += " " + value;
    return text;
  } catch (const Error&) {
  }
  try {
    for (const std::int64_t value : object.attribute<std::vector<std::int64_t>>(name))
      text += fmt::format(" {}", value);
    return text;
  } catch (const Error&) {
  }
  for (const double value : object.attribute<std::vector<double>>(name)) text += fmt::format(" {}", value);
  return text;
}

void append(const h5::Object& object, const std::string& path, std::string& text) {
  std::vector<std::string> names = object.attribute_names();
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (!of_the_session.contains(name)) text += path + "@" + name + ":" + attribute_text(object, name) + "\n";
  }
}

void append_all(const h5::Group& group, const std::string& path, std::string& text) {
  append(group, path, text);
  std::vector<std::string> names = group.children();
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (group.has_group(name)) {
      append_all(group.group(name), path + name + "/", text);
      continue;
    }
    const h5::Dataset set = group.dataset(name);
    append(set, path + name, text);
    text += path + name + ":";
    if (set.type_name() == "i64") {
      for (const std::int64_t value : set.read<std::int64_t>()) text += fmt::format(" {}", value);
    } else {
      for (const double value : set.read<double>()) text += fmt::format(" {}", value);
    }
    text += "\n";
  }
}

// Without the column "seconds".
std::string without_seconds(const std::string& csv) {
  std::string text;
  std::size_t column_of_seconds = 0;
  for (std::size_t begin = 0; begin < csv.size();) {
    const std::size_t end = std::min(csv.find("\r\n", begin), csv.size());
    std::size_t column = 0;
    for (std::size_t at = begin; at <= end; ++column) {
      const std::size_t next = std::min(csv.find(',', at), end);
      const std::string cell = csv.substr(at, next - at);
      if (cell == "seconds") column_of_seconds = column;
      if (column != column_of_seconds || column == 0) text += cell + ",";
      at = next + 1;
    }
    text += "\n";
    begin = end + 2;
  }
  return text;
}

}  // namespace

std::string numbers_of(const fs::path& out) {
  std::string text;
  append_all(h5::File::open((out / "study.h5").string()), "/", text);
  return text + without_seconds(data::read_file(out / "runs.csv")) + data::read_file(out / "probes.csv") +
         data::read_file(out / "contrasts.csv") + data::read_file(out / "rates.csv") +
         data::read_file(out / "bands.csv");
}

std::size_t runs_in(const fs::path& file) {
  const h5::File study = h5::File::open(file.string());
  std::size_t runs = 0;
  if (!study.has_group("experiments/0")) return 0;
  const h5::Group experiment = study.group("experiments/0");
  for (const std::string& arm : experiment.children()) {
    const h5::Group seeds = experiment.group(arm);
    for (const std::string& seed : seeds.children()) {
      check(!seeds.group(seed).read<double>("loss").values.empty(), "{} {}: no losses", arm, seed);
      ++runs;
    }
  }
  return runs;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace lockstep::train
