#include "data/files/paths.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "data/files/hdf5.h"
#include "tests/data/temp_folder.h"

namespace lockstep {
namespace {

TEST(Paths, FindsTheDataOfTheSourceTree) {
  unsetenv("LOCKSTEP_DATA");
  EXPECT_EQ(std::filesystem::file_size(data::find_data_file("tinyshakespeare.txt")), 1'115'394u);
  EXPECT_TRUE(contains(error_of([] { data::find_data_file("mnist.h5"); }), "mnist.h5 is not in /"));
}

TEST(Paths, TheEnvironmentDecides) {
  TempFolder folder;
  setenv("LOCKSTEP_DATA", folder.path().c_str(), 1);
  const std::string error = error_of([] { data::find_data_file("digits.h5"); });
  EXPECT_EQ(error, "[data] digits.h5 is not in " + folder.path().string() +
                       "; set the environment variable LOCKSTEP_DATA to the folder that holds it");
  unsetenv("LOCKSTEP_DATA");
}

TEST(Digits, AreTheUciTestSet) {
  const h5::File file = h5::File::open(data::find_data_file("digits.h5").string());
  const auto images = file.read<uint8_t>("images");
  const auto labels = file.read<uint8_t>("labels");
  EXPECT_EQ(images.shape, (std::vector<int64_t>{1797, 8, 8}));
  // The counts per digit and the sum of all pixels that scikit-learn's documentation and data give.
  std::vector<int> counts(10);
  for (uint8_t label : labels.values) ++counts.at(label);
  EXPECT_EQ(counts, (std::vector<int>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}));
  int64_t ink = 0;
  for (uint8_t pixel : images.values) ink += pixel;
  EXPECT_EQ(ink, 561718);
  EXPECT_EQ(file.attribute<std::string>("licence").substr(0, 9), "CC BY 4.0");
}

}  // namespace
}  // namespace lockstep
