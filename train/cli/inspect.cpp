#include "train/cli/inspect.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/joined.h"
#include "data/files/sizes.h"
#include "data/files/stored_type.h"
#include "data/weights/weights.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

std::vector<double> values_of(const data::StoredTensor& tensor) {
  const bool whole = !data::fits(tensor.type, DType::f64) && data::fits(tensor.type, DType::i64);
  return tensor.read(whole ? DType::i64 : DType::f64).to_vector();
}

bool has_numbers(const data::StoredTensor& tensor) {
  return data::product_of(tensor.shape).value_or(0) > 0 &&
         (data::fits(tensor.type, DType::f64) || data::fits(tensor.type, DType::i64));
}

// Why it cannot be read as a tensor; empty where it can.
std::string problem_of(const data::StoredTensor& tensor) {
  if (!tensor.problem.empty() || std::ssize(tensor.shape) <= Dims::max_rank) return tensor.problem;
  return fmt::format("it has {} dimensions, and tensors here at most {}", tensor.shape.size(),
                     Dims::max_rank);
}

void add(const std::vector<data::StoredTensor>& tensors, Inspection& inspection) {
  for (const data::StoredTensor& tensor : tensors) {
    InspectedTensor facts{tensor.name, tensor.type, tensor.shape, tensor.parts, problem_of(tensor), {}};
    if (facts.problem.empty() && has_numbers(tensor)) facts.statistics = statistics_of(values_of(tensor));
    inspection.tensors.push_back(std::move(facts));
  }
}

// An attribute as text, whatever its type; empty where it is none of those that Lockstep writes.
std::string text_of_attribute(const h5::Object& object, const std::string& name) {
  const auto joined = [&]<typename T>(T) {
    std::string text;
    for (const auto& value : object.attribute<std::vector<T>>(name))
      text += fmt::format("{}{}", text.empty() ? "" : " ", value);
    return text;
  };
  const std::function<std::string()> ways[] = {
      [&] { return object.attribute<std::string>(name); }, [&] { return joined(std::int64_t{}); },
      [&] { return joined(double{}); }, [&] { return joined(std::string()); }};
  for (const auto& read : ways) {
    try {
      return read();
    } catch (const Error&) {  // of another type
    }
  }
  return "";
}

// "lockstep checkpoint 1" is a checkpoint.
std::string kind_of(const std::map<std::string, std::string>& attributes) {
  const auto format = attributes.find("format");
  if (format == attributes.end() || !format->second.starts_with("lockstep ")) return "weights";
  const std::string rest = format->second.substr(format->second.find(' ') + 1);
  return rest.substr(0, rest.find(' '));
}

// "q.weight[0:64] k.weight[64:128] v.weight[128:192], 4 heads each"; empty where the tensor is its only part.
std::string text_of_parts(const InspectedTensor& tensor) {
  const std::string name = tensor.name.substr(tensor.name.rfind('/') + 1);
  const bool several = tensor.parts.size() > 1;
  if (tensor.parts.empty()) return "";
  if (!several && (tensor.parts[0].name == name || tensor.parts[0].name == tensor.name)) return "";
  std::string text;
  for (const LogicalPart& part : tensor.parts) {
    // Without what it has in common with the tensor's name, up to a dot.
    const auto same = std::ranges::mismatch(part.name, name).in1 - part.name.begin();
    const std::size_t dot = part.name.substr(0, static_cast<std::size_t>(same)).rfind('.');
    text += fmt::format("{}{}", text.empty() ? "" : " ",
                        part.name.substr(dot == std::string::npos ? 0 : dot + 1));
    if (several) text += fmt::format("[{}:{}]", part.begin, part.end);
  }
  const int heads = tensor.parts[0].heads;
  return heads > 1 ? fmt::format("{}, {} heads{}", text, heads, several ? " each" : "") : text;
}

// Four digits, so that rows compare at a glance.
std::string short_number(double value) { return fmt::format("{:.4g}", value); }

}  // namespace

Statistics statistics_of(const std::vector<double>& values) {
  Statistics s;
  double sum = 0, squares = 0, n = 0;
  for (const double x : values) {
    if (!std::isfinite(x)) {
      ++s.non_finite;
      continue;
    }
    s.min = n == 0 ? x : std::min(s.min, x);
    s.max = n == 0 ? x : std::max(s.max, x);
    sum += x;
    squares += x * x;
    ++n;
  }
  if (n == 0) return s;
  s.mean = sum / n;
  s.norm = std::sqrt(squares);
  double deviations = 0;
  for (const double x : values) {
    if (std::isfinite(x)) deviations += (x - s.mean) * (x - s.mean);
  }
  s.std = std::sqrt(deviations / n);
  return s;
}

Inspection inspect(const std::string& path) {
  Inspection inspection{.path = path};
  if (data::is_hdf5(path)) {
    const h5::File file = h5::File::open_foreign(path);
    for (const std::string& name : file.attribute_names())
      inspection.attributes[name] = text_of_attribute(file, name);
    add(data::weights_below(file), inspection);
  } else {
    const data::Weights weights = data::open_weight_file(path);
    add(weights.tensors, inspection);
    inspection.attributes = weights.metadata;
  }
  inspection.kind = kind_of(inspection.attributes);
  return inspection;
}

namespace {

// A line of a configuration; where it is too long, its comment goes below it.
std::string setting_text(const std::string& line, int width) {
  const std::size_t comment = line.find(" # ");
  if (display_width(line) + 2 <= width || comment == std::string::npos) return hanging("  ", line, width);
  const std::size_t end = line.find_last_not_of(' ', comment);
  return fmt::format("  {}\n", line.substr(0, end + 1)) +
         hanging("      # ", line.substr(comment + 3), width);
}

}  // namespace

std::string to_text(const Inspection& inspection, int width) {
  std::string text = fmt::format("{}: {}\n", inspection.path, inspection.kind);
  for (const auto& [name, value] : inspection.attributes) {
    if (value.find('\n') == std::string::npos) {
      text += hanging(padded(printable(name), 18) + " ", printable(value), width);
      continue;
    }
    text += printable(name) + "\n";
    for (std::size_t begin = 0; begin < value.size();) {
      const std::size_t end = std::min(value.find('\n', begin), value.size());
      text += setting_text(printable(value.substr(begin, end - begin)), width);
      begin = end + 1;
    }
  }
  Table table({{"name"},
               {"shape"},
               {"type"},
               {"min"},
               {"max"},
               {"mean"},
               {"std"},
               {"norm"},
               {"non-finite"},
               {"logical parts"}},
              width);
  for (const InspectedTensor& tensor : inspection.tensors) {
    Table::Cells row = {printable(tensor.name), data::shape_text(tensor.shape), printable(tensor.type)};
    if (tensor.statistics) {
      const Statistics& s = *tensor.statistics;
      for (const double value : {s.min, s.max, s.mean, s.std, s.norm}) row.push_back(short_number(value));
      row.push_back(std::to_string(s.non_finite));
    } else {
      row.insert(row.end(), 6, "-");
    }
    row.push_back(printable(tensor.problem.empty() ? text_of_parts(tensor) : tensor.problem));
    table.add(std::move(row));
  }
  return text + "\n" + table.text();
}

std::string to_json(const Inspection& inspection) {
  nlohmann::json tensors = nlohmann::json::array();
  for (const InspectedTensor& tensor : inspection.tensors) {
    nlohmann::json item = {{"name", tensor.name}, {"type", tensor.type}, {"shape", tensor.shape}};
    for (const LogicalPart& part : tensor.parts)
      item["parts"].push_back(
          {{"name", part.name}, {"begin", part.begin}, {"end", part.end}, {"heads", part.heads}});
    if (!tensor.problem.empty()) item["problem"] = tensor.problem;
    if (tensor.statistics) {
      const Statistics& s = *tensor.statistics;
      item["statistics"] = {{"min", s.min}, {"max", s.max},   {"mean", s.mean},
                            {"std", s.std}, {"norm", s.norm}, {"non_finite", s.non_finite}};
    }
    tensors.push_back(std::move(item));
  }
  return nlohmann::json{{"path", inspection.path},
                        {"kind", inspection.kind},
                        {"attributes", inspection.attributes},
                        {"tensors", tensors}}
             .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace lockstep::train
