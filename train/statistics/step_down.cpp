#include "train/statistics/step_down.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>

#include "core/error.h"

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

  // Gives pair i the sign.
  void set(std::size_t i, double sign, double before) {
    if (i >= d_.size()) return;
    total_ += (sign - before) * d_[i];
    signs_ += sign - before;
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

// Calls `use` once for every sign pattern, the observed one first. Gives their number.
template <typename Use>
std::uint64_t for_each_pattern(std::vector<Flipped>& members, std::size_t pairs, Use use) {
  std::vector<double> signs(pairs, 1.0);
  const auto set = [&](std::size_t i, double sign) {
    for (Flipped& member : members) member.set(i, sign, signs[i]);
    signs[i] = sign;
  };
  use();
  if (pairs <= max_exact_joint_pairs) {
    // In the order of Gray's code, one sign changes at a time.
    const std::uint64_t patterns = std::uint64_t{1} << pairs;
    for (std::uint64_t n = 1; n < patterns; ++n) {
      const auto i = static_cast<std::size_t>(std::countr_zero(n));
      set(i, -signs[i]);
      use();
    }
    return patterns;
  }
  std::mt19937_64 random(20161027);  // fixed; the standard prescribes its numbers
  for (std::size_t n = 0; n < sampled_joint_flips; ++n) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < pairs; ++i, bits >>= 1) {
      if (i % 64 == 0) bits = random();
      set(i, (bits & 1) != 0 ? 1.0 : -1.0);
    }
    use();
  }
  return sampled_joint_flips + 1;
}

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
  const std::uint64_t patterns = for_each_pattern(members, pairs, [&] {
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
