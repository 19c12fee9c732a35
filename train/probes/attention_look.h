#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/training/training.h"

namespace lockstep::train {

// What a layer's attention does with the same 16 validation inputs every time.
struct AttentionLook {
  std::string layer;                 // "blocks.0.attn"
  std::int64_t heads = 0, keys = 0;  // as many queries as keys
  bool causal = false;
  std::vector<double> weights, scores;  // (inputs, heads, queries, keys)
  std::vector<std::int64_t> tokens;     // (inputs, keys); empty: the inputs are images

  // Calls `use(input, head, query, row)` for every query from `first` on; row: its weights, one for each key.
  void for_each_row(std::int64_t first, auto use) const {
    const auto inputs = static_cast<std::int64_t>(weights.size()) / (heads * keys * keys);
    for (std::int64_t i = 0; i < inputs; ++i) {
      for (std::int64_t h = 0; h < heads; ++h) {
        for (std::int64_t t = first; t < keys; ++t)
          use(i, h, t, &weights[((i * heads + h) * keys + t) * keys]);
      }
    }
  }
};

// One for each layer; without dropout, and without a trace of it in the training.
std::vector<AttentionLook> look_at_attention(const Training& training);

}  // namespace lockstep::train
