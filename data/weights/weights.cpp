#include "data/weights/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include "core/ops/in_place.h"
#include "data/files/sizes.h"
#include "data/files/stored_type.h"
#include "data/weights/attention_layouts.h"
#include "data/weights/old_names.h"

namespace lockstep::data {
namespace {

using Shape = std::vector<std::int64_t>;
using Names = std::set<std::string>;

Shape shape_of(const Tensor& x) { return {x.shape().begin(), x.shape().end()}; }
std::int64_t rows_of(const Shape& shape) { return shape.empty() ? 1 : shape[0]; }

Shape without_rows(Shape shape) {
  if (!shape.empty()) shape.erase(shape.begin());
  return shape;
}

// Rows of a stored tensor that go to rows of a parameter.
struct Copy {
  const StoredTensor* from;
  std::int64_t from_row;
  Tensor to;
  std::int64_t to_row, rows;
};

std::string with_rows(const std::string& name, const Shape& shape, std::int64_t begin, std::int64_t rows) {
  if (rows == rows_of(shape)) return name;
  return fmt::format("{}[{}:{}]", name, begin, begin + rows);
}

const std::string& name_in_file(const StoredTensor& tensor) {
  return tensor.name_in_file.empty() ? tensor.name : tensor.name_in_file;
}

// Finds for every parameter what it is filled from. Nothing is changed before run().
class Plan {
 public:
  Plan(const std::vector<StoredTensor>& stored, const LoadOptions& options)
      : stored_(stored), options_(options) {
    for (const StoredTensor& tensor : stored) {
      names_.insert(tensor.name);
      by_name_[tensor.name] = &tensor;
      for (const LogicalPart& part : tensor.parts) by_part_.emplace(part.name, Source{&tensor, &part});
    }
  }

  void add(const Parameter& parameter) {
    if (parameter.derived) return;
    check(parameter.tensor.is_contiguous(), "[load] {}: can only be filled where it is contiguous",
          parameter.name);
    const Shape shape = shape_of(parameter.tensor);
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

  // What was not asked for of the file, and what was missed though nothing uses it.
  void finish(const ParameterList& parameters) {
    Names model;
    for (const Parameter& parameter : parameters) model.insert(parameter.name);
    std::erase_if(report_.missing, [&](const std::string& name) {
      const bool unused = is_unused_norm(name, model);
      if (unused)
        report_.notes.push_back(name + " stays as it is: without a cross attention nothing uses it");
      return unused;
    });
    for (const StoredTensor& tensor : stored_) {
      for (const LogicalPart& part : tensor.parts) {
        if (used_.contains(&part)) continue;
        if (is_causal_mask(tensor, names_)) {
          report_.notes.push_back(tensor.name + " is left out: it follows from the configuration");
        } else if (is_unused_norm(tensor.name, names_)) {
          report_.notes.push_back(tensor.name + " is left out: without a cross attention nothing uses it");
        } else {
          report_.unexpected.push_back(
              with_rows(name_in_file(tensor), tensor.shape, part.begin, part.end - part.begin));
        }
      }
    }
    report_.notes.erase(std::unique(report_.notes.begin(), report_.notes.end()), report_.notes.end());
  }

  void expect_complete(const std::string& where, const std::string& advice) const;
  LoadReport run();

 private:
  struct Source {
    const StoredTensor* tensor;
    const LogicalPart* part;
  };

  void add_part(const Parameter& parameter, const LogicalPart& part) {
    const auto [first, last] = by_part_.equal_range(part.name);
    if (first == last) {
      report_.missing.push_back(
          with_rows(parameter.name, shape_of(parameter.tensor), part.begin, part.end - part.begin));
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
        without_rows(tensor->shape) != without_rows(shape_of(parameter.tensor))) {
      Shape got = tensor->shape, wanted = shape_of(parameter.tensor);
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
    if (!from.problem.empty()) {
      unreadable_.push_back(fmt::format("{}: {}", from.name, from.problem));
    } else if (!fits(from.type, dtype) &&
               !(options_.allow_rounding && dtype == DType::f32 && from.type == "f64")) {
      other_type_.push_back(
          fmt::format("{} is {} in the file, {} in the model", from.name, from.type, name_of(dtype)));
    }
    copies_.push_back({&from, from_row, to.tensor, to_row, rows});
    report_.mapped.emplace_back(with_rows(name_in_file(from), from.shape, from_row, rows),
                                with_rows(to.name, shape_of(to.tensor), to_row, rows));
    if (!from.note.empty()) report_.notes.push_back(from.note);
  }

  void other_shape(const std::string& name, const Shape& got, const Shape& wanted) {
    report_.other_shape.push_back(
        fmt::format("{} is {} in the file, {} in the model", name, shape_text(got), shape_text(wanted)));
  }

  const std::vector<StoredTensor>& stored_;
  LoadOptions options_;
  Names names_;  // in the file
  std::map<std::string, const StoredTensor*> by_name_;
  std::multimap<std::string, Source> by_part_;
  std::set<const LogicalPart*> used_;  // of the file
  std::vector<Copy> copies_;
  std::vector<std::string> other_type_, unreadable_;
  LoadReport report_;
};

std::string list(const std::vector<std::string>& items) {
  constexpr std::size_t most = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), most); ++i) text += "\n    " + items[i];
  if (items.size() > most) text += fmt::format("\n    and {} more", items.size() - most);
  return text;
}

void Plan::expect_complete(const std::string& where, const std::string& advice) const {
  std::string wrong;
  auto add = [&](bool stops, const std::vector<std::string>& items, std::string_view what) {
    if (stops && !items.empty()) wrong += fmt::format("\n  {}:{}", what, list(items));
  };
  add(!options_.allow_missing, report_.missing,
      "missing in the file (allow_missing leaves these as they are)");
  add(!options_.allow_unexpected, report_.unexpected, "not in the model (allow_unexpected leaves these out)");
  add(true, report_.other_shape, "of another shape");
  add(true, other_type_, "of a type that the model's can't hold exactly (allow_rounding rounds f64 to f32)");
  add(true, unreadable_, "that cannot be read");
  if (!wrong.empty()) fail("[load] {} doesn't fit the model:{}{}", where, wrong, advice);
}

// One tensor after another, so that no more than one is in memory besides the model.
LoadReport Plan::run() {
  const StoredTensor* read = nullptr;
  std::vector<std::byte> bytes;
  for (const Copy& copy : copies_) {
    if (read != copy.from) bytes = copy.from->bytes();
    read = copy.from;
    if (bytes.empty()) continue;
    const std::size_t row = bytes.size() / static_cast<std::size_t>(copy.from->rows());
    const auto values = std::span(bytes).subspan(static_cast<std::size_t>(copy.from_row) * row,
                                                 static_cast<std::size_t>(copy.rows) * row);
    const Tensor to = rows(copy.to, {"", copy.to_row, copy.to_row + copy.rows});
    const Tensor read_rows = to.device() == Device::cpu ? to : empty(to.shape(), {to.dtype()});
    dispatch(to.dtype(), [&]<typename T>(T) {
      const std::span out(read_rows.data<T>(), static_cast<std::size_t>(read_rows.numel()));
      decode(copy.from->type, values, out);
      if constexpr (std::is_floating_point_v<T>) {
        if (!std::ranges::all_of(out, [](T x) { return std::isfinite(x); }))
          report_.not_finite.push_back(name_in_file(*copy.from));
      }
    });
    if (to.device() != Device::cpu) copy_(to, moved(read_rows, to.device()));
    copy.to.mark_changed();
  }
  report_.not_finite.erase(std::unique(report_.not_finite.begin(), report_.not_finite.end()),
                           report_.not_finite.end());
  return report_;
}

// Where the model knows an attention's rows as q, k and v, and the file has them in other places than rows,
// they are taken out of there.
std::vector<StoredTensor> in_rows(const std::vector<StoredTensor>& stored, const Names& wanted) {
  std::map<std::string, std::vector<StoredTensor>> parts;  // by the name of the tensor that they are in
  for (const Attention& attention : find_attention(stored)) {
    const bool elsewhere = attention.layout->arrangement == Arrangement::columns && attention.problem.empty();
    if (!elsewhere || wanted.contains(attention.weights[0]->name)) continue;
    std::vector<StoredTensor>& own = parts[attention.weights[0]->name] = separated(attention);
    for (StoredTensor& part : own) {
      part.name_in_file = (part.shape.size() == 2 ? attention.weights : attention.biases)[0]->name;
    }
    if (attention.biases[0]) parts[attention.biases[0]->name] = {};
  }
  std::vector<StoredTensor> all;
  for (const StoredTensor& tensor : stored) {
    const auto found = parts.find(tensor.name);
    if (found == parts.end()) {
      all.push_back(tensor);
    } else {
      all.insert(all.end(), found->second.begin(), found->second.end());
    }
  }
  return all;
}

// What to do where all the file's names have something in front that the model's are without: "module.".
std::string about_prefix(const std::vector<StoredTensor>& stored, const Names& wanted) {
  if (stored.empty()) return "";
  const std::string prefix = stored[0].name.substr(0, stored[0].name.find('.') + 1);
  const bool everywhere = !prefix.empty() && std::ranges::all_of(stored, [&](const StoredTensor& tensor) {
    return tensor.name.starts_with(prefix);
  });
  const bool helps =
      everywhere && std::ranges::any_of(stored, [&](const StoredTensor& tensor) {
        return wanted.contains(tensor.name.substr(prefix.size())) && !wanted.contains(tensor.name);
      });
  if (!helps) return "";
  const std::string module = prefix.substr(0, prefix.size() - 1);
  return fmt::format(
      "\n  all its names begin with \"{}\": lockstep export FILE OUT --module {} takes that off", prefix,
      module);
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
  for (const std::string& name : not_finite) text += fmt::format("  NaN or infinite values: {}\n", name);
  for (const std::string& note : notes) text += fmt::format("  note: {}\n", note);
  return text;
}

LoadReport load(const std::vector<StoredTensor>& stored, const ParameterList& parameters,
                const LoadOptions& options, const std::string& where) {
  Names wanted;
  for (const Parameter& parameter : parameters) wanted.insert(parameter.name);
  std::vector<StoredTensor> ready = in_rows(with_todays_names(stored, wanted), wanted);
  give_parts(ready);
  Plan plan(ready, options);
  for (const Parameter& parameter : parameters) plan.add(parameter);
  plan.finish(parameters);
  plan.expect_complete(where, about_prefix(stored, wanted));
  return plan.run();
}

LoadReport load(const std::string& path, const ParameterList& parameters, const LoadOptions& options) {
  return load(open_weights(path), parameters, options, path);
}

}  // namespace lockstep::data
