#include "data/weights/weights.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

#include "data/files/stored_type.h"
#include "data/weights/weight_names.h"

namespace lockstep::data {
namespace {

std::int64_t rows_of(const Dims& shape) { return shape.empty() ? 1 : shape[0]; }

Dims without_rows(Dims shape) {
  if (!shape.empty()) shape.erase(0);
  return shape;
}

// Rows of a stored tensor that go to rows of a parameter.
struct Copy {
  const StoredTensor* from;
  std::int64_t from_row;
  Tensor to;
  std::int64_t to_row, rows;
};

std::string with_rows(const std::string& name, const Dims& shape, std::int64_t begin, std::int64_t rows) {
  if (rows == rows_of(shape)) return name;
  return fmt::format("{}[{}:{}]", name, begin, begin + rows);
}

const std::string& name_in_file(const StoredTensor& tensor) {
  return tensor.name_in_file.empty() ? tensor.name : tensor.name_in_file;
}

// Reads a stored tensor as the model wants it, rounding f64 to f32 where that was allowed beforehand.
Tensor read_for(const StoredTensor& stored, DType dtype) {
  if (fits(stored.type, dtype)) return stored.read(dtype);
  const Tensor wide = stored.read(DType::f64);
  Tensor x = empty(stored.shape, {dtype});
  std::transform(wide.data<double>(), wide.data<double>() + wide.numel(), x.data<float>(),
                 [](double value) { return static_cast<float>(value); });
  return x;
}

// Finds for every parameter what it is filled from. Nothing is changed before run().
class Plan {
 public:
  Plan(const std::vector<StoredTensor>& stored, const LoadOptions& options) : options_(options) {
    for (const StoredTensor& tensor : stored) {
      by_name_[tensor.name] = &tensor;
      for (const LogicalPart& part : tensor.parts) by_part_.emplace(part.name, Source{&tensor, &part});
    }
  }

  void add(const Parameter& parameter) {
    if (is_derived(parameter.name)) return;
    check(parameter.tensor.is_contiguous(), "[load] {}: can only be filled where it is contiguous",
          parameter.name);
    const Dims& shape = parameter.tensor.shape();
    if (const auto same = by_name_.find(parameter.name); same != by_name_.end()) {
      const StoredTensor& stored = *same->second;
      if (stored.shape == shape) {
        copy(stored, 0, parameter, 0, rows_of(shape));
      } else {
        other_shape(parameter.name, stored.shape, shape);
      }
      for (const LogicalPart& part : stored.parts) used_.insert(&part);
      return;
    }
    if (parameter.parts.empty()) {
      add_part(parameter, {parameter.name, 0, rows_of(shape)});
    }
    for (const LogicalPart& part : parameter.parts) add_part(parameter, part);
  }

  // What of the file was not asked for.
  void finish(const std::vector<StoredTensor>& stored) {
    for (const StoredTensor& tensor : stored) {
      if (is_derived(tensor.name)) {
        report_.notes.push_back(tensor.name + " is left out: it follows from the configuration");
        continue;
      }
      for (const LogicalPart& part : tensor.parts) {
        if (used_.contains(&part)) continue;
        if (is_unused_norm(tensor.name, stored)) {
          report_.notes.push_back(tensor.name + " is left out: without a cross attention nothing uses it");
          continue;
        }
        report_.unexpected.push_back(
            with_rows(name_in_file(tensor), tensor.shape, part.begin, part.end - part.begin));
      }
    }
  }

  void expect_complete(const std::string& where) const;
  LoadReport run() const;

 private:
  struct Source {
    const StoredTensor* tensor;
    const LogicalPart* part;
  };

  void add_part(const Parameter& parameter, const LogicalPart& part) {
    const auto [first, last] = by_part_.equal_range(part.name);
    if (first == last) {
      report_.missing.push_back(
          with_rows(parameter.name, parameter.tensor.shape(), part.begin, part.end - part.begin));
      return;
    }
    const auto& [tensor, source] = first->second;
    if (std::next(first) != last) {
      fail("[load] both {} and {} of the file stand for {}: remove one", tensor->name,
           std::next(first)->second.tensor->name, part.name);
    }
    used_.insert(source);
    const std::int64_t rows = part.end - part.begin;
    if (source->end - source->begin != rows ||
        without_rows(tensor->shape) != without_rows(parameter.tensor.shape())) {
      Dims got = tensor->shape, wanted = parameter.tensor.shape();
      if (!got.empty()) got[0] = source->end - source->begin;
      if (!wanted.empty()) wanted[0] = rows;
      other_shape(part.name, got, wanted);
    } else {
      copy(*tensor, source->begin, parameter, part.begin, rows);
    }
  }

  void copy(const StoredTensor& from, std::int64_t from_row, const Parameter& to, std::int64_t to_row,
            std::int64_t rows) {
    const DType dtype = to.tensor.dtype();
    if (!fits(from.type, dtype) && !(options_.allow_rounding && dtype == DType::f32 && from.type == "f64")) {
      other_type_.push_back(
          fmt::format("{} is {} in the file, {} in the model", from.name, from.type, name_of(dtype)));
    }
    copies_.push_back({&from, from_row, to.tensor, to_row, rows});
    report_.mapped.emplace_back(with_rows(name_in_file(from), from.shape, from_row, rows),
                                with_rows(to.name, to.tensor.shape(), to_row, rows));
    if (!from.note.empty()) report_.notes.push_back(from.note);
  }

  void other_shape(const std::string& name, const Dims& got, const Dims& wanted) {
    report_.other_shape.push_back(
        fmt::format("{} is {} in the file, {} in the model", name, to_string(got), to_string(wanted)));
  }

  LoadOptions options_;
  std::map<std::string, const StoredTensor*> by_name_;
  std::multimap<std::string, Source> by_part_;
  std::set<const LogicalPart*> used_;  // of the file
  std::vector<Copy> copies_;
  std::vector<std::string> other_type_;
  LoadReport report_;
};

std::string list(const std::vector<std::string>& items) {
  constexpr std::size_t most = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), most); ++i) text += "\n    " + items[i];
  if (items.size() > most) text += fmt::format("\n    and {} more", items.size() - most);
  return text;
}

void Plan::expect_complete(const std::string& where) const {
  std::string wrong;
  auto add = [&](bool stops, const std::vector<std::string>& items, std::string_view what) {
    if (stops && !items.empty()) wrong += fmt::format("\n  {}:{}", what, list(items));
  };
  add(!options_.allow_missing, report_.missing,
      "missing in the file (allow_missing leaves these as they are)");
  add(!options_.allow_unexpected, report_.unexpected, "not in the model (allow_unexpected leaves these out)");
  add(true, report_.other_shape, "of another shape");
  add(true, other_type_, "of a type that the model's can't hold exactly (allow_rounding rounds f64 to f32)");
  if (!wrong.empty()) fail("[load] {} doesn't fit the model:{}", where, wrong);
}

// One tensor after another, so that no more than one is in memory besides the model.
LoadReport Plan::run() const {
  const StoredTensor* read = nullptr;
  Tensor value;
  for (const Copy& copy : copies_) {
    if (read != copy.from || value.dtype() != copy.to.dtype()) value = read_for(*copy.from, copy.to.dtype());
    read = copy.from;
    const auto row_bytes =
        without_rows(value.shape()).numel() * static_cast<std::int64_t>(size_of(value.dtype()));
    if (copy.rows * row_bytes == 0) continue;
    std::memcpy(static_cast<std::byte*>(copy.to.raw_data()) + copy.to_row * row_bytes,
                static_cast<const std::byte*>(value.raw_data()) + copy.from_row * row_bytes,
                static_cast<std::size_t>(copy.rows * row_bytes));
    copy.to.mark_changed();
  }
  return report_;
}

}  // namespace

std::string LoadReport::text() const {
  std::string text = fmt::format("{} tensors loaded, {} missing, {} left out, {} of another shape\n",
                                 mapped.size(), missing.size(), unexpected.size(), other_shape.size());
  for (const auto& [from, to] : mapped) {
    if (from != to) text += fmt::format("  {} -> {}\n", from, to);
  }
  for (const std::string& name : missing) text += fmt::format("  missing: {}\n", name);
  for (const std::string& name : unexpected) text += fmt::format("  left out: {}\n", name);
  for (const std::string& note : notes) text += fmt::format("  note: {}\n", note);
  return text;
}

LoadReport load(const std::vector<StoredTensor>& stored, const ParameterList& parameters,
                const LoadOptions& options, const std::string& where) {
  Plan plan(stored, options);
  for (const Parameter& parameter : parameters) plan.add(parameter);
  plan.finish(stored);
  plan.expect_complete(where);
  return plan.run();
}

LoadReport load(const std::string& path, const ParameterList& parameters, const LoadOptions& options) {
  return load(open_weights(path), parameters, options, path);
}

}  // namespace lockstep::data
