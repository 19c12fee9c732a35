#include "data/tasks/task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace lockstep::data {
namespace {

std::vector<double> row(const Tensor& x, std::int64_t i) {
  const std::vector<double> all = x.to_vector();
  const auto width = static_cast<std::ptrdiff_t>(x.numel() / x.size(0));
  return {all.begin() + i * width, all.begin() + (i + 1) * width};
}

class EveryTask : public testing::TestWithParam<std::string> {};

TEST_P(EveryTask, GivesBatchesOfItsShapeThatDependOnSeedAndStepAlone) {
  const auto task = make_task(GetParam(), 3), again = make_task(GetParam(), 3),
             other = make_task(GetParam(), 4);
  const TaskShape shape = task->shape();
  again->training(0, 4);  // an earlier batch shifts nothing
  const Batch batch = task->training(5, 4), same = again->training(5, 4);
  EXPECT_EQ(batch.inputs.to_vector(), same.inputs.to_vector());
  EXPECT_EQ(batch.targets.to_vector(), same.targets.to_vector());
  EXPECT_NE(batch.inputs.to_vector(), other->training(5, 4).inputs.to_vector());
  EXPECT_NE(batch.inputs.to_vector(), task->training(6, 4).inputs.to_vector());
  EXPECT_EQ(batch.inputs.shape(),
            shape.images ? (Dims{4, 1, shape.length, shape.length}) : (Dims{4, shape.length}));
  for (const double target : batch.targets.to_vector()) {
    EXPECT_TRUE(target == ignored || (target >= 0 && target < static_cast<double>(shape.classes)));
  }
  std::int64_t rows = 0;
  for (std::int64_t i = 0; i < task->validation_batches(100); ++i)
    rows += task->validation(i, 100).inputs.size(0);
  EXPECT_GE(rows, 300);
}

// The training computes no logits for the positions before it.
TEST_P(EveryTask, FirstAnswerIsTheFirstPositionWithATarget) {
  const auto task = make_task(GetParam(), 3);
  if (task->shape().images) return;
  for (const Batch& batch : {task->training(0, 4), task->validation(0, 4)}) {
    for (std::int64_t i = 0; i < 4; ++i) {
      const std::vector<double> targets = row(batch.targets, i);
      const auto first = std::find_if(targets.begin(), targets.end(), [](double t) { return t != ignored; });
      EXPECT_EQ(first - targets.begin(), task->shape().first_answer);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tasks, EveryTask,
                         testing::Values("copy", "induction", "reverse", "sort", "modadd", "shakespeare",
                                         "digits"),
                         [](const auto& test) { return test.param; });

TEST(CopyTask, SecondHalfRepeatsTheFirst) {
  const Batch batch = make_task("copy", 0)->training(0, 2);
  const std::vector<double> in = row(batch.inputs, 1), out = row(batch.targets, 1);
  for (std::size_t t = 0; t < 16; ++t) EXPECT_EQ(in[t], in[t + 16]);
  for (std::size_t t = 0; t < 15; ++t) EXPECT_EQ(out[t], ignored);
  for (std::size_t t = 15; t < 31; ++t) EXPECT_EQ(out[t], in[t + 1]);
  EXPECT_EQ(out[31], in[0]);
}

// Periods from 6 to 16, all of them, and nothing but the repetition.
TEST(InductionTask, RepeatsWithARandomPeriod) {
  const Batch batch = make_task("induction", 0)->training(0, 200);
  std::set<std::size_t> periods;
  for (std::int64_t i = 0; i < 200; ++i) {
    const std::vector<double> in = row(batch.inputs, i), out = row(batch.targets, i);
    std::size_t period = 1;
    while (!std::equal(in.begin() + static_cast<std::ptrdiff_t>(period), in.end(), in.begin())) ++period;
    periods.insert(period);
    EXPECT_EQ(std::set<double>(in.begin(), in.end()).size(), period) << "the tokens of a period differ";
    for (std::size_t t = 0; t < 16; ++t) EXPECT_EQ(out[t], ignored);
    for (std::size_t t = 16; t < 32; ++t) EXPECT_EQ(out[t], in[t + 1 - period]);
  }
  EXPECT_EQ(*periods.begin(), 6U);
  EXPECT_EQ(*periods.rbegin(), 16U);
  EXPECT_EQ(periods.size(), 11U);
}

TEST(SortTask, AnswersInOrder) {
  const Batch batch = make_task("sort", 0)->training(0, 1);
  std::vector<double> in = row(batch.inputs, 0), out = row(batch.targets, 0);
  std::vector<double> sorted(in.begin(), in.begin() + 6);
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(std::vector<double>(out.begin() + 5, out.end()), sorted);
  EXPECT_EQ(std::vector<double>(in.begin() + 6, in.end()),
            std::vector<double>(sorted.begin(), sorted.end() - 1));
}

TEST(ModaddTask, SplitsAllPairsInTwo) {
  const auto task = make_task("modadd", 0);
  std::set<std::pair<double, double>> pairs;
  const auto add = [&](const Batch& batch) {
    for (std::int64_t i = 0; i < batch.inputs.size(0); ++i) {
      const std::vector<double> in = row(batch.inputs, i), out = row(batch.targets, i);
      EXPECT_EQ(out[2], static_cast<double>(static_cast<int>(in[0] + in[1]) % 113));
      EXPECT_TRUE(pairs.emplace(in[0], in[1]).second);
    }
  };
  const Batch training = task->training(0, 3830);
  EXPECT_EQ(training.inputs.size(0), 3830);
  add(training);
  for (std::int64_t i = 0; i < task->validation_batches(3000); ++i) add(task->validation(i, 3000));
  EXPECT_EQ(pairs.size(), 113U * 113U);
}

TEST(Tasks, UnknownNameIsNamed) {
  try {
    make_task("coppy", 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("there is no task \"coppy\": expected one of copy, "),
              std::string::npos);
  }
}

}  // namespace
}  // namespace lockstep::data
