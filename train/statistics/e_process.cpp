#include "train/statistics/e_process.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/error.h"

namespace lockstep::train {

namespace {

constexpr int first_power = -4;
constexpr std::size_t powers = 12;
constexpr double infinity = std::numeric_limits<double>::infinity();

// E(theta) pair by pair. `side` -1: its mirror image, against a mean of theta and more.
class EProcess {
 public:
  EProcess(double theta, double margin, int side) : theta_(theta), margin_(margin), side_(side) {}

  void add(double d) {
    for (std::size_t j = 0; j < powers; ++j) {
      const double lambda = std::ldexp(1 / margin_, first_power + static_cast<int>(j));
      // exp(x) / cosh(x) = 2 / (1 + exp(-2 x))
      logs_[j] += std::numbers::ln2 - log_one_plus_exp(-2 * lambda * side_ * (d - theta_));
    }
  }
  double value() const {
    double sum = 0;
    for (const double log : logs_) sum += std::exp(log);
    return sum / static_cast<double>(powers);
  }

 private:
  static double log_one_plus_exp(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

  double theta_, margin_;
  int side_;
  std::array<double, powers> logs_{};
};

double largest(std::span<const double> differences, EProcess process) {
  double reached = 1;
  for (const double d : differences) {
    process.add(d);
    reached = std::max(reached, process.value());
  }
  return reached;
}

void check_arguments(std::span<const double> differences, double margin) {
  check(margin > 0, "[e_process] expected an equivalence margin above 0: got {}", margin);
  for (const double d : differences)
    check(std::isfinite(d), "[e_process] expected finite differences: got {}", d);
}

// The largest theta below the mean that is rejected: E(theta) falls as theta rises.
double rejected_below(std::span<const double> differences, double margin, double bound, int side) {
  double inside = -infinity, outside = infinity;
  for (const double d : differences) {
    inside = std::max(inside, side * d);
    outside = std::min(outside, side * d);
  }
  // Nothing rejects a mean beyond all differences; if this one stands, every one does.
  outside -= std::ldexp(margin, 8);
  const auto rejected = [&](double theta) {
    return largest(differences, EProcess(side * theta, margin, side)) >= bound;
  };
  if (!rejected(outside)) return -infinity;
  for (int halving = 0; halving < 50; ++halving) {
    const double middle = std::midpoint(inside, outside);
    (rejected(middle) ? outside : inside) = middle;
  }
  return outside;
}

}  // namespace

Evidence evidence(std::span<const double> differences, double margin) {
  check_arguments(differences, margin);
  EProcess above(0, margin, 1), below(0, margin, -1), over_lower(-margin, margin, 1),
      under_upper(margin, margin, -1);
  Evidence reached;
  double over = 1, under = 1;
  for (const double d : differences) {
    for (EProcess* process : {&above, &below, &over_lower, &under_upper}) process->add(d);
    reached.different = std::max(reached.different, (above.value() + below.value()) / 2);
    over = std::max(over, over_lower.value());
    under = std::max(under, under_upper.value());
  }
  reached.equivalent = std::min(over, under);
  return reached;
}

Interval confidence_sequence(std::span<const double> differences, double margin, double level) {
  check_arguments(differences, margin);
  check(level > 0 && level < 1, "[confidence_sequence] expected a level between 0 and 1: got {}", level);
  if (differences.empty()) return {.lower = -infinity, .upper = infinity, .exact = true};
  const double bound = 2 / (1 - level);  // each side at half of the error
  return {.lower = rejected_below(differences, margin, bound, 1),
          .upper = -rejected_below(differences, margin, bound, -1),
          .exact = true};
}

std::vector<FamilyP> e_holm(std::span<const Evidence> family) {
  struct Claim {
    std::size_t member;
    double Evidence::*kind;
    double reached;
  };
  std::vector<Claim> claims;
  for (std::size_t i = 0; i < family.size(); ++i) {
    for (double Evidence::*kind : {&Evidence::different, &Evidence::equivalent})
      claims.push_back({i, kind, family[i].*kind});
  }
  std::ranges::stable_sort(claims, std::ranges::greater{}, &Claim::reached);
  std::vector<FamilyP> all(family.size());
  std::vector<int> rejected(family.size());
  auto possible = static_cast<double>(family.size());  // hypotheses that can be true together
  double p = 0;
  for (const Claim& claim : claims) {
    p = std::max(p, std::min(1.0, possible / claim.reached));
    (claim.kind == &Evidence::different ? all[claim.member].different : all[claim.member].equivalent) = p;
    if (++rejected[claim.member] == 2) --possible;
  }
  return all;
}

}  // namespace lockstep::train
