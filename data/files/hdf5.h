#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dtype.h"

// HDF5 files as values: a File is a Group, a Group holds Groups and Datasets, all of them carry attributes.
//
//   h5::File file = h5::File::create("study.h5");
//   file.set_attribute("seeds", 12);
//   file.write("runs/0/loss", losses, {200});              // makes the groups on the way
//   file.commit();                                         // now, and only now, study.h5 changes, as a whole
//
//   h5::File file = h5::File::open("digits.h5");
//   std::vector<uint8_t> ten = file.dataset("images").read_rows<uint8_t>(0, 10);
//
// A file that is written is kept in memory until commit() puts it on the disk whole
// (data/files/atomic_file.h): killed at any moment, what stands on the disk is the old file or the new one.
// Files larger than memory can be read, by rows.
//
// HDF5 is not thread-safe in every build, so one lock inside serialises all calls: use separate objects from
// as many threads as you like, but expect no speed-up. Errors are lockstep::Error and name file, object and
// remedy: for a file that is none of HDF5's, cut short or damaged, an object that is not there or of another
// kind, a name that is taken, values that do not have the shape, and a stored type that T does not hold
// exactly.
namespace lockstep::h5 {

template <typename T>
concept Element =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, int64_t> || std::same_as<T, uint8_t>;

template <Element T>
struct Array {
  std::vector<int64_t> shape;  // {} for a scalar
  std::vector<T> values;       // C order
};

struct Layout {
  bool compress = false;   // gzip after a byte shuffle; stores in chunks
  int64_t chunk_rows = 0;  // indices of the first dimension in a chunk; 0: HDF5 may store it in one piece
};

// An HDF5 identifier. Copies share it; the last one closes it.
class Handle {
 public:
  Handle() = default;
  explicit Handle(int64_t id) : id_(id) {}
  Handle(const Handle& other);
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle();

  int64_t id() const { return id_; }

 private:
  int64_t id_ = -1;
};

// What files, groups and data sets have in common: a name and attributes.
class Object {
 public:
  const std::string& name() const { return name_; }  // "digits.h5:/images", for messages

  bool has_attribute(std::string_view name) const;
  std::vector<std::string> attribute_names() const;

  // T: std::string, int64_t, double, or a std::vector of one of them. Throws where the attribute is missing
  // or its stored type doesn't fit into T without loss.
  template <typename T>
  T attribute(std::string_view name) const;

  // These replace an attribute of the same name. Strings are stored as UTF-8 of variable length.
  void set_attribute(std::string_view name, std::string_view value);
  void set_attribute(std::string_view name, std::span<const std::string> values);
  void set_attribute(std::string_view name, std::span<const int64_t> values);
  void set_attribute(std::string_view name, std::span<const double> values);
  template <std::integral T>
  void set_attribute(std::string_view name, T value) {
    set_integer(name, static_cast<int64_t>(value));
  }
  template <std::floating_point T>
  void set_attribute(std::string_view name, T value) {
    set_real(name, static_cast<double>(value));
  }
  void remove_attribute(std::string_view name);  // if it is there
  // All attributes of another object, as they are stored there; those of the same name are replaced.
  void copy_attributes(const Object& from);

 protected:
  Object(Handle handle, std::string name) : handle_(std::move(handle)), name_(std::move(name)) {}
  int64_t id() const { return handle_.id(); }

 private:
  void set_integer(std::string_view name, int64_t value);
  void set_real(std::string_view name, double value);

  Handle handle_;
  std::string name_;
};

template <>
std::string Object::attribute(std::string_view name) const;
template <>
int64_t Object::attribute(std::string_view name) const;
template <>
double Object::attribute(std::string_view name) const;
template <>
std::vector<std::string> Object::attribute(std::string_view name) const;
template <>
std::vector<int64_t> Object::attribute(std::string_view name) const;
template <>
std::vector<double> Object::attribute(std::string_view name) const;

// Reading converts between stored types only where nothing can be lost (f16 or f32 to f64, bool or u8 to i64,
// ...).
class Dataset : public Object {
 public:
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t size() const;  // elements; throws where they are 2^63 or more
  // As stored: one of data/files/stored_type.h, or "string", "compound", "other", ...
  std::string type_name() const;
  // Why its values cannot be read; empty where they can. Nothing is read that stands in another file, nothing
  // that a filter is missing for, and no more than 256 MiB, or what deflate can make of the bytes in the
  // file.
  std::string problem() const;
  // Whether its values are said to stand in other files (external storage, virtual data sets).
  bool is_elsewhere() const;
  int64_t chunk_rows() const;  // rows in a stored chunk; 0 where the data set is not stored in chunks

  // Throws unless every stored value has an equal one of this type.
  void expect_fits(DType type) const;
  // Throws unless the data set has this shape; -1 stands for any size.
  void expect_shape(std::span<const int64_t> expected) const;
  void expect_shape(std::initializer_list<int64_t> expected) const {
    expect_shape(std::span(expected.begin(), expected.size()));
  }

  // All values, in C order. `out` must have size() elements.
  template <Element T>
  void read(std::span<T> out) const {
    read_all(dtype_of<T>(), out.data(), static_cast<int64_t>(out.size()));
  }
  template <Element T>
  std::vector<T> read() const {
    std::vector<T> values = allocate<T>(size());
    read(std::span(values));
    return values;
  }

  // The bytes of its values, of the type that type_name() names, little endian. Chunks that were never
  // written give the fill value, or zeros.
  std::vector<std::byte> read_stored() const;

  // Rows [begin, begin + count) of the first dimension, in C order. Throws for rows that it has not.
  template <Element T>
  void read_rows(int64_t begin, int64_t count, std::span<T> out) const {
    read_rows(dtype_of<T>(), begin, count, out.data(), static_cast<int64_t>(out.size()));
  }
  template <Element T>
  std::vector<T> read_rows(int64_t begin, int64_t count) const {
    std::vector<T> values = allocate<T>(checked_rows(begin, count));
    read_rows(begin, count, std::span(values));
    return values;
  }

 private:
  friend class Group;
  Dataset(Handle handle, std::string name);

  template <Element T>
  std::vector<T> allocate(int64_t elements) const {
    expect_readable(elements);
    try {
      return std::vector<T>(static_cast<size_t>(elements));
    } catch (const std::exception&) {
      too_large(elements, sizeof(T));
    }
  }
  [[noreturn]] void too_large(int64_t elements, size_t element_bytes) const;
  std::string problem_reading(int64_t elements) const;
  void expect_readable(int64_t elements) const;
  int64_t checked_rows(int64_t begin, int64_t count) const;  // elements in these rows
  void read_into(int64_t type, void* out, size_t bytes) const;
  void read_all(DType type, void* out, int64_t elements) const;
  void read_rows(DType type, int64_t begin, int64_t count, void* out, int64_t elements) const;

  std::vector<int64_t> shape_;
};

// Paths are relative to the group; "a/b/c" walks down. Only what stands in the file itself is found: links by
// name, within the file or out of it, are not followed.
class Group : public Object {
 public:
  bool has(std::string_view path) const;
  bool has_group(std::string_view path) const;
  bool has_dataset(std::string_view path) const;
  std::vector<std::string> children() const;  // in the order of creation where the file kept it, else by name
  bool is_link(const std::string& child) const;  // by name, so not followed
  std::string identity() const;                  // the same for two paths to one group

  Group group(std::string_view path) const;
  Dataset dataset(std::string_view path) const;
  template <Element T>
  Array<T> read(std::string_view path) const {
    Dataset set = dataset(path);
    return {set.shape(), set.read<T>()};
  }

  Group create_group(std::string_view path);
  // Creates the data set `path` of this shape ({}: a scalar) from values in C order.
  template <std::ranges::contiguous_range Range>
  requires Element<std::ranges::range_value_t<Range>> Dataset write(std::string_view path,
                                                                    const Range& values,
                                                                    const std::vector<int64_t>& shape,
                                                                    Layout layout = {}) {
    return write(path, dtype_of<std::ranges::range_value_t<Range>>(), std::ranges::data(values),
                 static_cast<int64_t>(std::ranges::size(values)), shape, layout);
  }
  // The same from bytes of a type of data/files/stored_type.h.
  Dataset write_stored(std::string_view path, std::string_view type, std::span<const std::byte> bytes,
                       const std::vector<int64_t>& shape);
  // A data set of another file as it is stored there, whatever its type and filters, with its attributes.
  Dataset copy(std::string_view path, const Dataset& from);
  void remove(std::string_view path);

 protected:
  Group(Handle handle, std::string name) : Object(std::move(handle), std::move(name)) {}

 private:
  std::string child_name(std::string_view path) const;
  Dataset write(std::string_view path, DType type, const void* values, int64_t elements,
                const std::vector<int64_t>& shape, Layout layout);
  Dataset write(std::string_view path, int64_t element_type, const void* values,
                const std::vector<int64_t>& shape, Layout layout);
};

class File : public Group {
 public:
  static File open(const std::string& path);  // to read
  // The same for a file that anybody may have written. HDF5 crashes on many a damaged one; so where it has no
  // seal (data/files/seal.h) a child process reads it first, and its end is an Error here.
  static File open_foreign(const std::string& path);
  static File create(const std::string& path);  // empty; commit() makes or replaces the file at `path`
  static File modify(const std::string& path);  // the content of a file, to be changed and committed

  // Puts the content on the disk in one step. May be called again after further changes. Throws for a file
  // that was opened to be read.
  void commit();

 private:
  File(Handle handle, std::string path, bool writable);

  std::string path_;
  bool writable_;
};

// Of HDF5 itself: "1.10.8".
std::string library_version();

}  // namespace lockstep::h5
