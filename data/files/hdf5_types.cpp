#include <array>
#include <cstring>

#include "data/files/hdf5_internal.h"

namespace lockstep::h5 {
namespace {

// Where HDF5 finds sign, exponent and fraction of a number.
struct FloatFormat {
  std::string_view name;
  size_t bytes, exponent_at, exponent_bits, fraction_bits, bias;
};
constexpr std::array<FloatFormat, 6> floats = {{{"f8_e4m3", 1, 3, 4, 3, 7},
                                                {"f8_e5m2", 1, 2, 5, 2, 15},
                                                {"f16", 2, 10, 5, 10, 15},
                                                {"bf16", 2, 7, 8, 7, 127},
                                                {"f32", 4, 23, 8, 23, 127},
                                                {"f64", 8, 52, 11, 52, 1023}}};

std::string float_name(hid_t type) {
  size_t sign = 0, exponent_at = 0, exponent_bits = 0, fraction_at = 0, fraction_bits = 0;
  H5Tget_fields(type, &sign, &exponent_at, &exponent_bits, &fraction_at, &fraction_bits);
  for (const FloatFormat& f : floats) {
    if (H5Tget_size(type) == f.bytes && sign == 8 * f.bytes - 1 && exponent_at == f.exponent_at &&
        exponent_bits == f.exponent_bits && fraction_at == 0 && fraction_bits == f.fraction_bits &&
        H5Tget_ebias(type) == f.bias) {
      return std::string(f.name);
    }
  }
  return "other float";
}

std::string integer_name(hid_t type) {
  const size_t bits = 8 * H5Tget_size(type);
  if (H5Tget_precision(type) != bits || (bits & (bits - 1)) != 0 || bits > 64) return "other integer";
  return fmt::format("{}{}", H5Tget_sign(type) == H5T_SGN_NONE ? 'u' : 'i', bits);
}

// As h5py stores truth values: an enumeration of a byte, FALSE = 0 and TRUE = 1.
bool is_bool(hid_t type) {
  if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return false;
  for (const unsigned i : {0u, 1u}) {
    signed char value = -1;
    char* name = H5Tget_member_name(type, i);
    const bool same = name && std::strcmp(name, i == 0 ? "FALSE" : "TRUE") == 0;
    H5free_memory(name);
    if (!same || H5Tget_member_value(type, i, &value) < 0 || value != static_cast<signed char>(i))
      return false;
  }
  return true;
}

// As h5py stores complex numbers: r and i, f32.
bool is_complex(hid_t type) {
  if (H5Tget_size(type) != 8 || H5Tget_nmembers(type) != 2) return false;
  for (const unsigned i : {0u, 1u}) {
    char* name = H5Tget_member_name(type, i);
    const bool same = name && std::strcmp(name, i == 0 ? "r" : "i") == 0;
    H5free_memory(name);
    const hid_t member = H5Tget_member_type(type, i);
    const bool real = member >= 0 && H5Tequal(member, H5T_IEEE_F32LE) > 0;
    if (member >= 0) H5Tclose(member);
    if (!same || !real || H5Tget_member_offset(type, i) != 4 * i) return false;
  }
  return true;
}

Handle float_type(const FloatFormat& f) {
  Handle type = owned(H5Tcopy(f.bytes > 4 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE), "HDF5", "make a type");
  if (f.bytes >= 4) return type;
  const bool made =
      H5Tset_fields(type.id(), 8 * f.bytes - 1, f.exponent_at, f.exponent_bits, 0, f.fraction_bits) >= 0 &&
      H5Tset_size(type.id(), f.bytes) >= 0 && H5Tset_ebias(type.id(), f.bias) >= 0;
  expect_success(made ? 0 : -1, "HDF5", "make a type");
  return type;
}

Handle bool_type() {
  Handle type = owned(H5Tenum_create(H5T_STD_I8LE), "HDF5", "make a type");
  const signed char values[] = {0, 1};
  H5Tenum_insert(type.id(), "FALSE", &values[0]);
  H5Tenum_insert(type.id(), "TRUE", &values[1]);
  return type;
}

Handle complex_type() {
  Handle type = owned(H5Tcreate(H5T_COMPOUND, 8), "HDF5", "make a type");
  H5Tinsert(type.id(), "r", 0, H5T_IEEE_F32LE);
  H5Tinsert(type.id(), "i", 4, H5T_IEEE_F32LE);
  return type;
}

}  // namespace

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
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return float_name(type);
    case H5T_INTEGER:
      return integer_name(type);
    case H5T_ENUM:
      return is_bool(type) ? "bool" : "enumeration";
    case H5T_STRING:
      return "string";
    case H5T_COMPOUND:
      return is_complex(type) ? "c64" : "compound";
    case H5T_REFERENCE:
      return "reference";
    case H5T_ARRAY:
    case H5T_VLEN:
      return "list";
    default:
      return "other";
  }
}

Handle stored_type(std::string_view name) {
  for (const FloatFormat& f : floats) {
    if (f.name == name) return float_type(f);
  }
  const std::pair<std::string_view, hid_t> integers[] = {
      {"u8", H5T_STD_U8LE},   {"i8", H5T_STD_I8LE},   {"u16", H5T_STD_U16LE}, {"i16", H5T_STD_I16LE},
      {"u32", H5T_STD_U32LE}, {"i32", H5T_STD_I32LE}, {"u64", H5T_STD_U64LE}, {"i64", H5T_STD_I64LE}};
  for (const auto& [known, type] : integers) {
    if (known == name) return owned(H5Tcopy(type), "HDF5", "make a type");
  }
  if (name == "bool") return bool_type();
  if (name == "c64") return complex_type();
  fail("[hdf5] has no type for {}", name);
}

}  // namespace lockstep::h5
