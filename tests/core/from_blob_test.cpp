#include "core/from_blob.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

#include "core/autograd.h"
#include "core/ops.h"

namespace lockstep {
namespace {

using Values = std::vector<double>;

TEST(FromBlob, SharesTheMemoryBothWays) {
  std::vector<float> mine{1, 2, 3, 4, 5, 6};
  const std::int64_t before = memory_stats().active;
  const Tensor x = from_blob(mine.data(), {2, 3});
  EXPECT_EQ(memory_stats().active, before) << "nothing is copied";
  EXPECT_EQ(x.data<float>(), mine.data());
  mine[5] = 7;
  EXPECT_EQ(x[1].to_vector(), (Values{4, 5, 7}));
  fill_(x[0], -1);
  EXPECT_EQ(mine, (std::vector<float>{-1, -1, -1, 4, 5, 7}));
  EXPECT_EQ(sum(x).item(), 13);
}

TEST(FromBlob, TakesEveryTypeAndMemoryInTheMiddleOfAnother) {
  std::array<double, 3> reals{1, 2, 3};
  std::array<std::int64_t, 3> integers{4, 5, 6};
  std::array<std::uint8_t, 3> bytes{7, 8, 9};
  EXPECT_EQ(from_blob(reals.data() + 1, {2}).to_vector(), (Values{2, 3}));
  EXPECT_EQ(from_blob(integers.data() + 1, {2}).to_vector(), (Values{5, 6}));
  EXPECT_EQ(from_blob(bytes.data() + 1, {2}).to_vector(), (Values{8, 9}));
  EXPECT_EQ(from_blob(static_cast<float*>(nullptr), {0, 2}).numel(), 0);
}

TEST(FromBlob, IsALeafLikeAnyOther) {
  std::vector<float> weights(64 * 48, 0.5F), inputs(32 * 48, 0.25F);
  const Tensor w = from_blob(weights.data(), {64, 48}).set_requires_grad(),
               x = from_blob(inputs.data(), {32, 48});
  const Tensor copy = clone(w.detach()).set_requires_grad();
  const Tensor y = linear(x, w);
  EXPECT_EQ(y.to_vector(), linear(x, copy).to_vector());
  EXPECT_EQ(grad(sum(y * y), w).to_vector(), grad(sum(square(linear(x, copy))), copy).to_vector());
  const Tensor loss = sum(square(w));
  weights[0] = 1;
  w.mark_changed();
  EXPECT_THROW(backward(loss), Error) << "the values that were saved have changed";
}

TEST(FromBlob, CallsDoneOnceWhenTheLastUserIsGone) {
  int calls = 0;
  std::vector<float> mine(4, 2);
  Tensor view, loss;
  {
    const Tensor x = from_blob(mine.data(), {4}, [&] { ++calls; }).set_requires_grad();
    view = slice(x.detach(), 0, 1, 3);
    loss = sum(x * x);
  }
  EXPECT_EQ(calls, 0) << "the view and the saved tensor are there";
  view = Tensor();
  EXPECT_EQ(calls, 0);
  std::thread([last = std::move(loss)]() mutable { last = Tensor(); }).join();
  EXPECT_EQ(calls, 1);
}

TEST(FromBlob, RefusesWhatIsNoMemoryOfTheShape) {
  int calls = 0;
  const auto done = [&] { ++calls; };
  std::array<float, 4> mine{};
  char* const odd = reinterpret_cast<char*>(mine.data()) + 1;
  EXPECT_THROW(from_blob(static_cast<float*>(nullptr), {2}, done), Error);
  EXPECT_THROW(from_blob(odd, {2}, DType::f32, done), Error);
  EXPECT_THROW(from_blob(mine.data(), {-1}, done), Error);
  EXPECT_THROW(from_blob(mine.data(), {std::int64_t{1} << 32, std::int64_t{1} << 32}, done), Error);
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace lockstep
