#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>

#include "core/error.h"
#include "data/files/hdf5.h"
#include "data/files/sizes.h"
#include "data/files/stored_type.h"

// What the hdf5*.cpp files share. No other file includes <hdf5.h>.
namespace lockstep::h5 {

using data::shape_text;

static_assert(std::same_as<hid_t, int64_t>);

// Held around every use of the library: serialises the calls, and keeps HDF5 from printing its error stack
// (the printing is a setting of each thread), restoring the setting for other users of HDF5 in the process.
class Guard {
 public:
  Guard() {
    if (depth_++ == 0) mutex().lock();
    H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() {
    H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
    if (--depth_ == 0) mutex().unlock();
  }

 private:
  static std::mutex& mutex();

  // Guards of this thread. A recursive mutex would not recognise its thread in a forked process.
  inline static thread_local int depth_ = 0;
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
// The type that stored_type_name() names, little endian, as h5py and HDF5 2 write it; throws for another
// name.
Handle stored_type(std::string_view name);
Handle create_missing_groups();  // properties of a link: the groups on its way are made
// Throws unless HDF5 can name an object so: its parts between slashes are neither empty nor ".".
void expect_path(std::string_view path, const std::string& name);
// An empty data space has the shape (0,).
std::vector<int64_t> extent(hid_t space, const std::string& name);

}  // namespace lockstep::h5
