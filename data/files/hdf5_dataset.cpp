#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "data/files/hdf5_internal.h"
#include "data/files/sizes.h"

namespace lockstep::h5 {
namespace {

// What a reader takes from a file: this much, and more only where the file holds a part of it that deflate
// could have made it from. Two kilobytes can stand for 23 GB otherwise.
constexpr int64_t always_read = int64_t{256} << 20, most_deflated = 1032;

int64_t file_bytes(int64_t object) {
  const Handle file = owned(H5Iget_file_id(object), "HDF5", "find the file");
  hsize_t size = 0;
  return H5Fget_filesize(file.id(), &size) < 0 ? 0 : static_cast<int64_t>(size);
}

int64_t largest_read(int64_t set) {
  const auto stored = static_cast<int64_t>(
      std::min<hsize_t>(H5Dget_storage_size(set), static_cast<hsize_t>(file_bytes(set))));
  return stored > std::numeric_limits<int64_t>::max() / most_deflated
             ? std::numeric_limits<int64_t>::max()
             : std::max(always_read, stored * most_deflated);
}

// The bytes of a chunk; 0 where the data set is not stored in chunks.
int64_t chunk_bytes(hid_t properties, int rank, int64_t element_bytes) {
  if (H5Pget_layout(properties) != H5D_CHUNKED) return 0;
  std::vector<hsize_t> chunk(static_cast<size_t>(rank));
  if (H5Pget_chunk(properties, rank, chunk.data()) < 0) return std::numeric_limits<int64_t>::max();
  const std::vector<int64_t> sizes(chunk.begin(), chunk.end());
  return data::product_of(sizes, element_bytes).value_or(std::numeric_limits<int64_t>::max());
}

// Whether a chunk went through the filter with this number in the pipeline. One that is optional is passed
// over where it gains nothing.
bool is_used(int64_t set, int filter) {
  constexpr hsize_t most_looked_at = 1000;
  const Handle space = owned(H5Dget_space(set), "HDF5", "read the shape");
  hsize_t chunks = 0;
  if (H5Dget_num_chunks(set, space.id(), &chunks) < 0 || chunks > most_looked_at) return true;
  for (hsize_t i = 0; i < chunks; ++i) {
    unsigned passed_over = 0;
    hsize_t offset[H5S_MAX_RANK], size = 0;
    haddr_t address = 0;
    if (H5Dget_chunk_info(set, space.id(), i, offset, &passed_over, &address, &size) < 0) return true;
    if ((passed_over >> filter & 1u) == 0) return true;
  }
  return false;
}

std::string missing_filter(int64_t set, hid_t properties) {
  for (int i = 0; i < H5Pget_nfilters(properties); ++i) {
    unsigned flags = 0;
    size_t values = 0;
    char name[80] = "";
    const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr,
                                               sizeof name, name, nullptr);
    if ((filter < 0 || H5Zfilter_avail(filter) <= 0) && is_used(set, i)) {
      return fmt::format("it is compressed by the filter {} ({}), which this HDF5 is without", filter,
                         name[0] ? name : "no name");
    }
  }
  return "";
}

// Whether chunks that were never written leave the memory as it is that they are read to.
bool leaves_gaps(int64_t set) {
  const Handle properties = owned(H5Dget_create_plist(set), "HDF5", "read the layout");
  H5D_fill_value_t fill = H5D_FILL_VALUE_UNDEFINED;
  H5D_fill_time_t time = H5D_FILL_TIME_NEVER;
  H5Pfill_value_defined(properties.id(), &fill);
  H5Pget_fill_time(properties.id(), &time);
  return fill == H5D_FILL_VALUE_UNDEFINED || time == H5D_FILL_TIME_NEVER;
}

}  // namespace

Dataset::Dataset(Handle handle, std::string name) : Object(std::move(handle), std::move(name)) {
  Handle space = owned(H5Dget_space(id()), this->name(), "read the shape");
  shape_ = extent(space.id(), this->name());
}

int64_t Dataset::size() const {
  const std::optional<int64_t> size = data::product_of(shape_);
  if (!size) fail("[hdf5] {}: the shape {} has more than 2^63 elements", name(), shape_text(shape_));
  return *size;
}

std::string Dataset::type_name() const {
  Guard guard;
  return stored_type_name(owned(H5Dget_type(id()), name(), "read the type").id());
}

bool Dataset::is_elsewhere() const {
  Guard guard;
  Handle properties = owned(H5Dget_create_plist(id()), name(), "read the layout");
  return H5Pget_layout(properties.id()) == H5D_VIRTUAL || H5Pget_external_count(properties.id()) > 0;
}

std::string Dataset::problem() const {
  const std::optional<int64_t> elements = data::product_of(shape_);
  return elements ? problem_reading(*elements)
                  : fmt::format("its shape {} has more than 2^63 elements", shape_text(shape_));
}

std::string Dataset::problem_reading(int64_t elements) const {
  Guard guard;
  if (is_elsewhere()) return "its values are in other files, which are not followed";
  Handle space = owned(H5Dget_space(id()), name(), "read the shape");
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) return "it is empty: it has a type and no values";
  Handle properties = owned(H5Dget_create_plist(id()), name(), "read the layout");
  if (std::string missing = missing_filter(id(), properties.id()); !missing.empty()) return missing;
  Handle type = owned(H5Dget_type(id()), name(), "read the type");
  const std::string type_word = stored_type_name(type.id());
  if (!data::find_stored_type(type_word))
    return fmt::format("it holds no numbers of a known type ({})", type_word);
  const auto element = static_cast<int64_t>(H5Tget_size(type.id()));
  // HDF5 itself would read such values from nowhere.
  const std::optional<int64_t> all = data::product_of(shape_, element);
  const bool compact = H5Pget_layout(properties.id()) == H5D_COMPACT;
  if (compact && (!all || static_cast<int64_t>(H5Dget_storage_size(id())) < *all)) {
    return fmt::format("the file holds fewer bytes than its shape {} asks for: it is damaged",
                       shape_text(shape_));
  }
  const int64_t largest = largest_read(id());
  const int64_t sizes[] = {elements};
  const std::optional<int64_t> bytes = data::product_of(sizes, element);
  const int64_t chunk = chunk_bytes(properties.id(), static_cast<int>(shape_.size()), element);
  if (bytes && *bytes <= largest && chunk <= largest) return "";
  return fmt::format("{} values of {}{} are more than the {} bytes that are read of what the file holds",
                     elements, type_word, chunk > largest ? ", stored in chunks too large," : "", largest);
}

int64_t Dataset::chunk_rows() const {
  Guard guard;
  Handle properties = owned(H5Dget_create_plist(id()), name(), "read the layout");
  if (H5Pget_layout(properties.id()) != H5D_CHUNKED) return 0;
  std::vector<hsize_t> chunk(shape_.size());
  expect_success(H5Pget_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data()), name(),
                 "read the chunks");
  return static_cast<int64_t>(chunk.at(0));
}

void Dataset::expect_fits(DType type) const {
  const std::string stored = type_name();
  check(data::fits(stored, type), "[hdf5] {}: holds {}, expected {}", name(), stored, name_of(type));
}

void Dataset::expect_shape(std::span<const int64_t> expected) const {
  const bool same =
      std::ranges::equal(shape_, expected, [](int64_t got, int64_t want) { return want < 0 || got == want; });
  check(same, "[hdf5] {}: has shape {}, expected {}{}", name(), shape_text(shape_), shape_text(expected),
        std::ranges::find(expected, -1) != expected.end() ? " (-1: any size)" : "");
}

void Dataset::too_large(int64_t elements, size_t element_bytes) const {
  fail("[hdf5] {}: {} values of {} bytes don't fit into memory: read it by rows", name(), elements,
       element_bytes);
}

void Dataset::expect_readable(int64_t elements) const {
  const std::string why = problem_reading(elements);
  check(why.empty(), "[hdf5] {} cannot be read: {}", name(), why);
}

int64_t Dataset::checked_rows(int64_t begin, int64_t count) const {
  check(!shape_.empty(), "[hdf5] {}: is a scalar, it has no rows", name());
  check(begin >= 0 && count >= 0 && begin <= shape_[0] - count,
        "[hdf5] {}: rows {} to {} asked for, it has {} rows", name(), begin, begin + count, shape_[0]);
  const std::optional<int64_t> elements = data::product_of(std::span(shape_).subspan(1), count);
  if (!elements) fail("[hdf5] {}: {} of its rows have more than 2^63 elements", name(), count);
  return *elements;
}

void Dataset::read_all(DType type, void* out, int64_t elements) const {
  Guard guard;
  check(elements == size(), "[hdf5] {}: has shape {}, expected {} elements: got room for {}", name(),
        shape_text(shape_), size(), elements);
  expect_fits(type);
  expect_readable(elements);
  if (elements == 0) return;
  read_into(memory_type(type), out, static_cast<size_t>(elements) * size_of(type));
}

std::vector<std::byte> Dataset::read_stored() const {
  Guard guard;
  expect_readable(size());
  const Handle type = stored_type(type_name());
  std::vector<std::byte> bytes(static_cast<size_t>(size()) * H5Tget_size(type.id()));
  if (!bytes.empty()) read_into(type.id(), bytes.data(), bytes.size());
  return bytes;
}

void Dataset::read_into(int64_t type, void* out, size_t bytes) const {
  if (leaves_gaps(id())) std::memset(out, 0, bytes);
  expect_success(H5Dread(id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out), name(), "read");
}

void Dataset::read_rows(DType type, int64_t begin, int64_t count, void* out, int64_t elements) const {
  Guard guard;
  const int64_t needed = checked_rows(begin, count);
  check(elements == needed, "[hdf5] {}: {} rows of it have {} elements: got room for {}", name(), count,
        needed, elements);
  expect_fits(type);
  expect_readable(elements);
  if (elements == 0) return;
  Handle file_space = owned(H5Dget_space(id()), name(), "read the shape");
  std::vector<hsize_t> start(shape_.size(), 0), sizes(shape_.begin(), shape_.end());
  start[0] = static_cast<hsize_t>(begin);
  sizes[0] = static_cast<hsize_t>(count);
  expect_success(
      H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, start.data(), nullptr, sizes.data(), nullptr),
      name(), "select rows");
  Handle memory_space =
      owned(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), name(), "select rows");
  if (leaves_gaps(id())) std::memset(out, 0, static_cast<size_t>(elements) * size_of(type));
  expect_success(H5Dread(id(), memory_type(type), memory_space.id(), file_space.id(), H5P_DEFAULT, out),
                 name(), "read rows");
}

}  // namespace lockstep::h5
