// A batch of products is dealt out over the threads, product by product: an observer is told only of those
// that its own thread takes.
#include <gtest/gtest.h>

#include <vector>

#include "core/autograd.h"
#include "core/ops.h"
#include "core/random/keyed_stream.h"
#include "core/random/random_tensors.h"
#include "core/runtime/observer.h"
#include "core/runtime/parallel.h"

namespace lockstep {
namespace {

class CountsProducts : public Observer {
 public:
  void product(const Product& product) override { count += product.count; }
  std::int64_t count = 0;
};

template <typename Action>
std::int64_t products_of_this_thread(int threads, const Action& action) {
  const Threads using_them(threads);
  CountsProducts observer;
  action();
  return observer.count;
}

TEST(BatchedProducts, AreDealtOutToTheThreads) {
  const Tensor a = randn({3, 4, 128, 128}), b = randn({3, 4, 128, 96}),
               strided = transpose(randn({3, 128, 4, 128}), 1, 2);
  const NoGrad no_grad;
  EXPECT_EQ(products_of_this_thread(1, [&] { matmul(a, b); }), 12);
  EXPECT_EQ(products_of_this_thread(2, [&] { matmul(a, b); }), 6);
  EXPECT_EQ(products_of_this_thread(3, [&] { matmul(a, b); }), 4);
  EXPECT_EQ(products_of_this_thread(4, [&] { matmul(strided, b); }), 3) << "one of every four heads";
  const std::vector<double> on_one = matmul(a, b).to_vector();
  const Threads threads(3);
  EXPECT_EQ(matmul(a, b).to_vector(), on_one);
}

// What cannot be fused is products of heads: with a bias, or the weights kept for dropout.
TEST(BatchedProducts, OfAttentionAreDealtOutInBothDirections) {
  Tensor q = randn({2, 8, 96, 32}), k = randn({2, 8, 96, 32}), v = randn({2, 8, 96, 32});
  const Tensor bias = randn({96, 96});
  for (Tensor* leaf : {&q, &k, &v}) leaf->set_requires_grad();
  const auto with_bias = [&] { backward(sum(attention(q, k, v, {.bias = bias}))); };
  const auto with_weights = [&] {
    backward(sum(matmul(dropout(attention_weights(q, k), 0.5, KeyedStream(0, "test", "dropout")), v)));
  };
  EXPECT_EQ(products_of_this_thread(1, with_bias), 6 * 16);
  EXPECT_EQ(products_of_this_thread(2, with_bias), 6 * 8);
  EXPECT_EQ(products_of_this_thread(1, with_weights), 6 * 16);
  EXPECT_EQ(products_of_this_thread(2, with_weights), 6 * 8);
}

}  // namespace
}  // namespace lockstep
