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
  const Tensor x = ones({64, 64}, {DType::f64, Device::cuda});  // whose products are the library's
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
  constexpr int shapes = 3, iterations = 5, products = 3, rates = 2, rest = 1 + 1 + 1 + 3 + 1;
  EXPECT_EQ(replay.stats().requests, shapes * iterations * products + rates + rest)
      << "what varies, momentum, norms, their root, bound and reciprocal, division, products, a step for "
         "either rate";
}

// Together, whatever their size, type and place: more than one launch takes, and more than the mailbox.
TEST(CudaCopies, OfManyTensorsAreThoseOfEach) {
  manual_seed(3);
  const Tensor wide = randn({700, 401}, on_cuda), large = randn({600, 500}, on_cuda),
               whole = moved(arange(77), Device::cuda),
               bytes = moved(tril(ones({5, 7}), 0) != 0, Device::cuda);
  std::vector<Tensor> all{large, wide[0],      transpose(wide, 0, 1), whole,
                          bytes, ones({2, 3}), empty({0}, on_cuda)};
  for (std::int64_t row = 0; row < 60; ++row) all.push_back(slice(wide, 0, row, 3 * row + 1));
  for (std::int64_t at = 0; at < 7; ++at) all.push_back(slice(bytes[2], 0, at, 7));
  const std::vector<std::vector<double>> together = to_vectors(all);
  ASSERT_EQ(together.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(together[i].size(), static_cast<std::size_t>(all[i].numel()));
    EXPECT_EQ(together[i], all[i].to_vector()) << i << ": " << describe(all[i]);
  }
  EXPECT_TRUE(to_vectors({}).empty());
}

// One after the other, more than the mailbox holds, while the host changes what it has handed over.
TEST(CudaCopies, ToTheDeviceAreOfWhatWasThere) {
  std::vector<Tensor> there;
  const Tensor x = empty({40'000});
  for (int i = 0; i < 12; ++i) {
    copy_(x, full({40'000}, i));
    there.push_back(moved(x, Device::cuda));
  }
  for (int i = 0; i < 12; ++i) EXPECT_EQ(there[i].to_vector(), std::vector<double>(40'000, i));
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
