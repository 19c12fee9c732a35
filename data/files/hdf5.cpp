#include "data/files/hdf5.h"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "data/files/atomic_file.h"
#include "data/files/file_reader.h"
#include "data/files/hdf5_internal.h"
#include "data/files/seal.h"
#include "data/files/sizes.h"

namespace lockstep::h5 {
namespace {

constexpr int64_t bytes_of_a_chunk =
    256 * 1024;  // where nobody asks for a size: well within HDF5's 1 MiB chunk cache

Handle shape_space(const std::vector<int64_t>& shape, const std::string& name) {
  if (shape.empty()) return owned(H5Screate(H5S_SCALAR), name, "make its shape");
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  return owned(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), name,
               "make its shape");
}

// Groups list their children in the order of creation, so parameters keep theirs. No times of creation are
// stored: the same content gives the same bytes.
Handle creation_properties(hid_t kind) {
  Handle properties = owned(H5Pcreate(kind), "HDF5", "make creation properties");
  if (kind != H5P_DATASET_CREATE) {
    H5Pset_link_creation_order(properties.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  } else {
    H5Pset_obj_track_times(properties.id(), false);
  }
  return properties;
}

void set_chunks(hid_t properties, const std::vector<int64_t>& shape, int64_t element_bytes, Layout layout,
                const std::string& name) {
  const int64_t elements = *data::product_of(shape);
  if (elements == 0 || shape.empty() || !(layout.compress || layout.chunk_rows > 0)) return;
  const int64_t row_bytes = elements / shape[0] * element_bytes;
  const int64_t rows =
      layout.chunk_rows > 0 ? layout.chunk_rows : std::max<int64_t>(1, bytes_of_a_chunk / row_bytes);
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  chunk[0] = static_cast<hsize_t>(std::min(rows, shape[0]));
  expect_success(H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data()), name,
                 "set its chunks");
  if (!layout.compress) return;
  H5Pset_shuffle(properties);
  expect_success(H5Pset_deflate(properties, 4), name, "set its compression");
}

// Access properties of a file that lives in memory.
Handle memory_properties() {
  Handle properties = owned(H5Pcreate(H5P_FILE_ACCESS), "HDF5", "make access properties");
  expect_success(H5Pset_fapl_core(properties.id(), 1 << 20, false), "HDF5", "set up a file in memory");
  return properties;
}

// HDF5 takes two files in memory for the same one where their names agree.
std::string unique_name() {
  static std::atomic<unsigned> counter{0};
  return fmt::format("lockstep-memory-{}", counter++);
}

void expect_hdf5(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) fail("[hdf5] cannot open {}: {}", path, std::strerror(errno));
  check(S_ISREG(status.st_mode), "[hdf5] cannot open {}: it is no regular file", path);
  check(status.st_size > 0, "[hdf5] cannot open {}: it is empty; expected an HDF5 file", path);
  const htri_t is_hdf5 = H5Fis_hdf5(path.c_str());
  expect_success(is_hdf5, path, "open");
  check(is_hdf5 > 0, "[hdf5] cannot open {}: not an HDF5 file (its signature is missing)", path);
  check(data::is_intact(data::FileReader(path)),
        "[hdf5] {} is damaged: its content is not what was written; restore it from a copy", path);
}

Handle opened(hid_t id, const std::string& path) {
  if (id >= 0) return Handle(id);
  const std::string reason = last_error();
  const bool truncated = reason.find("truncated") != std::string::npos;
  fail("[hdf5] cannot open {}: {}{}", path, reason,
       truncated ? "; the file is cut short: restore it from where it came, or make it again" : "");
}

// Lockstep replaces files whole, so it needs no locks of HDF5's, which not every file system has.
Handle reading_properties() {
  Handle properties = owned(H5Pcreate(H5P_FILE_ACCESS), "HDF5", "make access properties");
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(properties.id(), false, true);
#endif
  return properties;
}

bool is_hard_link(hid_t group, const std::string& path) {
  H5L_info_t info;
  return H5Lget_info(group, path.c_str(), &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
}

bool is_kind(hid_t group, std::string_view path, H5O_type_t kind) {
  H5O_info_t info;
  return H5Oget_info_by_name2(group, std::string(path).c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 &&
         info.type == kind;
}

}  // namespace

Handle::Handle(const Handle& other) : id_(other.id_) {
  Guard guard;
  if (id_ >= 0) H5Iinc_ref(id_);
}

Handle::~Handle() {
  if (id_ < 0) return;
  Guard guard;
  H5Idec_ref(id_);
}

std::string Group::child_name(std::string_view path) const {
  return fmt::format("{}{}{}", name(), name().ends_with('/') ? "" : "/", path);
}

// HDF5 answers only for the last step of a path, so every step is asked for.
bool Group::has(std::string_view path) const {
  Guard guard;
  check(!path.empty(), "[hdf5] {}: expected the path of a group or data set: got an empty one", name());
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string step(path.substr(0, end));
    if (H5Lexists(id(), step.c_str(), H5P_DEFAULT) <= 0 || !is_hard_link(id(), step)) return false;
    if (end == std::string_view::npos) return H5Oexists_by_name(id(), step.c_str(), H5P_DEFAULT) > 0;
  }
}

bool Group::has_group(std::string_view path) const {
  Guard guard;
  return has(path) && is_kind(id(), path, H5O_TYPE_GROUP);
}

bool Group::has_dataset(std::string_view path) const {
  Guard guard;
  return has(path) && is_kind(id(), path, H5O_TYPE_DATASET);
}

std::vector<std::string> Group::children() const {
  Guard guard;
  Handle own =
      owned(H5Gopen2(id(), ".", H5P_DEFAULT), name(), "open");  // a File's identifier has no properties
  Handle properties = owned(H5Gget_create_plist(own.id()), name(), "list");
  unsigned order = 0;
  H5Pget_link_creation_order(properties.id(), &order);
  std::vector<std::string> names;
  auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  const auto index = order & H5P_CRT_ORDER_TRACKED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
  expect_success(H5Literate(own.id(), index, H5_ITER_INC, nullptr, add, &names), name(), "list");
  return names;
}

bool Group::is_link(const std::string& child) const {
  Guard guard;
  return !is_hard_link(id(), child);
}

std::string Group::identity() const {
  Guard guard;
  H5O_info_t info;
  expect_success(H5Oget_info2(id(), &info, H5O_INFO_BASIC), name(), "identify it");
  return fmt::format("{}:{}", info.fileno, info.addr);
}

Group Group::group(std::string_view path) const {
  Guard guard;
  check(has(path), "[hdf5] {}: has no group '{}'", name(), path);
  check(has_group(path), "[hdf5] {}: is a data set, expected a group", child_name(path));
  return {owned(H5Gopen2(id(), std::string(path).c_str(), H5P_DEFAULT), child_name(path), "open"),
          child_name(path)};
}

Dataset Group::dataset(std::string_view path) const {
  Guard guard;
  check(has(path), "[hdf5] {}: has no data set '{}'", name(), path);
  check(has_dataset(path), "[hdf5] {}: is a group, expected a data set", child_name(path));
  return {owned(H5Dopen2(id(), std::string(path).c_str(), H5P_DEFAULT), child_name(path), "open"),
          child_name(path)};
}

Group Group::create_group(std::string_view path) {
  Guard guard;
  expect_path(path, child_name(path));
  check(!has(path), "[hdf5] {}: exists already", child_name(path));
  return {owned(H5Gcreate2(id(), std::string(path).c_str(), create_missing_groups().id(),
                           creation_properties(H5P_GROUP_CREATE).id(), H5P_DEFAULT),
                child_name(path), "create it"),
          child_name(path)};
}

Dataset Group::write(std::string_view path, DType type, const void* values, int64_t elements,
                     const std::vector<int64_t>& shape, Layout layout) {
  Guard guard;
  check(data::product_of(shape) == elements, "[hdf5] {}: shape {} doesn't hold {} values", child_name(path),
        shape_text(shape), elements);
  return write(path, memory_type(type), values, shape, layout);
}

Dataset Group::write_stored(std::string_view path, std::string_view type, std::span<const std::byte> bytes,
                            const std::vector<int64_t>& shape) {
  Guard guard;
  const Handle element = stored_type(type);
  check(data::product_of(shape, static_cast<int64_t>(H5Tget_size(element.id()))) == std::ssize(bytes),
        "[hdf5] {}: shape {} of {} doesn't hold {} bytes", child_name(path), shape_text(shape), type,
        bytes.size());
  return write(path, element.id(), bytes.data(), shape, {});
}

Dataset Group::write(std::string_view path, int64_t element, const void* values,
                     const std::vector<int64_t>& shape, Layout layout) {
  const std::string full = child_name(path);
  expect_path(path, full);
  check(!has(path), "[hdf5] {}: exists already", full);
  Handle properties = creation_properties(H5P_DATASET_CREATE);
  set_chunks(properties.id(), shape, static_cast<int64_t>(H5Tget_size(element)), layout, full);
  Handle set = owned(H5Dcreate2(id(), std::string(path).c_str(), element, shape_space(shape, full).id(),
                                create_missing_groups().id(), properties.id(), H5P_DEFAULT),
                     full, "create it");
  if (*data::product_of(shape) > 0) {
    expect_success(H5Dwrite(set.id(), element, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), full, "write it");
  }
  return {std::move(set), full};
}

Dataset Group::copy(std::string_view path, const Dataset& from) {
  Guard guard;
  const std::string full = child_name(path);
  expect_path(path, full);
  check(!from.is_elsewhere(), "[hdf5] {} cannot be copied: its values are in other files", from.name());
  expect_success(
      H5Ocopy(from.id(), ".", id(), std::string(path).c_str(), H5P_DEFAULT, create_missing_groups().id()),
      full, "copy it");
  return dataset(path);
}

void Group::remove(std::string_view path) {
  Guard guard;
  check(has(path), "[hdf5] {}: has no '{}' to remove", name(), path);
  expect_success(H5Ldelete(id(), std::string(path).c_str(), H5P_DEFAULT), child_name(path), "remove it");
}

File::File(Handle handle, std::string path, bool writable)
    : Group(std::move(handle), path + ":/"), path_(std::move(path)), writable_(writable) {}

File File::open(const std::string& path) {
  Guard guard;
  expect_hdf5(path);
  return {opened(H5Fopen(path.c_str(), H5F_ACC_RDONLY, reading_properties().id()), path), path, false};
}

File File::create(const std::string& path) {
  Guard guard;
  return {owned(H5Fcreate(unique_name().c_str(), H5F_ACC_TRUNC, creation_properties(H5P_FILE_CREATE).id(),
                          memory_properties().id()),
                path, "create it"),
          path, true};
}

File File::modify(const std::string& path) {
  Guard guard;
  expect_hdf5(path);
  std::string image = data::read_file(path);
  Handle properties = memory_properties();
  expect_success(H5Pset_file_image(properties.id(), image.data(), image.size()), path, "take it into memory");
  return {opened(H5Fopen(unique_name().c_str(), H5F_ACC_RDWR, properties.id()), path), path, true};
}

void File::commit() {
  check(writable_, "[hdf5] {}: is open for reading; open it with h5::File::modify to change it", path_);
  std::vector<std::byte> image;
  {
    Guard guard;  // not held while the disk is waited for
    expect_success(H5Fflush(id(), H5F_SCOPE_GLOBAL), path_, "complete it");
    const ssize_t size = H5Fget_file_image(id(), nullptr, 0);
    expect_success(size, path_, "complete it");
    image.resize(static_cast<size_t>(size));
    expect_success(H5Fget_file_image(id(), image.data(), image.size()), path_, "complete it");
  }
  data::AtomicFile file(path_);
  file.write(image);
  file.write(data::seal_of(image));
  file.commit();
}

std::string library_version() {
  const Guard guard;
  unsigned major = 0, minor = 0, release = 0;
  expect_success(H5get_libversion(&major, &minor, &release), "HDF5", "tell its version");
  return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace lockstep::h5
