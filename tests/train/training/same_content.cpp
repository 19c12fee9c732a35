#include "tests/train/training/same_content.h"

#include <cstring>
#include <vector>

#include "core/error.h"
#include "data/files/hdf5.h"

namespace lockstep::train {
namespace {

bool is_time(const std::string& name) { return name.ends_with("seconds"); }

// What a value is, as bytes, whatever its type.
template <typename Read>
std::string bytes_of(Read read) {
  const auto values = read();
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]};
}

std::string bytes_of(const h5::Dataset& set) {
  if (set.type_name() == "f32") return bytes_of([&] { return set.read<float>(); });
  if (set.type_name() == "f64") return bytes_of([&] { return set.read<double>(); });
  return bytes_of([&] { return set.read<std::int64_t>(); });
}

std::string text_of(const h5::Object& object, const std::string& attribute) {
  try {
    return object.attribute<std::string>(attribute);
  } catch (const Error&) {  // a number, here always whole
    return std::to_string(object.attribute<std::int64_t>(attribute));
  }
}

std::string difference(const h5::Object& a, const h5::Object& b) {
  if (a.attribute_names() != b.attribute_names()) return a.name() + ": other attributes";
  for (const std::string& name : a.attribute_names()) {
    if (!is_time(name) && text_of(a, name) != text_of(b, name)) return a.name() + ": attribute " + name;
  }
  return "";
}

std::string difference(const h5::Group& a, const h5::Group& b) {
  const h5::Object &object_a = a, &object_b = b;
  if (const std::string found = difference(object_a, object_b); !found.empty()) return found;
  if (a.children() != b.children()) return a.name() + ": other children";
  for (const std::string& name : a.children()) {
    std::string found;
    if (a.has_group(name)) {
      found = difference(a.group(name), b.group(name));
    } else if (!is_time(name)) {
      const h5::Dataset x = a.dataset(name), y = b.dataset(name);
      const h5::Object &object_x = x, &object_y = y;
      found = difference(object_x, object_y);
      if (x.type_name() != y.type_name() || x.shape() != y.shape() || bytes_of(x) != bytes_of(y))
        found = x.name() + ": other values";
    }
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace

testing::AssertionResult same_content(const std::string& a, const std::string& b) {
  const h5::File x = h5::File::open(a), y = h5::File::open(b);
  const h5::Group &group_x = x, &group_y = y;
  const std::string found = difference(group_x, group_y);
  if (found.empty()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << found << " (against " << b << ")";
}

}  // namespace lockstep::train
