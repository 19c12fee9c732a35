#include "data/files/stored_type.h"

#include <algorithm>
#include <initializer_list>

namespace lockstep::data {

bool fits(std::string_view stored, DType dtype) {
  auto one_of = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, stored) != names.end();
  };
  const bool small = one_of({"bool", "u8", "i8", "u16", "i16"});  // whole numbers that a float holds
  switch (dtype) {
    case DType::f32:
      return small || one_of({"f16", "bf16", "f32"});
    case DType::f64:
      return small || one_of({"f16", "bf16", "f32", "f64", "u32", "i32"});
    case DType::i64:
      return small || one_of({"u32", "i32", "i64"});
    case DType::u8:
      return one_of({"bool", "u8"});
  }
  return false;
}

}  // namespace lockstep::data
