#include "train/training/metrics.h"

#include <gtest/gtest.h>

#include "tests/data/temp_folder.h"

namespace lockstep::train {
namespace {

const Metrics example{.training_loss = {4, 2, 1, 1, 0.5},
                      .validations = {{0, {4.25, 0.125}, 0.5}, {2, {2.5, 0.25}, 1.25}, {4, {1.5, 0.75}, 2}},
                      .seconds = 2.5};

TEST(Metrics, TrainingLossIsTheMeanSinceTheRowBefore) {
  EXPECT_EQ(to_csv(example),
            "step,training_loss,validation_loss,validation_accuracy,seconds\n"
            "0,,4.25,0.125,0.500\n"
            "2,3,2.5,0.25,1.250\n"
            "4,1,1.5,0.75,2.000\n");
}

TEST(Metrics, ComeBackFromAFile) {
  TempFolder folder;
  h5::File file = h5::File::create(folder / "a.h5");
  write_metrics(file, example);
  file.commit();
  const h5::File read = h5::File::open(folder / "a.h5");
  const Metrics metrics = read_metrics(read);
  EXPECT_EQ(metrics.training_loss, example.training_loss);
  EXPECT_EQ(metrics.seconds, 2.5);
  EXPECT_EQ(to_csv(metrics), to_csv(example));
  for (const std::string& name : read.children())
    EXPECT_TRUE(read.dataset(name).has_attribute("unit")) << name;
}

TEST(Metrics, RefuseValidationsThatDoNotFit) {
  TempFolder folder;
  for (const std::int64_t step : {1, 6}) {  // before the row before; behind the last step
    Metrics wrong = example;
    wrong.validations[2].step = step;
    h5::File file = h5::File::create(folder / "a.h5");
    write_metrics(file, wrong);
    file.commit();
    EXPECT_TRUE(contains(error_of([&] { read_metrics(h5::File::open(folder / "a.h5")); }),
                         fmt::format("a validation after step {} doesn't fit", step)));
  }
}

}  // namespace
}  // namespace lockstep::train
