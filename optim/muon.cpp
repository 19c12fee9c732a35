#include "optim/muon.h"

#include <cmath>

#include "optim/elementwise.h"
#include "optim/matrix.h"
#include "optim/ranges.h"

namespace lockstep::optim {

namespace {

double adjusted(MuonScale scale, const Tensor& range) {
  const auto rows = static_cast<double>(range.size(0)), columns = static_cast<double>(range.size(1));
  switch (scale) {
    case MuonScale::original:
      return std::sqrt(std::max(1.0, rows / columns));
    case MuonScale::match_rms_adamw:
      return 0.2 * std::sqrt(std::max(rows, columns));
    case MuonScale::spectral_unclamped:
      return std::sqrt(rows / columns);
  }
  return 1;
}

}  // namespace

MuonScale muon_scale_from(const std::string& name) {
  for (const auto scale : {MuonScale::original, MuonScale::match_rms_adamw, MuonScale::spectral_unclamped}) {
    if (name == to_string(scale)) return scale;
  }
  fail("[Muon] adjust_lr_fn must be original, match_rms_adamw or spectral_unclamped, got \"{}\"", name);
}

std::string to_string(MuonScale scale) {
  switch (scale) {
    case MuonScale::original:
      return "original";
    case MuonScale::match_rms_adamw:
      return "match_rms_adamw";
    case MuonScale::spectral_unclamped:
      return "spectral_unclamped";
  }
  return "?";
}

void validate(const MuonOptions& o) {
  expect_at_least(0, "Muon", "lr", o.lr);
  expect_at_least(0, "Muon", "momentum", o.momentum);
  expect_at_least(0, "Muon", "weight_decay", o.weight_decay);
  check(o.ns_steps < 100, "[Muon] ns_steps must be less than 100, got {}", o.ns_steps);
}

Muon::Muon(const ParameterList& parameters, const MuonOptions& options)
    : Muon(Groups{{parameters, options}}) {}

Muon::Muon(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    check(member.tensor().rank() == 2,
          "[Muon] takes matrices only, {} is {}: give it to another rule beside Muon, see muon_with_adam",
          member.parameter().name, describe(member.tensor()));
    member.add_slot("momentum_buffer");
  }
}

void Muon::update(Member& member, const Tensor& gradient, double) {
  const MuonOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  const Tensor direction = empty_like(p);
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const T rest = T(1 - o.momentum), ahead = T(o.nesterov ? o.momentum : 1);
    for_each_element<T>(
        [=](T& u, T dx, T& b) {
          b = lerp(b, dx, rest);
          u = lerp(dx, b, ahead);
        },
        direction, gradient, member.slot("momentum_buffer"));
  });
  for (const RowRange& range : row_ranges(member.parameter(), o.direction_by)) {
    orthogonalize(rows(direction, range), {o.ns_coefficients, o.ns_steps, o.eps, o.ns_bfloat16});
  }
  scale(p, 1 - o.lr * o.weight_decay);
  for (const RowRange& range : row_ranges(member.parameter(), o.scale_by)) {
    const Tensor part = rows(p, range);
    accumulate(part, rows(direction, range), -o.lr * adjusted(o.adjust_lr_fn, part));
  }
}

}  // namespace lockstep::optim
