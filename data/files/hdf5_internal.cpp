#include "data/files/hdf5_internal.h"

#include <algorithm>

namespace lockstep::h5 {

std::mutex& Guard::mutex() {
  static std::mutex mutex;
  return mutex;
}

std::string last_error() {
  std::string text;
  auto innermost = [](unsigned depth, const H5E_error2_t* error, void* out) -> herr_t {
    if (depth == 0 && error->desc) *static_cast<std::string*>(out) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &text);
  return text.empty() ? "HDF5 gives no reason" : text;
}

Handle owned(hid_t id, const std::string& name, std::string_view action) {
  expect_success(id, name, action);
  return Handle(id);
}

void expect_success(int64_t status, const std::string& name, std::string_view action) {
  if (status < 0) fail("[hdf5] {}: cannot {}: {}", name, action, last_error());
}

Handle create_missing_groups() {
  Handle properties = owned(H5Pcreate(H5P_LINK_CREATE), "HDF5", "make link properties");
  H5Pset_create_intermediate_group(properties.id(), 1);
  return properties;
}

void expect_path(std::string_view path, const std::string& name) {
  bool good = path.find('\0') == std::string_view::npos;
  for (size_t begin = 0; good && begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view step = path.substr(begin, end - begin);
    good = !step.empty() && step != ".";
    begin = end + 1;
  }
  check(good,
        "[hdf5] {}: HDF5 takes no such name: between slashes it wants one that is neither empty nor \".\"",
        name);
}

std::vector<int64_t> extent(hid_t space, const std::string& name) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return {0};
  const int rank = H5Sget_simple_extent_ndims(space);
  expect_success(rank, name, "read the shape");
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  if (rank > 0)
    expect_success(H5Sget_simple_extent_dims(space, sizes.data(), nullptr), name, "read the shape");
  return {sizes.begin(), sizes.end()};
}

}  // namespace lockstep::h5
