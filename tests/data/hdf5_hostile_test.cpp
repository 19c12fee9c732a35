// Files that HDF5 itself can write, and a careful reader must survive.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <filesystem>

#include "data/files/atomic_file.h"
#include "data/files/hdf5.h"
#include "data/weights/weights.h"
#include "tests/data/temp_folder.h"
#include "tests/fuzz/weights_input.h"

namespace lockstep {
namespace {

// A file that is written by HDF5's own calls.
class RawFile {
 public:
  explicit RawFile(const std::string& path)
      : id_(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)) {}
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  ~RawFile() { H5Fclose(id_); }
  hid_t id() const { return id_; }

  // A data set with nothing written into it. chunk > 0: stored in chunks of so many elements, with deflate.
  hid_t set(const char* name, hid_t type, std::vector<hsize_t> shape, hsize_t chunk = 0,
            hid_t properties = -1) {
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t own = properties >= 0 ? properties : H5Pcreate(H5P_DATASET_CREATE);
    if (chunk > 0) {
      H5Pset_chunk(own, 1, &chunk);
      H5Pset_deflate(own, 9);
    }
    const hid_t set = H5Dcreate2(id_, name, type, space, H5P_DEFAULT, own, H5P_DEFAULT);
    H5Pclose(own);
    H5Sclose(space);
    return set;
  }
  void close(hid_t set) { H5Dclose(set); }
  // One that holds 1, 2, 3.
  void good() {
    const hid_t one = set("good", H5T_NATIVE_FLOAT, {3});
    const float values[] = {1, 2, 3};
    H5Dwrite(one, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    close(one);
  }

 private:
  hid_t id_;
};

class HostileHdf5 : public testing::Test {
 protected:
  std::string path() const { return folder_ / "a.h5"; }

  // The one beside "good" cannot be read, and is named; "good" is read, copied and loaded all the same.
  void expect_only_good(const std::string& name, const std::string& why) {
    const data::Weights weights = data::open_weight_file(path());
    for (const data::StoredTensor& tensor : weights.tensors) {
      if (tensor.name == "good") {
        EXPECT_EQ(tensor.read(DType::f32).to_vector(), (std::vector<double>{1, 2, 3}));
      } else {
        EXPECT_EQ(tensor.name, name);
        EXPECT_TRUE(contains(tensor.problem, why));
        EXPECT_NE(error_of([&] { tensor.bytes(); }), "");
      }
    }
    ASSERT_EQ(weights.tensors.size(), 2u);
    ParameterList good{{"good", zeros({3}), {}}};
    data::load(path(), good, {.allow_unexpected = true});
    EXPECT_EQ(good[0].tensor.to_vector(), (std::vector<double>{1, 2, 3}));
    ParameterList all{{"good", zeros({3}), {}}, {name, zeros({3}), {}}};
    EXPECT_TRUE(contains(error_of([&] { data::load(path(), all); }), name));
    EXPECT_EQ(all[0].tensor.to_vector(), (std::vector<double>{0, 0, 0}));  // nothing, where not all
  }

  TempFolder folder_;
};

TEST_F(HostileHdf5, SizesThatOverflow) {
  {
    RawFile file(path());
    file.good();
    file.close(file.set("huge", H5T_NATIVE_FLOAT, {hsize_t{1} << 62}, 1024));
  }
  expect_only_good("huge", "4611686018427387904 values of f32");
  const h5::File file = h5::File::open(path());
  const h5::Dataset huge = file.dataset("huge");
  EXPECT_TRUE(contains(error_of([&] { huge.read<float>(); }), "huge cannot be read"));
  EXPECT_TRUE(contains(error_of([&] { huge.read_rows<float>(0, int64_t{1} << 61); }), "huge cannot be read"));
  EXPECT_EQ(huge.read_rows<float>(5, 2), (std::vector<float>{0, 0}));  // never written
}

TEST_F(HostileHdf5, AShapeWhoseProductOverflows) {
  {
    RawFile file(path());
    file.good();
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[] = {16, 16};
    H5Pset_chunk(properties, 2, chunk);
    file.close(file.set("huge", H5T_NATIVE_FLOAT, {hsize_t{1} << 32, hsize_t{1} << 32}, 0, properties));
  }
  expect_only_good("huge", "has more than 2^63 elements");
}

// Two kilobytes that would be 23 GB.
TEST_F(HostileHdf5, AFewBytesThatStandForMany) {
  {
    RawFile file(path());
    file.good();
    const hsize_t chunk = hsize_t{1} << 26;
    const hid_t set = file.set("packed", H5T_NATIVE_UCHAR, {hsize_t{23} << 30}, chunk);
    const std::vector<unsigned char> zeros(chunk, 7);
    const hsize_t start = 0;
    const hid_t space = H5Dget_space(set), memory = H5Screate_simple(1, &chunk, nullptr);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, nullptr, &chunk, nullptr);
    H5Dwrite(set, H5T_NATIVE_UCHAR, memory, space, H5P_DEFAULT, zeros.data());
    H5Sclose(space);
    H5Sclose(memory);
    file.close(set);
  }
  expect_only_good("packed", "are more than the 268435456 bytes that are read of what the file holds");
}

TEST_F(HostileHdf5, ForeignTypesAndAnEmptyDataSpace) {
  const std::vector<std::tuple<const char*, hid_t, const char*>> types = {
      {"string", H5Tcopy(H5T_C_S1), "(string)"},
      {"compound", H5Tcreate(H5T_COMPOUND, 8), "(compound)"},
      {"opaque", H5Tcreate(H5T_OPAQUE, 4), "(other)"},
      {"long double", H5Tcopy(H5T_NATIVE_LDOUBLE), "(other float)"},
      {"reference", H5Tcopy(H5T_STD_REF_OBJ), "(reference)"}};
  for (const auto& [name, type, why] : types) {
    if (H5Tget_class(type) == H5T_COMPOUND) H5Tinsert(type, "x", 0, H5T_NATIVE_DOUBLE);
    {
      RawFile file(path());
      file.good();
      file.close(file.set(name, type, {3}));
    }
    H5Tclose(type);
    expect_only_good(name, why);
    // HDF5 copies what it cannot read.
    data::save(folder_ / "b.h5", data::open_weight_file(path()));
    EXPECT_EQ(h5::File::open(folder_ / "b.h5").dataset(name).type_name(),
              std::string(why).substr(1, strlen(why) - 2));
    EXPECT_TRUE(contains(
        error_of([&] { data::save(folder_ / "b.safetensors", data::open_weight_file(path())); }), name));
  }
  {
    RawFile file(path());
    file.good();
    const hid_t space = H5Screate(H5S_NULL);
    file.close(H5Dcreate2(file.id(), "null", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
  }
  expect_only_good("null", "it has a type and no values");
}

// Chunks that were never written, in a data set that has no value for them, are zeros and not what was in
// memory.
TEST_F(HostileHdf5, NeverWrittenIsZeroOrTheFillValue) {
  {
    RawFile file(path());
    const hid_t never = H5Pcreate(H5P_DATASET_CREATE), seven = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_fill_time(never, H5D_FILL_TIME_NEVER);
    const float value = 7;
    H5Pset_fill_value(seven, H5T_NATIVE_FLOAT, &value);
    file.close(file.set("never", H5T_NATIVE_FLOAT, {1000}, 10, never));
    file.close(file.set("seven", H5T_NATIVE_FLOAT, {1000}, 10, seven));
  }
  const h5::File file = h5::File::open(path());
  for (const auto& [name, value] : {std::pair("never", 0.0f), std::pair("seven", 7.0f)}) {
    std::vector<float> values(1000, -1), rows(500, -1);
    file.dataset(name).read(std::span(values));
    file.dataset(name).read_rows(0, 500, std::span(rows));
    EXPECT_EQ(values, std::vector<float>(1000, value));
    EXPECT_EQ(rows, std::vector<float>(500, value));
    ParameterList model{{name, full({1000}, -1), {}}};
    data::load(path(), model, {.allow_unexpected = true});
    EXPECT_EQ(model[0].tensor.to_vector(), std::vector<double>(1000, value));
  }
}

TEST_F(HostileHdf5, WhatStandsInOtherFilesIsNotRead) {
  data::write_file(folder_ / "secret", "secret bytes");
  {
    RawFile file(path());
    file.good();
    const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(properties, (folder_ / "secret").c_str(), 0, 12);
    file.close(file.set("external", H5T_NATIVE_UCHAR, {12}, 0, properties));
  }
  expect_only_good("external", "its values are in other files");
  EXPECT_TRUE(contains(error_of([&] { data::save(folder_ / "b.h5", data::open_weight_file(path())); }),
                       "other files"));
  {
    RawFile file(folder_ / "other.h5");
    file.good();
  }
  {
    RawFile file(path());
    file.good();
    H5Lcreate_external((folder_ / "other.h5").c_str(), "good", file.id(), "elsewhere", H5P_DEFAULT,
                       H5P_DEFAULT);
  }
  expect_only_good("elsewhere", "a link by name");
  {
    RawFile file(path());
    file.good();
    H5Lcreate_soft("good", file.id(), "soft", H5P_DEFAULT, H5P_DEFAULT);
  }
  expect_only_good("soft", "a link by name");
  EXPECT_FALSE(h5::File::open(path()).has("soft"));
}

TEST_F(HostileHdf5, GroupsThatHoldThemselves) {
  {
    RawFile file(path());
    file.good();
    const hid_t group = H5Gcreate2(file.id(), "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file.id(), "/", group, "up", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file.id(), "g", group, "again", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
  }
  EXPECT_EQ(data::open_weights(path()).size(), 1u);
  {
    RawFile file(path());
    std::string name = "g";
    for (int depth = 0; depth < 200; ++depth) {
      H5Gclose(H5Gcreate2(file.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      name += "/g";
    }
  }
  EXPECT_TRUE(contains(error_of([&] { data::open_weights(path()); }), "groups in groups"));
}

TEST_F(HostileHdf5, AttributesThatAreEmptyOrHuge) {
  {
    RawFile file(path());
    file.good();
    const hid_t null = H5Screate(H5S_NULL);
    H5Aclose(H5Acreate2(file.id(), "null", H5T_NATIVE_INT, null, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(null);
    const hid_t set = H5Dopen2(file.id(), "good", H5P_DEFAULT);
    const hid_t scalar = H5Screate(H5S_SCALAR), text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 2);
    const hid_t parts = H5Acreate2(set, "parts", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(parts, text, "[]");
    H5Aclose(parts);
    H5Tclose(text);
    H5Sclose(scalar);
    H5Dclose(set);
  }
  EXPECT_TRUE(contains(error_of([&] { data::open_weights(path()); }), "don't cover its 3 rows"));
  const h5::File file = h5::File::open(path());
  EXPECT_EQ(file.attribute<std::vector<int64_t>>("null"), std::vector<int64_t>());
  h5::File copy = h5::File::create(folder_ / "b.h5");
  copy.copy_attributes(file);
  EXPECT_TRUE(copy.has_attribute("null"));
}

// A length of 2^30 in front of a text of some bytes, and a size that no memory has.
TEST(Hdf5Weights, AFileThatAsksForTooMuchMemoryIsRefused) {
  for (const char* name : {"text_of_a_gigabyte.h5", "more_than_any_memory.h5"}) {
    const std::string said =
        error_of([&] { data::open_weight_file(std::string("tests/fuzz/corpus/weights/") + name); });
    EXPECT_TRUE(contains(said, "is damaged")) << name;
    EXPECT_TRUE(contains(said, "asks for too much memory")) << name;
  }
}

TEST(Hdf5Weights, TheFuzzersCorpusIsReadOrRefused) {
  int files = 0, accepted = 0;
  for (const auto& file : std::filesystem::directory_iterator("tests/fuzz/corpus/weights")) {
    const std::string bytes = data::read_file(file.path());
    accepted += try_hdf5_weights(std::as_bytes(std::span(bytes)));
    ++files;
  }
  EXPECT_GE(files, 10);
  EXPECT_GE(accepted, 3);
}

}  // namespace
}  // namespace lockstep
