// Tensors on a CUDA device: how they get there and back, and what is said where that is not possible.
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops.h"
#include "core/random/keyed_stream.h"
#include "core/random/random_tensors.h"
#include "core/runtime/observer.h"
#include "core/runtime/replay.h"
#include "core/runtime/tf32.h"
#include "optim/optim.h"
#include "tests/cuda_on_host/run.h"

namespace lockstep {
namespace {

constexpr TensorOptions on_cuda{DType::f32, Device::cuda};

template <typename F>
void expect_error(F call, const std::string& words) {
  try {
    call();
    ADD_FAILURE() << "no error: " << words;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what() << "\n instead of\n" << words;
  }
}

TEST(CudaTensor, GoesThereAndBack) {
  const Tensor x = from_values<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor there = to(x, Device::cuda);
  EXPECT_EQ(there.device(), Device::cuda);
  EXPECT_EQ(describe(there), "f32 (2, 3) on cuda");
  EXPECT_EQ(there.to_vector(), x.to_vector());
  EXPECT_EQ(transpose(there, 0, 1).to_vector(), transpose(x, 0, 1).to_vector());
  EXPECT_EQ(to(transpose(there, 0, 1), Device::cpu).to_vector(), transpose(x, 0, 1).to_vector());
  EXPECT_EQ(sum(there).item(), 21);
  EXPECT_TRUE(to(there, Device::cuda).is_same(there));
}

TEST(CudaTensor, IsMadeThere) {
  EXPECT_EQ(zeros({2}, on_cuda).device(), Device::cuda);
  EXPECT_EQ(arange(3, {DType::i64, Device::cuda}).to_vector(), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(from_values<double>({2}, {3, 4}, Device::cuda).to_vector(), (std::vector<double>{3, 4}));
  EXPECT_EQ(tril_mask(2, 3, 0, Device::cuda).to_vector(), tril_mask(2, 3).to_vector());
  manual_seed(3);
  const std::vector<double> here = randn({5, 7}).to_vector();
  manual_seed(3);
  EXPECT_EQ(randn({5, 7}, on_cuda).to_vector(), here);
}

TEST(CudaTensor, TheMoveIsDifferentiable) {
  Tensor x = from_values<float>({3}, {1, 2, 3});
  x.set_requires_grad();
  backward(sum(square(to(x, Device::cuda))));
  EXPECT_EQ(x.grad().device(), Device::cpu);
  EXPECT_EQ(x.grad().to_vector(), (std::vector<double>{2, 4, 6}));
}

TEST(CudaTensor, IsNoHostMemory) {
  const Tensor x = zeros({2}, on_cuda);
  expect_error([&] { x.data<float>(); }, "the memory of f32 (2,) on cuda was asked for on the host");
  expect_error([&] { x.raw_data(); }, "copy it with to(x, Device::cpu), item() or to_vector()");
}

TEST(CudaTensor, DoesNotMixWithHostTensors) {
  const Tensor there = zeros({2, 2}, on_cuda), here = zeros({2, 2});
  const Tensor index = arange(2), condition = empty({2, 2}, {DType::u8});
  expect_error([&] { there + here; },
               "[add] tensors are on two devices: f32 (2, 2) on cuda (cuda) and f32 (2, 2) (cpu)");
  expect_error([&] { matmul(here, there); }, "[matmul] tensors are on two devices: f32 (2, 2) (cpu) and");
  expect_error([&] { where(condition, there, there); }, "[where] tensors are on two devices");
  expect_error([&] { linear(there, here); }, "[linear] tensors are on two devices");
  expect_error([&] { embedding(there, index); }, "[embedding] tensors are on two devices");
  expect_error([&] { cat({here, there}, 0); }, "[cat] tensors are on two devices");
  expect_error([&] { layer_norm(there, here); }, "[layer_norm] ");
  expect_error([&] { attention(there, there, here); }, "[attention] tensors are on two devices");
  expect_error([&] { cross_entropy(there, index); }, "[cross_entropy] tensors are on two devices");
}

TEST(CudaTensor, AnIndexOutOfRangeIsToldWithTheNextCopy) {
  const Tensor table = zeros({3, 2}, on_cuda);
  const Tensor bad = from_values<std::int64_t>({2}, {1, 7}, Device::cuda);
  const Tensor rows = embedding(table, bad);
  expect_error([&] { rows.to_vector(); }, "[embedding] index 7 is out of range: expected 0 ... 2");
  EXPECT_EQ(table.to_vector(), std::vector<double>(6)) << "told once";
  const Tensor loss =
      cross_entropy(zeros({2, 3}, on_cuda), from_values<std::int64_t>({2}, {-1, 0}, Device::cuda));
  expect_error([&] { loss.item(); },
               "[cross_entropy] target -1 is out of range: expected 0 ... 2, or -100 to ignore");
}

TEST(CudaTensor, DropoutDrawsTheBitsOfTheCpu) {
  const KeyedStream stream(7, "dropout", "block");
  for (const std::int64_t n : {1, 5, 1000}) {
    const Tensor here = dropout(ones({n}), 0.3, stream), there = dropout(ones({n}, on_cuda), 0.3, stream);
    EXPECT_EQ(there.to_vector(), here.to_vector()) << n;
  }
}

TEST(CudaTensor, EmptyOnesAreNoLaunch) {
  const Tensor x = zeros({0, 3}, on_cuda);
  EXPECT_EQ((x + 1).numel(), 0);
  EXPECT_EQ(sum(x).item(), 0);
  EXPECT_EQ(matmul(zeros({2, 0}, on_cuda), zeros({0, 3}, on_cuda)).to_vector(), std::vector<double>(6));
}

TEST(CudaTensor, WideHeadsAreComposed) {
  manual_seed(1);
  const Tensor q = randn({2, 3, 130}), k = randn({2, 4, 130}), v = randn({2, 4, 5});
  const auto on = [](const Tensor& x) { return to(x, Device::cuda); };
  const std::vector<double> here = attention(q, k, v).to_vector(),
                            there = attention(on(q), on(k), on(v)).to_vector();
  for (std::size_t i = 0; i < here.size(); ++i) EXPECT_NEAR(there[i], here[i], 1e-5);
}

// (k, m)^T (k, n), as the gradient of a weight has it: aligned and not, whole tiles and not.
TEST(CudaProducts, TallOnesAreThoseOfTheCpu) {
  manual_seed(2);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const auto& [k, m, n] : {std::array<std::int64_t, 3>{300, 17, 35},
                                  {256, 64, 64},
                                  {515, 8, 100},
                                  {258, 33, 4},
                                  {260, 250, 520},
                                  {257, 255, 518}}) {
      const Tensor a = randn({2, k, m}, {dtype}), b = randn({2, k, n}, {dtype}),
                   c = randn({2, m, n}, {dtype});
      const auto product = [&](Device device) {
        const Tensor y = clone(moved(c, device));
        const Tensor at = transpose(moved(a, device), 1, 2);
        kernels(y).matmul(y, at, moved(b, device), true, {});
        return (y + matmul(at, moved(b, device))).to_vector();
      };
      const std::vector<double> here = product(Device::cpu), there = product(Device::cuda);
      const double tolerance = dtype == DType::f32 ? 2e-4 : 1e-12;
      for (std::size_t i = 0; i < here.size(); ++i)
        ASSERT_NEAR(there[i], here[i], tolerance) << m << " " << n;
    }
  }
}

// Where blocks share the rows, also of a bias's gradient, and once more where all is added to what is there.
TEST(CudaProducts, GradientsOfALinearLayerOverManyRowsAreThoseOfTheCpu) {
  manual_seed(9);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const std::int64_t width : {12, 40, 200}) {
      const Tensor x = randn({1500, 20}, {dtype}), w = randn({width, 20}, {dtype}),
                   b = randn({width}, {dtype});
      const auto gradients = [&](Device device) {
        const Tensor input = moved(x, device);
        Tensor weight = moved(w, device), bias = moved(b, device);
        weight.set_requires_grad(), bias.set_requires_grad();
        for (int i = 0; i < 2; ++i) backward(sum(square(linear(input, weight, bias))));
        std::vector<double> all = weight.grad().to_vector();
        for (const double value : bias.grad().to_vector()) all.push_back(value);
        return all;
      };
      const std::vector<double> here = gradients(Device::cpu), there = gradients(Device::cuda);
      const double tolerance = dtype == DType::f32 ? 1e-5 : 1e-12;
      for (std::size_t i = 0; i < here.size(); ++i)
        ASSERT_NEAR(there[i], here[i], tolerance * (1500 + std::abs(here[i]))) << width;
    }
  }
}

TEST(CudaProducts, WithAnAddendAreThoseOfTheCpu) {
  manual_seed(10);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const auto& [count, m, k, n] :
         {std::array<std::int64_t, 4>{1, 5, 7, 6}, {3, 16, 300, 8}, {2, 8, 0, 4}}) {
      const Tensor a = randn({count, m, k}, {dtype}), b = randn({count, k, n}, {dtype}),
                   c = randn({count, m, n}, {dtype});
      const auto product = [&](Device device) {
        const Tensor addend = moved(c, device), y = full({count, m, n}, NAN, {dtype, device});
        kernels(y).matmul_plus(y, moved(a, device), moved(b, device), 0.5, addend, -2);
        EXPECT_EQ(addend.to_vector(), c.to_vector());
        return y.to_vector();
      };
      const std::vector<double> here = product(Device::cpu), there = product(Device::cuda);
      for (std::size_t i = 0; i < here.size(); ++i)
        ASSERT_NEAR(there[i], here[i], dtype == DType::f32 ? 2e-5 : 1e-13) << m << " " << n;
    }
  }
}

// The largest difference of a product and a weight's gradient from those in f64, in units of their size.
double product_error(const Tensor& a, const Tensor& b) {
  const auto there = [](const Tensor& x) { return moved(x, Device::cuda); };
  double most = 0;
  for (const Tensor& left : {a, transpose(a, 0, 1)}) {
    const std::vector<double> now = matmul(there(left), there(b)).to_vector(),
                              exact = matmul(to(left, DType::f64), to(b, DType::f64)).to_vector();
    const double size = std::sqrt(static_cast<double>(a.size(1)));
    for (std::size_t i = 0; i < now.size(); ++i) most = std::max(most, std::abs(now[i] - exact[i]) / size);
  }
  return most;
}

TEST(CudaProducts, RoundTheirFactorsToTf32OnlyWhereThatIsAllowed) {
  manual_seed(3);
  const Tensor a = randn({256, 256}), b = randn({256, 256});
  EXPECT_LT(product_error(a, b), 1e-5);
  {
    const AllowTf32 tf32;
    EXPECT_GT(product_error(a, b), 1e-4);
    EXPECT_LT(product_error(a, b), 1e-2);
    EXPECT_LT(product_error(to(a, DType::f64), to(b, DType::f64)), 1e-14) << "f64 is not rounded";
    const AllowTf32 not_here(false);
    EXPECT_LT(product_error(a, b), 1e-5);
  }
  EXPECT_LT(product_error(a, b), 1e-5);
}

TEST(CudaSums, OfManyRowsAreThoseOfTheCpu) {
  manual_seed(4);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const std::int64_t columns : {3, 8, 70, 260}) {
      const Tensor x = randn({7, 100, columns}, {dtype}), w = randn({columns}, {dtype});
      const auto gradients = [&](Device device) {
        Tensor weight = moved(w, device), bias = clone(weight), input = moved(x, device);
        for (Tensor* leaf : {&weight, &bias, &input}) leaf->set_requires_grad();
        const Tensor y = layer_norm(input, weight, bias);
        std::vector<double> all = sum(y, {0, 1}).to_vector();
        for (const Tensor& g : grad(sum(y * y), {weight, bias, input}))
          for (const double value : g.to_vector()) all.push_back(value);
        return all;
      };
      const std::vector<double> here = gradients(Device::cpu), there = gradients(Device::cuda);
      const double tolerance = dtype == DType::f32 ? 1e-5 : 1e-10;
      for (std::size_t i = 0; i < here.size(); ++i)
        ASSERT_NEAR(there[i], here[i], tolerance * (1 + std::abs(here[i]))) << columns;
    }
  }
}

// Of both types, more than one launch has, one after the other with the same counter.
TEST(CudaSums, OfSquaresOfManyTensorsAreThoseOfTheCpu) {
  manual_seed(12);
  std::vector<Tensor> here, there;
  for (std::int64_t i = 0; i < 300; ++i) {
    here.push_back(randn({i * 7}, {i % 3 == 0 ? DType::f64 : DType::f32}));
    there.push_back(moved(here.back(), Device::cuda));
  }
  for (const std::int64_t count : {300, 1, 300}) {
    const auto sums = [&](const std::vector<Tensor>& x) {
      const Tensor y = empty({count}, {DType::f64, x.front().device()});
      kernels(y).sums_of_squares(y, x);
      return y.to_vector();
    };
    const std::vector<double> expected = sums(here), now = sums(there);
    for (std::size_t i = 0; i < now.size(); ++i)
      ASSERT_NEAR(now[i], expected[i], 1e-9 * (1 + expected[i])) << i;
  }
}

// Rows that begin and end at 16 bytes, others, and one number for all of a row.
TEST(CudaElements, ByPacksAndOneByOneAreThoseOfTheCpu) {
  manual_seed(5);
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor base = randn({6, 20}, {dtype}), long_ones = randn({3, 6, 20}, {dtype});
    const auto all_of = [&](Device device) {
      const Tensor x = moved(base, device), longer = moved(long_ones, device);
      const std::vector<Tensor> views{x,
                                      slice(x, 1, 0, 8),
                                      slice(x, 1, 4, 16),
                                      slice(x, 1, 1, 9),
                                      slice(x, 1, 0, 19),
                                      transpose(x, 0, 1),
                                      slice(x, 0, 2, 3),
                                      slice(x, 1, 3, 4)};
      std::vector<Tensor> results{longer + x, x * slice(longer, 1, 5, 6), longer - slice(x, 1, 3, 4)};
      for (const Tensor& view : views) {
        const Tensor less = view < 0.0, other = view * 2;
        for (const Tensor& y : {view + other, other - slice(other, 0, 0, 1), relu(view), maximum(view, -view),
                                where(less, other, view), to(less, dtype), to(view, DType::f32),
                                to(view, DType::f64), where(less, less, logical_not(less))})
          results.push_back(y);
      }
      std::vector<double> numbers;
      for (const Tensor& result : results)
        for (const double value : result.to_vector()) numbers.push_back(value);
      return numbers;
    };
    EXPECT_EQ(all_of(Device::cuda), all_of(Device::cpu));
  }
}

// Each pair of tile and head width is a kernel of its own.
TEST(CudaAttention, OfEverySizeIsThatOfTheCpu) {
  manual_seed(8);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const std::int64_t width : {5, 20, 40, 100}) {
      for (const std::int64_t tokens : {7, 20, 40}) {
        const std::array<Tensor, 3> inputs{randn({2, tokens, width}, {dtype}),
                                           randn({2, tokens, width}, {dtype}),
                                           randn({2, tokens, width}, {dtype})};
        const auto gradients = [&](Device device) {
          std::vector<Tensor> leaves;
          for (const Tensor& x : inputs) leaves.push_back(clone(moved(x, device)).set_requires_grad());
          const Tensor y = attention(leaves[0], leaves[1], leaves[2], {.causal = true});
          std::vector<double> all = y.to_vector();
          for (const Tensor& g : grad(sum(y * y), {leaves[0], leaves[1], leaves[2]}))
            for (const double value : g.to_vector()) all.push_back(value);
          return all;
        };
        const std::vector<double> here = gradients(Device::cpu), there = gradients(Device::cuda);
        const double tolerance = dtype == DType::f32 ? 1e-4 : 1e-12;
        for (std::size_t i = 0; i < here.size(); ++i)
          ASSERT_NEAR(there[i], here[i], tolerance * (1 + std::abs(here[i]))) << width << " " << tokens;
      }
    }
  }
}

// Threads share the places of a row, where it is narrow.
TEST(CudaRows, AreAddedAsOnTheCpu) {
  manual_seed(6);
  for (const std::int64_t n : {1, 255, 1000}) {
    for (const std::int64_t width : {1, 6, 70, 300}) {
      const Tensor x = randn({n, width}), index = randint(0, 5, {n});
      const auto table = [&](Device device) {
        const Tensor y = full({6, width}, 3, {DType::f32, device});
        kernels(y).add_rows(y, moved(x, device), moved(index, device));
        return y.to_vector();
      };
      const std::vector<double> here = table(Device::cpu), there = table(Device::cuda);
      for (std::size_t i = 0; i < here.size(); ++i) ASSERT_NEAR(there[i], here[i], 1e-4) << n << " " << width;
    }
  }
}

// What a step asks for, request by request, with names on a GPU.
TEST(CudaRequests, AreTimedWhereAnObserverWantsIt) {
  class Clock final : public Observer {
   public:
    bool times_requests() const override { return true; }
    void request(const std::string& name, double seconds) override {
      names.push_back(name);
      EXPECT_GT(seconds, 0) << name;
    }
    std::vector<std::string> names;
  };
  const Tensor x = ones({64, 64}, on_cuda);
  const Clock clock;
  EXPECT_EQ(sum(matmul(x, x)).item(), 64.0 * 64 * 64);
  EXPECT_EQ(clock.names,
            (std::vector<std::string>{"product", cuda_on_host::is_gpu() ? "reduce_by_blocks" : "kernel"}));
}

// Norms, the polynomial of each shape, and the step; nothing is copied to make batches of matrices.
TEST(CudaRequests, OfMuonAreFew) {
  manual_seed(11);
  ParameterList parameters;
  for (int layer = 0; layer < 2; ++layer) {
    for (const Dims& shape : {Dims{8, 8}, Dims{32, 8}, Dims{8, 8}, Dims{8, 32}}) {
      const std::string name = fmt::format("{}", parameters.size());
      parameters.push_back({name, randn(shape, on_cuda).set_requires_grad()});
    }
  }
  optim::Muon muon(parameters);
  Replay replay(Device::cuda);
  for (int i = 0; i < 4; ++i) {
    for (const Parameter& p : parameters) backward(sum(square(p.tensor)));
    replay.run([&] { muon.step(); });
    muon.zero_grad();
  }
  constexpr int shapes = 3, iterations = 5, products = 3, rates = 2, rest = 1 + 1 + 3 + 1;
  EXPECT_EQ(replay.stats().requests, shapes * iterations * products + rates + rest)
      << "momentum, norms, their root, bound and reciprocal, division, products, a step for either rate";
}

TEST(CudaMemory, IsKeptForTheNextTensors) {
  std::thread([] {
    { const Tensor x = zeros({1000}, on_cuda); }
    const MemoryStats first = memory_stats(Device::cuda);
    EXPECT_EQ(first.active, 0);
    EXPECT_GE(first.cached, 4000);
    for (int i = 0; i < 5; ++i) {
      const Tensor x = zeros({1000}, on_cuda), y = x.detach();
    }
    const MemoryStats second = memory_stats(Device::cuda);
    EXPECT_EQ(second.system_allocations, first.system_allocations);
    EXPECT_EQ(second.peak_active, first.peak_active);
    EXPECT_EQ(memory_stats().active, 0) << "that is the host's";
    Tensor elsewhere = zeros({1000}, on_cuda);
    std::thread([x = std::move(elsewhere)]() mutable { x = {}; }).join();
    EXPECT_EQ(memory_stats(Device::cuda).cached, 0) << "what dies elsewhere goes back to the driver";
  }).join();
}

}  // namespace
}  // namespace lockstep
