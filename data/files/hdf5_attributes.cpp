#include <algorithm>
#include <optional>

#include "data/files/hdf5_internal.h"
#include "data/files/sizes.h"

namespace lockstep::h5 {
namespace {

struct Attribute {
  Handle handle;
  std::string name;  // for messages
  std::string type_name;
  int64_t size;  // elements
};

// Elements. Their bytes stand in the file, so a file of common size has no large ones.
int64_t attribute_size(hid_t space, size_t element_bytes, const std::string& name) {
  constexpr int64_t largest = int64_t{64} << 20;  // bytes
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return 0;
  const std::vector<int64_t> shape = extent(space, name);
  const std::optional<int64_t> bytes = data::product_of(shape, static_cast<int64_t>(element_bytes));
  check(bytes && *bytes <= largest, "[hdf5] {}: has shape {}, more than the {} bytes that are read", name,
        shape_text(shape), largest);
  return *data::product_of(shape);
}

Attribute open_attribute(int64_t object, const std::string& object_name, std::string_view attribute) {
  const std::string key(attribute), name = fmt::format("{}, attribute '{}'", object_name, attribute);
  const htri_t found = H5Aexists(object, key.c_str());
  expect_success(found, name, "look it up");
  check(found > 0, "[hdf5] {}: has no attribute '{}'", object_name, attribute);
  Handle handle = owned(H5Aopen(object, key.c_str(), H5P_DEFAULT), name, "open");
  Handle type = owned(H5Aget_type(handle.id()), name, "read the type");
  Handle space = owned(H5Aget_space(handle.id()), name, "read the shape");
  std::string type_name = stored_type_name(type.id());
  const int64_t size = attribute_size(space.id(), H5Tget_size(type.id()), name);
  return {std::move(handle), name, std::move(type_name), size};
}

template <Element T>
std::vector<T> read_numbers(const Attribute& attribute) {
  check(data::fits(attribute.type_name, dtype_of<T>()), "[hdf5] {}: expected {}: got {}", attribute.name,
        name_of(dtype_of<T>()), attribute.type_name);
  std::vector<T> values(static_cast<size_t>(attribute.size));
  if (values.empty()) return values;
  expect_success(H5Aread(attribute.handle.id(), memory_type(dtype_of<T>()), values.data()), attribute.name,
                 "read");
  return values;
}

std::vector<std::string> read_strings(const Attribute& attribute) {
  check(attribute.type_name == "string", "[hdf5] {}: expected a string: got {}", attribute.name,
        attribute.type_name);
  const auto count = static_cast<size_t>(attribute.size);
  std::vector<std::string> values;
  if (count == 0) return values;
  Handle stored = owned(H5Aget_type(attribute.handle.id()), attribute.name, "read the type");
  if (H5Tis_variable_str(stored.id()) > 0) {
    Handle type = string_type();
    H5Tset_cset(type.id(), H5Tget_cset(stored.id()));  // HDF5 won't convert between ASCII and UTF-8
    std::vector<char*> texts(count, nullptr);
    expect_success(H5Aread(attribute.handle.id(), type.id(), texts.data()), attribute.name, "read");
    for (const char* text : texts) values.emplace_back(text ? text : "");
    Handle space = owned(H5Aget_space(attribute.handle.id()), attribute.name, "read the shape");
    H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, texts.data());
  } else {
    const size_t length = H5Tget_size(stored.id());
    std::string bytes(count * length, '\0');
    expect_success(H5Aread(attribute.handle.id(), stored.id(), bytes.data()), attribute.name, "read");
    const bool spaces = H5Tget_strpad(stored.id()) == H5T_STR_SPACEPAD;
    for (size_t i = 0; i < count; ++i) {
      std::string text = bytes.substr(i * length, length);
      if (spaces) {
        text.erase(text.find_last_not_of(' ') + 1);
      } else {
        text.resize(std::min(text.find('\0'), text.size()));
      }
      values.push_back(std::move(text));
    }
  }
  return values;
}

template <typename T>
T single(std::vector<T> values, const Attribute& attribute) {
  check(values.size() == 1, "[hdf5] {}: expected one value: got {}", attribute.name, values.size());
  return std::move(values.front());
}

void write_attribute(int64_t object, const std::string& object_name, std::string_view attribute, hid_t type,
                     Handle space, const void* values) {
  const std::string key(attribute), name = fmt::format("{}, attribute '{}'", object_name, attribute);
  const htri_t found = H5Aexists(object, key.c_str());
  expect_success(found, name, "look it up");
  if (found > 0) expect_success(H5Adelete(object, key.c_str()), name, "replace it");
  Handle handle =
      owned(H5Acreate2(object, key.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), name, "create it");
  if (H5Sget_simple_extent_type(space.id()) != H5S_NULL && H5Sget_simple_extent_npoints(space.id()) > 0) {
    expect_success(H5Awrite(handle.id(), type, values), name, "write it");
  }
}

Handle scalar_space() { return owned(H5Screate(H5S_SCALAR), "scalar", "make its shape"); }

Handle array_space(size_t size) {
  const hsize_t extent = size;
  return owned(H5Screate_simple(1, &extent, nullptr), "array", "make its shape");
}

}  // namespace

bool Object::has_attribute(std::string_view name) const {
  Guard guard;
  return H5Aexists(id(), std::string(name).c_str()) > 0;
}

std::vector<std::string> Object::attribute_names() const {
  Guard guard;
  std::vector<std::string> names;
  auto add = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  expect_success(H5Aiterate2(id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), name_,
                 "list its attributes");
  return names;
}

template <>
std::vector<std::string> Object::attribute(std::string_view name) const {
  Guard guard;
  return read_strings(open_attribute(id(), name_, name));
}

template <>
std::vector<int64_t> Object::attribute(std::string_view name) const {
  Guard guard;
  return read_numbers<int64_t>(open_attribute(id(), name_, name));
}

template <>
std::vector<double> Object::attribute(std::string_view name) const {
  Guard guard;
  return read_numbers<double>(open_attribute(id(), name_, name));
}

template <>
std::string Object::attribute(std::string_view name) const {
  Guard guard;
  Attribute opened = open_attribute(id(), name_, name);
  return single(read_strings(opened), opened);
}

template <>
int64_t Object::attribute(std::string_view name) const {
  Guard guard;
  Attribute opened = open_attribute(id(), name_, name);
  return single(read_numbers<int64_t>(opened), opened);
}

template <>
double Object::attribute(std::string_view name) const {
  Guard guard;
  Attribute opened = open_attribute(id(), name_, name);
  return single(read_numbers<double>(opened), opened);
}

void Object::remove_attribute(std::string_view name) {
  Guard guard;
  if (has_attribute(name)) {
    expect_success(H5Adelete(id(), std::string(name).c_str()), name_, "remove an attribute of it");
  }
}

void Object::copy_attributes(const Object& from) {
  Guard guard;
  for (const std::string& name : from.attribute_names()) {
    const Attribute attribute = open_attribute(from.id(), from.name(), name);
    Handle type = owned(H5Aget_type(attribute.handle.id()), attribute.name, "read the type");
    Handle space = owned(H5Aget_space(attribute.handle.id()), attribute.name, "read the shape");
    std::vector<std::byte> values(static_cast<size_t>(attribute.size) * H5Tget_size(type.id()));
    if (attribute.size > 0) {
      expect_success(H5Aread(attribute.handle.id(), type.id(), values.data()), attribute.name, "read");
    }
    write_attribute(id(), name_, name, type.id(), space, values.data());
    if (attribute.size > 0) H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, values.data());
  }
}

void Object::set_attribute(std::string_view name, std::string_view value) {
  Guard guard;
  const std::string text(value);
  const char* pointer = text.c_str();
  write_attribute(id(), name_, name, string_type().id(), scalar_space(), &pointer);
}

void Object::set_attribute(std::string_view name, std::span<const std::string> values) {
  Guard guard;
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  write_attribute(id(), name_, name, string_type().id(), array_space(values.size()), pointers.data());
}

void Object::set_attribute(std::string_view name, std::span<const int64_t> values) {
  Guard guard;
  write_attribute(id(), name_, name, H5T_NATIVE_INT64, array_space(values.size()), values.data());
}

void Object::set_attribute(std::string_view name, std::span<const double> values) {
  Guard guard;
  write_attribute(id(), name_, name, H5T_NATIVE_DOUBLE, array_space(values.size()), values.data());
}

void Object::set_integer(std::string_view name, int64_t value) {
  Guard guard;
  write_attribute(id(), name_, name, H5T_NATIVE_INT64, scalar_space(), &value);
}

void Object::set_real(std::string_view name, double value) {
  Guard guard;
  write_attribute(id(), name_, name, H5T_NATIVE_DOUBLE, scalar_space(), &value);
}

}  // namespace lockstep::h5
