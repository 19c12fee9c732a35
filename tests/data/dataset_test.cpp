#include "data/tasks/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/files/paths.h"
#include "data/tasks/batch_order.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

using Integers = std::vector<std::int64_t>;

// Rows of (3), row i being 10 i, 10 i + 1, 10 i + 2.
std::string write_rows(const TempFolder& folder, std::int64_t rows, h5::Layout layout) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (int j = 0; j < 3; ++j) values.push_back(static_cast<float>(10 * i + j));
  }
  h5::File file = h5::File::create(folder / "rows.h5");
  file.write("x", values, {rows, 3}, layout);
  file.commit();
  return folder / "rows.h5";
}

TEST(Hdf5Dataset, GathersRowsInTheOrderAskedFor) {
  TempFolder folder;
  for (h5::Layout layout : {h5::Layout{}, h5::Layout{.compress = true, .chunk_rows = 7}}) {
    data::Hdf5Dataset set(h5::File::open(write_rows(folder, 100, layout)).dataset("x"), DType::f64);
    EXPECT_EQ(set.size(), 100);
    EXPECT_EQ(set.row_shape(), Dims({3}));
    const Tensor x = set.gather(Integers{99, 0, 50, 0});
    EXPECT_EQ(x.shape(), Dims({4, 3}));
    EXPECT_EQ(x.dtype(), DType::f64);
    EXPECT_EQ(x.to_vector(), (std::vector<double>{990, 991, 992, 0, 1, 2, 500, 501, 502, 0, 1, 2}));
    EXPECT_EQ(set.rows(6, 2).to_vector(), (std::vector<double>{60, 61, 62, 70, 71, 72}));
    EXPECT_EQ(set.gather(Integers{}).shape(), Dims({0, 3}));
    EXPECT_TRUE(contains(error_of([&] {
                           set.gather(Integers{3, 100});
                         }),
                         "row 100 asked for, it has 100 rows"));
    EXPECT_TRUE(contains(error_of([&] { set.rows(99, 2); }), "rows 99 to 101 asked for"));
  }
}

TEST(Hdf5Dataset, NeedsNoMoreMemoryThanItsCache) {
  TempFolder folder;
  const std::string path = write_rows(folder, 1000, {.compress = true, .chunk_rows = 10});
  constexpr std::int64_t chunk_bytes = 10 * 3 * 4;
  data::Hdf5Dataset set(h5::File::open(path).dataset("x"), DType::f32, 5 * chunk_bytes);
  data::BatchOrder order(1000, {.batch_size = 64});
  double sum = 0;
  for (std::int64_t step = 0; step < order.batches_per_epoch(); ++step) {
    for (double value : set.gather(order.batch(step)).to_vector()) sum += value;
    EXPECT_LE(set.cached_bytes(), 5 * chunk_bytes);
  }
  EXPECT_EQ(sum, 3 * 10 * 999 * 1000 / 2 + 3 * 1000);  // every row once
}

TEST(Hdf5Dataset, ReadsTheDigits) {
  const h5::File file = h5::File::open(data::find_data_file("digits.h5").string());
  data::Hdf5Dataset images(file.dataset("images"), DType::f32), labels(file.dataset("labels"), DType::i64);
  EXPECT_EQ(images.rows(0, 1).shape(), Dims({1, 8, 8}));
  // The first row of scikit-learn's first image.
  const std::vector<double> first = images.rows(0, 1).to_vector();
  EXPECT_EQ(std::vector<double>(first.begin(), first.begin() + 8),
            (std::vector<double>{0, 0, 5, 13, 9, 1, 0, 0}));
  EXPECT_EQ(labels.rows(1795, 2).to_vector(), (std::vector<double>{9, 8}));
}

TEST(Hdf5Dataset, RefusesATypeThatLosesValues) {
  TempFolder folder;
  const h5::File file = h5::File::open(write_rows(folder, 2, {}));
  EXPECT_TRUE(
      contains(error_of([&] { data::Hdf5Dataset(file.dataset("x"), DType::u8); }), "holds f32, expected u8"));
}

TEST(BatchOrder, EveryEpochHoldsEveryRowOnceInAnOrderOfItsOwn) {
  data::BatchOrder order(10, {.batch_size = 4, .seed = 3, .first_row = 100});
  EXPECT_EQ(order.batches_per_epoch(), 3);
  std::vector<Integers> epochs;
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    Integers rows;
    for (std::int64_t batch = 0; batch < 3; ++batch) {
      const auto part = order.batch(3 * epoch + batch);
      EXPECT_EQ(part.size(), batch == 2 ? 2u : 4u);
      rows.insert(rows.end(), part.begin(), part.end());
    }
    epochs.push_back(rows);
    std::ranges::sort(rows);
    EXPECT_EQ(rows, (Integers{100, 101, 102, 103, 104, 105, 106, 107, 108, 109}));
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);

  // Asked for out of order, as a resumed run does, the batches are the same; another seed gives others.
  data::BatchOrder resumed(10, {.batch_size = 4, .seed = 3, .first_row = 100});
  EXPECT_TRUE(std::ranges::equal(resumed.batch(7), order.batch(7)));
  EXPECT_TRUE(std::ranges::equal(resumed.batch(0), order.batch(0)));
  data::BatchOrder other(10, {.batch_size = 10, .seed = 4, .first_row = 100});
  EXPECT_FALSE(std::ranges::equal(other.batch(0), epochs[0]));
}

TEST(BatchOrder, KeepsTheOrderAndDropsTheLastWhereTold) {
  data::BatchOrder order(5, {.batch_size = 2, .shuffle = false, .drop_last = true});
  EXPECT_EQ(order.batches_per_epoch(), 2);
  EXPECT_TRUE(std::ranges::equal(order.batch(1), Integers{2, 3}));
  EXPECT_TRUE(std::ranges::equal(order.batch(2), Integers{0, 1}));
  EXPECT_TRUE(contains(error_of([] { data::BatchOrder(3, {.batch_size = 4, .drop_last = true}); }),
                       "3 rows don't fill one batch of 4"));
  EXPECT_TRUE(contains(error_of([] { data::BatchOrder(0, {}); }), "expected at least one row: got 0"));
  EXPECT_TRUE(contains(error_of([] { data::BatchOrder(3, {.batch_size = 0}); }), "at least 1: got 0"));
}

}  // namespace
}  // namespace lockstep
