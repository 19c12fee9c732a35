// Times the ops of the list of cases (tests/core/op_cases.h): ops_bench [part of a name]. For each, the
// median time of a forward and of a forward with its backward, in f32, on one thread.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "core/autograd.h"
#include "tests/core/op_cases.h"

namespace {

using namespace lockstep;

double median_microseconds(const std::function<void()>& action) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (const Clock::time_point stop = Clock::now() + std::chrono::milliseconds(200);
       times.size() < 5 || Clock::now() < stop;) {
    const Clock::time_point start = Clock::now();
    action();
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

std::string shapes_of(const std::vector<cases::Input>& inputs) {
  std::string text;
  for (const cases::Input& input : inputs) text.append(to_string(input.shape)).append(" ");
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "";
  fmt::print("{:<26}{:>14}{:>18}   inputs\n", "op", "forward us", "with backward us");
  for (const cases::OpCase& op : cases::op_cases()) {
    if (op.timed.empty() || op.name.find(wanted) == std::string::npos) continue;
    cases::Inputs inputs = cases::draw(op.timed, DType::f32, op.name);
    const Tensor cotangent = ones(op.call(inputs).shape());
    const double forward = median_microseconds([&] {
      const NoGrad no_grad;
      op.call(inputs);
    });
    const double both = median_microseconds([&] {
      for (Tensor& x : inputs) x.zero_grad();
      backward(op.call(inputs), cotangent);
    });
    fmt::print("{:<26}{:>14.1f}{:>18.1f}   {}\n", op.name, forward, both, shapes_of(op.timed));
  }
}
