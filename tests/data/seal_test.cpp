#include "data/files/seal.h"

#include <gtest/gtest.h>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

TEST(Seal, DamageToAnHdf5FileIsNoticed) {
  TempFolder folder;
  const std::string path = folder / "a.h5";
  h5::File file = h5::File::create(path);
  file.set_attribute("state", "whole");
  file.write("x", std::vector<double>(100, 1.5), {100});
  file.commit();
  const std::string whole = data::read_file(path);
  EXPECT_EQ(h5::File::open(path).attribute<std::string>("state"), "whole");
  for (std::size_t at = 8; at + 16 < whole.size(); at += 7) {  // behind HDF5's signature, before the seal
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    data::write_file(path, damaged);
    ASSERT_TRUE(contains(error_of([&] { h5::File::open(path); }), "a.h5 is damaged")) << at;
    ASSERT_TRUE(contains(error_of([&] { h5::File::modify(path); }), "a.h5 is damaged")) << at;
  }
}

TEST(Seal, IsRenewedByAChangeAndNotNeeded) {
  TempFolder folder;
  const std::string path = folder / "a.h5";
  h5::File file = h5::File::create(path);
  file.set_attribute("state", "old");
  file.commit();
  h5::File changed = h5::File::modify(path);
  changed.set_attribute("state", "new");
  changed.commit();
  EXPECT_EQ(h5::File::open(path).attribute<std::string>("state"), "new");

  const std::string sealed = data::read_file(path);
  data::write_file(path, sealed.substr(0, sealed.size() - sizeof(data::Seal)));
  EXPECT_EQ(h5::File::open(path).attribute<std::string>("state"), "new");
}

}  // namespace
}  // namespace lockstep
