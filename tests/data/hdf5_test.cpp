#include "data/files/hdf5.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <numeric>
#include <thread>

#include "data/files/atomic_file.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

using Integers = std::vector<int64_t>;
using Strings = std::vector<std::string>;

const std::string fixtures = "tests/fixtures/";

template <typename T>
std::vector<T> counting(int64_t size) {
  std::vector<T> values(static_cast<size_t>(size));
  std::iota(values.begin(), values.end(), T{1});
  return values;
}

TEST(Hdf5, ReadsBackWhatItWrote) {
  TempFolder folder;
  const double tiny = std::numeric_limits<double>::denorm_min();
  h5::File file = h5::File::create(folder / "a.h5");
  file.write("f32", std::vector<float>{1.5f, -0.0f, 3e-45f, INFINITY}, {2, 2});
  file.write("deep/er/f64", std::vector<double>{tiny}, {});
  file.write("i64", std::vector<int64_t>{std::numeric_limits<int64_t>::min(), 7}, {2, 1});
  file.write("u8", std::vector<uint8_t>{0, 255, 3}, {3});
  file.write("empty", std::vector<float>{}, {0, 4});
  file.commit();

  const h5::File read = h5::File::open(folder / "a.h5");
  EXPECT_EQ(read.read<float>("f32").values, (std::vector<float>{1.5f, -0.0f, 3e-45f, INFINITY}));
  EXPECT_EQ(read.read<float>("f32").shape, (Integers{2, 2}));
  EXPECT_EQ(read.read<double>("deep/er/f64").values, std::vector<double>{tiny});
  EXPECT_EQ(read.read<double>("deep/er/f64").shape, (Integers{}));
  EXPECT_EQ(read.read<int64_t>("i64").values, (Integers{std::numeric_limits<int64_t>::min(), 7}));
  EXPECT_EQ(read.read<uint8_t>("u8").values, (std::vector<uint8_t>{0, 255, 3}));
  EXPECT_EQ(read.read<float>("empty").shape, (Integers{0, 4}));
  EXPECT_EQ(read.children(), (Strings{"f32", "deep", "i64", "u8", "empty"}));  // as created
  EXPECT_TRUE(read.has_group("deep/er"));
  EXPECT_TRUE(read.has_dataset("deep/er/f64"));
  EXPECT_FALSE(read.has("deep/other/f64"));
  EXPECT_FALSE(read.has_dataset("deep"));
  EXPECT_EQ(read.dataset("i64").type_name(), "i64");
}

TEST(Hdf5, ReadsBackAttributes) {
  TempFolder folder;
  h5::File file = h5::File::create(folder / "a.h5");
  file.set_attribute("text", "Zürich, 東京");
  file.set_attribute("empty text", "");
  file.set_attribute("int", 5);
  file.set_attribute("flag", true);
  file.set_attribute("real", 0.1);
  file.set_attribute("ints", std::vector<int64_t>{1, -2});
  file.set_attribute("reals", std::vector<double>{0.1, 0.2, 0.3});
  file.set_attribute("texts", Strings{"q", "", "value"});
  file.set_attribute("no texts", Strings{});
  file.set_attribute("long text", std::string(200'000, 'x'));
  file.set_attribute("int", int64_t{6});  // replaces
  file.create_group("g").set_attribute("unit", "steps");
  file.commit();

  const h5::File read = h5::File::open(folder / "a.h5");
  EXPECT_EQ(read.attribute<std::string>("text"), "Zürich, 東京");
  EXPECT_EQ(read.attribute<std::string>("empty text"), "");
  EXPECT_EQ(read.attribute<int64_t>("int"), 6);
  EXPECT_EQ(read.attribute<int64_t>("flag"), 1);
  EXPECT_EQ(read.attribute<double>("real"), 0.1);
  EXPECT_EQ(read.attribute<std::vector<int64_t>>("ints"), (Integers{1, -2}));
  EXPECT_EQ(read.attribute<std::vector<double>>("reals"), (std::vector<double>{0.1, 0.2, 0.3}));
  EXPECT_EQ(read.attribute<Strings>("texts"), (Strings{"q", "", "value"}));
  EXPECT_EQ(read.attribute<Strings>("no texts"), (Strings{}));
  EXPECT_EQ(read.attribute<std::string>("long text").size(), 200'000u);
  EXPECT_EQ(read.group("g").attribute<std::string>("unit"), "steps");
  EXPECT_TRUE(read.has_attribute("ints"));
  EXPECT_FALSE(read.has_attribute("int "));
  EXPECT_EQ(read.attribute_names().size(), 10u);

  EXPECT_TRUE(
      contains(error_of([&] { read.attribute<double>("missing"); }), "a.h5:/: has no attribute 'missing'"));
  EXPECT_TRUE(contains(error_of([&] { read.attribute<int64_t>("real"); }), "expected i64: got f64"));
  EXPECT_TRUE(contains(error_of([&] { read.attribute<std::string>("int"); }), "expected a string: got i64"));
  EXPECT_TRUE(contains(error_of([&] { read.attribute<double>("reals"); }), "expected one value: got 3"));
}

TEST(Hdf5, ReadsWhatH5pyWrote) {
  const h5::File file = h5::File::open(fixtures + "weights.h5");
  EXPECT_EQ(file.children(), (Strings{"sablock_combined", "sablock_separate", "vit", "decoder"}));
  const h5::Group group = file.group("decoder");
  EXPECT_EQ(group.attribute<std::string>("kind"), "weights");
  EXPECT_EQ(group.attribute<double>("tol_rel"), 2e-5);
  EXPECT_EQ(group.dataset("inputs/x").shape(), (Integers{2, 9}));
  EXPECT_EQ(group.dataset("inputs/x").type_name(), "i64");
  EXPECT_EQ(group.read<float>("outputs/0").values.size(), 2u * 9u * 8u);
  EXPECT_EQ(group.read<double>("outputs/0").values[5], group.read<float>("outputs/0").values[5]);
}

TEST(Hdf5, ReadsRowsOfPlainAndCompressedData) {
  TempFolder folder;
  const std::vector<float> values = counting<float>(1000 * 6);
  h5::File file = h5::File::create(folder / "a.h5");
  file.write("plain", values, {1000, 2, 3});
  file.write("packed", values, {1000, 2, 3}, {.compress = true, .chunk_rows = 64});
  file.commit();
  const h5::File read = h5::File::open(folder / "a.h5");
  for (const char* name : {"plain", "packed"}) {
    const h5::Dataset set = read.dataset(name);
    EXPECT_EQ(set.read<float>(), values);
    EXPECT_EQ(set.read_rows<float>(130, 70),
              std::vector<float>(values.begin() + 130 * 6, values.begin() + 200 * 6));
    EXPECT_TRUE(set.read_rows<float>(1000, 0).empty());
    EXPECT_TRUE(
        contains(error_of([&] { set.read_rows<float>(999, 2); }), "rows 999 to 1001 asked for, it has 1000"));
    EXPECT_TRUE(contains(error_of([&] { set.read_rows<float>(-1, 2); }), "rows -1 to 1"));
  }
  EXPECT_EQ(read.dataset("plain").chunk_rows(), 0);
  EXPECT_EQ(read.dataset("packed").chunk_rows(), 64);
}

TEST(Hdf5, CompressesAndGivesTheSameBytesForTheSameContent) {
  TempFolder folder;
  const std::vector<double> zeros(100'000);
  for (const char* name : {"a.h5", "b.h5"}) {
    h5::File file = h5::File::create(folder / name);
    file.write("x", zeros, {1000, 100}, {.compress = true});
    file.commit();
  }
  EXPECT_LT(std::filesystem::file_size(folder / "a.h5"), 20'000u);
  EXPECT_EQ(data::read_file(folder / "a.h5"), data::read_file(folder / "b.h5"));
}

TEST(Hdf5, NeverLosesValuesInReading) {
  TempFolder folder;
  h5::File file = h5::File::create(folder / "a.h5");
  file.write("f64", std::vector<double>{0.1}, {1});
  file.write("u8", std::vector<uint8_t>{200}, {1});
  EXPECT_TRUE(contains(error_of([&] { file.read<float>("f64"); }), "a.h5:/f64: holds f64, expected f32"));
  EXPECT_TRUE(contains(error_of([&] { file.read<int64_t>("f64"); }), "holds f64, expected i64"));
  EXPECT_EQ(file.read<int64_t>("u8").values[0], 200);
}

TEST(Hdf5, SaysWhatIsWrongWithAnObject) {
  TempFolder folder;
  h5::File file = h5::File::create(folder / "a.h5");
  file.write("x", counting<float>(6), {2, 3});
  file.create_group("g");
  const h5::Dataset x = file.dataset("x");
  x.expect_shape({2, -1});
  EXPECT_TRUE(contains(error_of([&] {
                         file.write("z", counting<float>(5), {2, 3});
                       }),
                       "shape (2, 3) doesn't hold 5 values"));
  std::vector<float> room(5);
  EXPECT_TRUE(contains(error_of([&] { x.read(std::span(room)); }), "expected 6 elements: got room for 5"));
}

TEST(Hdf5, ChangesAFileOnlyOnCommit) {
  TempFolder folder;
  {
    h5::File file = h5::File::create(folder / "a.h5");
    file.write("x", counting<float>(2), {2});
    EXPECT_FALSE(std::filesystem::exists(folder / "a.h5"));
    file.commit();
    file.write("y", counting<float>(3), {3});
  }
  {
    h5::File file = h5::File::modify(folder / "a.h5");
    EXPECT_FALSE(file.has("y"));  // was never committed
    file.remove("x");
    file.write("z", counting<double>(4), {4});
    EXPECT_TRUE(h5::File::open(folder / "a.h5").has("x"));
    file.commit();
    file.write("after", counting<double>(4), {4});
    file.commit();
  }
  EXPECT_EQ(h5::File::open(folder / "a.h5").children(), (Strings{"z", "after"}));
  h5::File read = h5::File::open(folder / "a.h5");
  EXPECT_TRUE(contains(error_of([&] { read.commit(); }), "is open for reading"));
}

TEST(Hdf5, ADataSetOutlivesItsFileObject) {
  const h5::Dataset set = h5::File::open(fixtures + "weights.h5").dataset("decoder/inputs/x");
  const h5::Dataset copy = set;
  EXPECT_EQ(copy.read<int64_t>(), set.read<int64_t>());
}

TEST(Hdf5, SaysWhyAFileCannotBeOpened) {
  TempFolder folder;
  EXPECT_TRUE(contains(error_of([&] { h5::File::open(folder / "none.h5"); }), "none.h5: No such file"));
  EXPECT_TRUE(contains(error_of([&] { h5::File::open(folder.path().string()); }), "no regular file"));
  data::write_file(folder / "empty.h5", "");
  EXPECT_TRUE(contains(error_of([&] { h5::File::open(folder / "empty.h5"); }), "it is empty"));
  data::write_file(folder / "text.h5", "seed,steps\n1,76\n");
  EXPECT_TRUE(contains(error_of([&] { h5::File::open(folder / "text.h5"); }), "not an HDF5 file"));
  EXPECT_TRUE(contains(error_of([&] { h5::File::modify(folder / "text.h5"); }), "not an HDF5 file"));

  const std::string whole = data::read_file(fixtures + "weights.h5");
  for (size_t size : {whole.size() - 1, whole.size() / 2, size_t{100}}) {
    data::write_file(folder / "cut.h5", std::string_view(whole).substr(0, size));
    EXPECT_TRUE(contains(error_of([&] { h5::File::open(folder / "cut.h5"); }), "cut short")) << size;
    EXPECT_TRUE(contains(error_of([&] { h5::File::modify(folder / "cut.h5"); }), "cut short")) << size;
  }
}

TEST(Hdf5, ManyThreadsWriteTheirOwnFiles) {
  TempFolder folder;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&folder, thread] {
      for (int round = 0; round < 10; ++round) {
        h5::File file = h5::File::create(folder / fmt::format("{}.h5", thread));
        file.set_attribute("thread", thread);
        file.write("x", std::vector<int64_t>{thread, round}, {2});
        file.commit();
      }
    });
  }
  threads.clear();
  for (int thread = 0; thread < 4; ++thread) {
    EXPECT_EQ(h5::File::open(folder / fmt::format("{}.h5", thread)).read<int64_t>("x").values,
              (Integers{thread, 9}));
  }
}

}  // namespace
}  // namespace lockstep
