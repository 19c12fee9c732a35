// Times convolutions for compare_conv.py: conv_bench THREADS. Reads lines
// "SECONDS IMAGES IN OUT GROUPS STRIDE PADDING DILATION SIZE,SIZE,... WINDOW,WINDOW,..." and answers each
// with the median milliseconds of a forward and of a backward in f32, both gradients and the bias's included.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <sstream>
#include <string>

#include "core/lockstep.h"

namespace {

using namespace lockstep;
using Clock = std::chrono::steady_clock;

Dims sizes_of(const std::string& text, Dims shape) {
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) shape.push_back(std::stoll(word));
  return shape;
}

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

void answer(const std::string& line) {
  double seconds = 0;
  std::int64_t images = 0, in = 0, out = 0;
  ConvGeometry geometry;
  std::string size, window;
  std::istringstream(line) >> seconds >> images >> in >> out >> geometry.groups >> geometry.stride[0] >>
      geometry.padding[0] >> geometry.dilation[0] >> size >> window;
  Tensor x = randn(sizes_of(size, {images, in})),
         weight = randn(sizes_of(window, {out, in / geometry.groups})), bias = randn({out});
  for (Tensor* leaf : {&x, &weight, &bias}) leaf->set_requires_grad(true);
  const Tensor dy = randn(conv(x, weight, bias, geometry).shape());
  std::vector<double> forward, back;
  for (const Clock::time_point begin = Clock::now();
       forward.size() < 3 || milliseconds_since(begin) < 1000 * seconds;) {
    for (Tensor* leaf : {&x, &weight, &bias}) leaf->zero_grad();
    const Clock::time_point start = Clock::now();
    const Tensor y = conv(x, weight, bias, geometry);
    forward.push_back(milliseconds_since(start));
    const Clock::time_point middle = Clock::now();
    backward(y, dy);
    back.push_back(milliseconds_since(middle));
  }
  fmt::print("{} {}\n", median(forward), median(back));
}

}  // namespace

int main(int argc, char** argv) {
  const lockstep::Threads threads(argc > 1 ? std::stoi(argv[1]) : 1);
  for (std::string line; std::getline(std::cin, line);) {
    answer(line);
    std::fflush(stdout);
  }
}
