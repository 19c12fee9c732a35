// A tensor core's product, of what the lanes of a warp have (core/cuda/tensor_core.h).
#include <bit>
#include <cstring>

#include "tests/cuda_on_host/run.h"

namespace cuda_on_host {

void multiply_bf16(std::byte* values) {
  constexpr int m = 16, n = 8, k = 16;
  float a[m][k], b[k][n];
  for (int lane = 0; lane < 32; ++lane) {
    std::uint32_t given[6];
    std::memcpy(given, values + lane_bytes * static_cast<std::size_t>(lane), sizeof given);
    const int g = lane / 4, i = lane % 4;
    for (int second = 0; second < 2; ++second) {
      const auto value = [&](int at) {
        return std::bit_cast<float>(second != 0 ? given[at] & 0xffff0000u : given[at] << 16);
      };
      const int column = 2 * i + second;
      a[g][column] = value(0), a[g + 8][column] = value(1);
      a[g][column + 8] = value(2), a[g + 8][column + 8] = value(3);
      b[column][g] = value(4), b[column + 8][g] = value(5);
    }
  }
  float product[m][n] = {};
  for (int row = 0; row < m; ++row)
    for (int e = 0; e < k; ++e)
      for (int column = 0; column < n; ++column) product[row][column] += a[row][e] * b[e][column];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, i = lane % 4;
    const float of_lane[4] = {product[g][2 * i], product[g][2 * i + 1], product[g + 8][2 * i],
                              product[g + 8][2 * i + 1]};
    std::memcpy(values + lane_bytes * static_cast<std::size_t>(lane), of_lane, sizeof of_lane);
  }
}

}  // namespace cuda_on_host
