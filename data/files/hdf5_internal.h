#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>

#include "core/error.h"
#include "data/files/hdf5.h"
#include "data/files/stored_type.h"

// What the hdf5*.cpp files share. No other file includes <hdf5.h>.
namespace lockstep::h5 {

static_assert(std::same_as<hid_t, int64_t>);

// Held around every use of the library: serialises the calls, and keeps HDF5 from printing its error stack
// (the printing is a setting of each thread), restoring the setting for other users of HDF5 in the process.
class Guard {
 public:
  Guard() : lock_(mutex()) {
    H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { H5Eset_auto2(H5E_DEFAULT, print_, print_data_); }

 private:
  static std::recursive_mutex& mutex();

  std::unique_lock<std::recursive_mutex> lock_;
  H5E_auto2_t print_ = nullptr;
  void* print_data_ = nullptr;
};

// What HDF5 says of its latest failure: the innermost entry of its error stack.
std::string last_error();

// The Handle of an identifier that HDF5 has just returned; throws "[hdf5] NAME: cannot ACTION: ..." where it
// is invalid.
Handle owned(hid_t id, const std::string& name, std::string_view action);

// Throws likewise where HDF5 has just returned a negative status.
void expect_success(int64_t status, const std::string& name, std::string_view action);

hid_t memory_type(DType type);
Handle string_type();                      // variable length, UTF-8
std::string stored_type_name(hid_t type);  // "f32", ..., see Dataset::type_name
std::vector<int64_t> extent(hid_t space, const std::string& name);
std::string shape_text(std::span<const int64_t> shape);  // "(1797, 8, 8)"

}  // namespace lockstep::h5
