// Replays: work that is recorded once and done again as a graph, with other numbers in it.
#include "core/runtime/replay.h"

#include <gtest/gtest.h>

#include <thread>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops.h"
#include "core/random/keyed_stream.h"
#include "core/random/random_tensors.h"
#include "core/runtime/observer.h"
#include "core/runtime/tf32.h"
#include "optim/optim.h"

namespace lockstep {
namespace {

constexpr TensorOptions on_cuda{DType::f32, Device::cuda};

TEST(CudaReplay, RecordsAfterARunAndReplaysThen) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({3}, on_cuda);
  for (int i = 0; i < 6; ++i) replay.run([&] { copy_(total, total + 1); });
  EXPECT_EQ(total.to_vector(), std::vector<double>(3, 6));
  const ReplayStats stats = replay.stats();
  EXPECT_EQ(stats.asked, 1);
  EXPECT_EQ(stats.recorded, 1);
  EXPECT_EQ(stats.replayed, 4);
  EXPECT_EQ(stats.requests, 2) << "add, copy";
}

// What the host hands over is another thing in every run.
TEST(CudaReplay, SeesOtherBatchesStreamsAndRules) {
  Replay replay(Device::cuda);
  Tensor p = ones({4}, on_cuda);
  optim::SGD sgd({{"p", p.set_requires_grad()}}, {.lr = 1});
  std::vector<double> expected(4, 1);
  for (int i = 0; i < 7; ++i) {
    const KeyedStream stream(static_cast<std::uint64_t>(i), "dropout", "x");
    const Tensor batch = from_values<float>({4}, {1.F * i, 2, 3, 4});
    const double lr = 0.5 / (i + 1);
    replay.run([&] {
      sgd.set_lr(lr);
      backward(sum(dropout(p * moved(batch, Device::cuda), 0.5, stream)));
      sgd.step();
      sgd.zero_grad();
    });
    const std::vector<double> kept = dropout(batch, 0.5, stream).to_vector(), now = p.to_vector();
    for (std::size_t k = 0; k < 4; ++k) {
      expected[k] -= lr * kept[k];
      EXPECT_NEAR(now[k], expected[k], 1e-5) << i;
      expected[k] = now[k];
    }
  }
  EXPECT_EQ(replay.stats().recorded, 1);
  EXPECT_EQ(replay.stats().replayed, 5);
}

// A run's batch is not overwritten by the next before the device has read it.
TEST(CudaReplay, RunsDoNotWaitForEachOther) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({4096}, on_cuda);
  constexpr int runs = 300;
  for (int i = 0; i < runs; ++i)
    replay.run([&] { copy_(total, total + moved(full({4096}, i), Device::cuda)); });
  EXPECT_EQ(total.to_vector(), std::vector<double>(4096, runs * (runs - 1) / 2));
  EXPECT_EQ(replay.stats().replayed, runs - 2);
}

// In rehearsals, records, replays, and where the work differs; also where nothing else varies.
TEST(CudaReplay, ReportsAScalarOfEachRun) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const bool varies : {true, false}) {
      Replay replay(Device::cuda);
      const Tensor count = zeros({}, {dtype, Device::cuda});
      EXPECT_THROW(replay.reported(), Error);
      double expected = 0;
      for (int i = 0; i < 12; ++i) {
        const bool differs = i == 6 || i == 9;
        replay.run([&] {
          const Tensor more = varies ? moved(full({}, i, {dtype, Device::cpu}), Device::cuda)
                                     : ones({}, {dtype, Device::cuda});
          replay.constant(0, [&] {
            copy_(count, count + more);
            replay.report(count);
          });
          if (differs) copy_(count, count + 1);  // behind the report
          EXPECT_THROW(replay.reported(), Error);
        });
        expected += varies ? i : 1;
        EXPECT_EQ(replay.reported(), expected) << i;
        EXPECT_EQ(replay.reported(), expected) << "again";
        if (differs) expected += 1;
        EXPECT_EQ(count.item(), expected) << i;
      }
      EXPECT_EQ(replay.stats().replayed, 4);
      EXPECT_EQ(replay.stats().recorded, 3);
    }
  }
}

TEST(CudaReplay, AReportTellsOfABadIndex) {
  Replay replay(Device::cuda);
  const Tensor table = ones({3, 2}, on_cuda);
  for (int i = 0; i < 6; ++i) {
    const Tensor index = from_values<std::int64_t>({1}, {i == 4 ? 7 : 1});
    replay.run([&] { replay.report(sum(embedding(table, moved(index, Device::cuda)))); });
    if (i != 4) {
      EXPECT_EQ(replay.reported(), 2) << i;
    } else {
      EXPECT_THROW(replay.reported(), Error);
    }
  }
  EXPECT_EQ(replay.stats().replayed, 4);
}

TEST(CudaReplay, AReportIsOfItsOwnWork) {
  Replay outer(Device::cuda), other(Device::cuda);
  EXPECT_THROW(outer.run([&] { other.report(ones({}, on_cuda)); }), Error);
  EXPECT_THROW(other.run([&] { other.report(ones({2}, on_cuda)); }), Error) << "no scalar";
  for (int i = 0; i < 5; ++i) outer.run([&] { outer.report(full({}, 3, on_cuda)); });
  EXPECT_EQ(outer.reported(), 3);
  outer.run([] {});
  EXPECT_THROW(outer.reported(), Error) << "the last run did not report";
}

TEST(CudaReplay, WorkThatDiffersIsDoneAllTheSame) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({2}, on_cuda);
  double expected = 0;
  for (int i = 0; i < 12; ++i) {
    const bool more = i == 5, other = i == 8;
    replay.run([&] {
      copy_(total, total + (other ? 10 : 1));
      if (more) copy_(total, total * 2);
      if (i != 10) copy_(total, total + 1);
    });
    expected += other ? 10 : 1;
    if (more) expected *= 2;
    if (i != 10) expected += 1;
    EXPECT_EQ(total.to_vector(), std::vector<double>(2, expected)) << i;
  }
  EXPECT_EQ(replay.stats().asked, 1 + 3 + 2) << "a rehearsal, three that differed, one rehearsal after each";
}

TEST(CudaReplay, SeesWhetherProductsMayBeRounded) {
  Replay replay(Device::cuda);
  manual_seed(5);
  const Tensor a = randn({64, 64}, on_cuda), y = empty_like(a);
  for (int i = 0; i < 10; ++i) {
    const AllowTf32 tf32(i >= 5);
    replay.run([&] { copy_(y, matmul(a, a)); });
    EXPECT_EQ(y.to_vector(), matmul(a, a).to_vector()) << i;
  }
  EXPECT_EQ(replay.stats().recorded, 2);
}

// As a benchmark wants it, to see what a request costs.
TEST(CudaReplay, AnObserverMayHaveRequestsRepeated) {
  class Thrice final : public Observer {
   public:
    bool repeats_requests() const override { return true; }
    int repeats(const std::string& name) override { return name == "product" ? 1 : 3; }
  };
  const Tensor x = full({4}, 2, on_cuda), y = empty({4}, on_cuda),
               a = ones({9, 9}, {DType::f64, Device::cuda}), b = empty_like(a);
  const auto requests = [&] {
    Replay replay(Device::cuda);
    for (int i = 0; i < 4; ++i) {
      replay.run([&] {
        copy_(y, x);
        kernels(b).matmul(b, a, a, false, {});
      });
    }
    EXPECT_EQ(replay.stats().replayed, 2);
    return replay.stats().requests;
  };
  EXPECT_EQ(requests(), 2);
  const Thrice thrice;
  EXPECT_EQ(requests(), 3 + 1) << "the product is the library's";
  EXPECT_EQ(y.to_vector(), std::vector<double>(4, 2));
}

TEST(CudaReplay, WorkThatAlwaysDiffersIsLeftAlone) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({}, on_cuda);
  for (int i = 0; i < 60; ++i) replay.run([&] { copy_(total, total + i); });
  EXPECT_EQ(total.item(), 59 * 30);
  EXPECT_LT(replay.stats().recorded, 20);
}

TEST(CudaReplay, ABatchThatGrewIsNoGraphButRight) {
  Replay replay(Device::cuda);
  for (const std::int64_t n : {2, 2, 3000, 3000, 3000, 3000}) {
    Tensor y;
    replay.run([&] { y = moved(ones({n}), Device::cuda) + 1; });
    EXPECT_EQ(sum(y).item(), 2.0 * static_cast<double>(n));
  }
  EXPECT_EQ(replay.stats().replayed, 1);
}

// A part that is the same each time is left out on the host; what it made is still there for the rest.
TEST(CudaReplay, LeavesConstantPartsOut) {
  Replay replay(Device::cuda);
  const Tensor input = empty({3}, on_cuda), copied = zeros({300}, on_cuda);
  Tensor twice;
  std::int64_t done = 0;
  std::vector<Tensor> held;  // by others, in between
  for (int i = 0; i < 12; ++i) {
    const Tensor batch = full({3}, i);
    replay.run([&] {
      copy_(input, moved(batch, Device::cuda));
      replay.constant(i < 8 ? 0 : 1, [&] {
        ++done;
        twice = {};
        const Tensor once = zeros({300}, on_cuda) + sum(input);
        twice = once + once;
      });
      copy_(copied, twice);
    });
    EXPECT_EQ(copied.to_vector(), std::vector<double>(300, 6 * i)) << i;
    held.push_back(full({300}, -1, on_cuda));
    EXPECT_EQ(twice.to_vector(), std::vector<double>(300, 6 * i)) << i;
  }
  for (const Tensor& x : held)
    EXPECT_EQ(x.to_vector(), std::vector<double>(300, -1)) << "nobody else writes there";
  EXPECT_EQ(replay.stats().replayed, 10);
  EXPECT_EQ(done, 3) << "a rehearsal, the recording, and once for the other key";
}

TEST(CudaReplay, APartWithAnUploadIsDoneEveryTime) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({3}, on_cuda);
  double expected = 0;
  for (int i = 0; i < 8; ++i) {
    replay.run([&] { replay.constant(0, [&] { copy_(total, total + moved(full({3}, i), Device::cuda)); }); });
    expected += i;
    EXPECT_EQ(total.to_vector(), std::vector<double>(3, expected)) << i;
  }
  EXPECT_EQ(replay.stats().replayed, 6);
}

// Nothing that the recorded work uses is freed while requests of it wait.
TEST(CudaReplay, WhatIsFreedMeanwhileLastsUntilTheEndOfTheRun) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({300}, on_cuda);
  for (int i = 0; i < 6; ++i) {
    Tensor made_elsewhere;
    std::thread([&] { made_elsewhere = ones({300}, on_cuda); }).join();
    replay.run([&] {
      copy_(total, total + made_elsewhere);
      made_elsewhere = {};
    });
    EXPECT_EQ(total.to_vector(), std::vector<double>(300, i + 1)) << i;
  }
}

TEST(CudaReplay, TooLittleMemoryIsAnErrorAndTheNextRunWorks) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({300}, on_cuda);
  double expected = 0;
  for (int i = 0; i < 10; ++i) {
    const bool too_large = i == 2 || i == 6;
    const auto run = [&] {
      replay.run([&] {
        replay.constant(too_large ? 1 : 0, [&] {
          copy_(total, total + 1);
          if (too_large) empty({std::int64_t{1} << 45}, on_cuda);
          copy_(total, total + 1);
        });
      });
    };
    if (too_large) {
      EXPECT_THROW(run(), Error);
      expected += 1;  // what was asked for before
    } else {
      run();
      expected += 2;
    }
    EXPECT_EQ(total.to_vector(), std::vector<double>(300, expected)) << i;
  }
}

TEST(CudaReplay, AnErrorLeavesTheWeightsAndTheNextRunWorks) {
  Replay replay(Device::cuda);
  const Tensor total = zeros({2}, on_cuda);
  for (int i = 0; i < 9; ++i) {
    const bool fails = i == 2 || i == 5;
    const auto run = [&] {
      replay.run([&] {
        copy_(total, total + 1);
        if (fails) fail("on purpose");
      });
    };
    if (fails) {
      EXPECT_THROW(run(), Error);
    } else {
      run();
    }
  }
  EXPECT_EQ(total.to_vector(), std::vector<double>(2, 7));
}

TEST(CudaReplay, ItsWorkMustNotReadTheDevice) {
  Replay replay(Device::cuda);
  const Tensor x = ones({}, on_cuda);
  for (int i = 0; i < 4; ++i) {
    try {
      replay.run([&] { (x + 1).item(); });
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("read it after run()"), std::string::npos) << e.what();
    }
  }
}

}  // namespace
}  // namespace lockstep
