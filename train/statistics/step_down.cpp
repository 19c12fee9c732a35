#include "train/statistics/step_down.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "core/error.h"
#include "train/statistics/sign_patterns.h"

namespace lockstep::train {

namespace {

enum class Claim { not_zero, above_lower, below_upper };

// One member under a sign pattern.
class Flipped {
 public:
  explicit Flipped(const FamilyMember& member) : d_(member.differences), margin_(member.margin) {
    for (const double d : d_) {
      total_ += d;
      squares_ += d * d;
      below_ += (d + margin_) * (d + margin_);
      above_ += (margin_ - d) * (margin_ - d);
    }
    signs_ = static_cast<double>(d_.size());
  }

  // Pair i's sign changes by so much.
  void change(std::size_t i, double difference) {
    if (i >= d_.size()) return;
    total_ += difference * d_[i];
    signs_ += difference;
  }
  double statistic(Claim claim) const {
    switch (claim) {
      case Claim::not_zero:
        return ratio(std::abs(total_), squares_);
      case Claim::above_lower:
        return ratio(total_ + margin_ * signs_, below_);
      case Claim::below_upper:
        return ratio(margin_ * signs_ - total_, above_);
    }
    return 0;
  }

 private:
  static double ratio(double sum, double squares) { return squares > 0 ? sum / std::sqrt(squares) : 0; }

  std::span<const double> d_;
  double margin_;
  double total_ = 0, signs_ = 0;                // sum s_i d_i, sum s_i
  double squares_ = 0, below_ = 0, above_ = 0;  // of d, d + m, m - d
};

struct Test {
  std::size_t member;
  Claim claim;
  double observed;
  std::uint64_t reached = 0;  // sign patterns
};

}  // namespace

std::vector<FamilyP> step_down(std::span<const FamilyMember> family) {
  std::vector<Flipped> members;
  std::vector<Test> tests;
  std::size_t pairs = 0;
  for (const FamilyMember& member : family) {
    check(member.margin > 0, "[step_down] expected an equivalence margin above 0: got {}", member.margin);
    for (const double d : member.differences)
      check(std::isfinite(d), "[step_down] expected finite differences: got {}", d);
    const Flipped& flipped = members.emplace_back(member);
    pairs = std::max(pairs, member.differences.size());
    for (const Claim claim : {Claim::not_zero, Claim::above_lower, Claim::below_upper}) {
      if (claim == Claim::not_zero || member.may_be_equivalent)
        tests.push_back({members.size() - 1, claim, flipped.statistic(claim)});
    }
  }
  std::ranges::stable_sort(tests, std::ranges::greater{}, &Test::observed);
  constexpr double tie = 1e-9;  // ties with the observed value, up to rounding, reach it
  const auto change = [&](std::size_t i, double difference) {
    for (Flipped& member : members) member.change(i, difference);
  };
  const std::uint64_t patterns = for_each_sign_pattern(pairs, change, [&] {
    double largest = -INFINITY;
    for (auto test = tests.rbegin(); test != tests.rend(); ++test) {
      largest = std::max(largest, members[test->member].statistic(test->claim));
      test->reached += largest >= test->observed - tie;
    }
  });
  std::vector<FamilyP> all(family.size());
  double p = 0;
  for (const Test& test : tests) {
    p = std::max(p, static_cast<double>(test.reached) / static_cast<double>(patterns));
    // The later one of two claims of equivalence has the larger p.
    (test.claim == Claim::not_zero ? all[test.member].different : all[test.member].equivalent) = p;
  }
  return all;
}

}  // namespace lockstep::train
