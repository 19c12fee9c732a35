#include "data/files/hdf5_internal.h"

namespace lockstep::h5 {

std::recursive_mutex& Guard::mutex() {
  static std::recursive_mutex mutex;
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

hid_t memory_type(DType type) {
  switch (type) {
    case DType::f32:
      return H5T_NATIVE_FLOAT;
    case DType::f64:
      return H5T_NATIVE_DOUBLE;
    case DType::i64:
      return H5T_NATIVE_INT64;
    case DType::u8:
      return H5T_NATIVE_UINT8;
  }
  return H5I_INVALID_HID;
}

Handle string_type() {
  Handle type = owned(H5Tcopy(H5T_C_S1), "string type", "copy");
  H5Tset_size(type.id(), H5T_VARIABLE);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  return type;
}

std::string stored_type_name(hid_t type) {
  const size_t bits = 8 * H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return fmt::format("f{}", bits);
    case H5T_INTEGER:
      return fmt::format("{}{}", H5Tget_sign(type) == H5T_SGN_NONE ? 'u' : 'i', bits);
    case H5T_ENUM:
      return bits == 8 && H5Tget_nmembers(type) == 2 ? "bool" : "other";  // as h5py stores bool
    case H5T_STRING:
      return "string";
    default:
      return "other";
  }
}

std::vector<int64_t> extent(hid_t space, const std::string& name) {
  const int rank = H5Sget_simple_extent_ndims(space);
  expect_success(rank, name, "read the shape");
  std::vector<hsize_t> sizes(static_cast<size_t>(rank));
  if (rank > 0)
    expect_success(H5Sget_simple_extent_dims(space, sizes.data(), nullptr), name, "read the shape");
  return {sizes.begin(), sizes.end()};
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace lockstep::h5
