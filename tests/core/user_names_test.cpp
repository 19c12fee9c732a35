// A user writes `using namespace lockstep;` (README.md) and gives structs the commonest names there are.
#include <gtest/gtest.h>

#include "core/lockstep.h"

using namespace lockstep;

struct Node {
  std::vector<Node> children;
};
struct Edge {
  Node from, to;
};
struct Part {
  Edge edge;
};
struct Block {
  Part part;
  nn::Linear linear;
};

struct Training {};
struct Evaluation {};

namespace {

TEST(UserNames, AreTheUsers) {
  const Scope root(Seed{0});
  std::vector<Block> blocks;
  for (const char* name : {"0", "1"}) blocks.push_back({Part{}, nn::Linear(root / name, 2, 2)});
  Tensor x = ones({3, 2});
  for (const Block& block : blocks) x = block.linear(x);
  EXPECT_EQ(x.shape(), (Dims{3, 2}));
}

}  // namespace
