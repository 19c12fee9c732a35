#include "optim/rprop.h"

#include <algorithm>

#include "optim/elementwise.h"
#include "optim/ranges.h"

namespace lockstep::optim {

void validate(const RpropOptions& o) {
  expect_at_least(0, "Rprop", "lr", o.lr);
  check(o.etas[0] > 0 && o.etas[0] < 1 && o.etas[1] > 1,
        "[Rprop] etas must be a factor between 0 and 1 and one above 1, got {} and {}", o.etas[0], o.etas[1]);
}

Rprop::Rprop(const ParameterList& parameters, const RpropOptions& options)
    : Rprop(Groups{{parameters, options}}) {}

Rprop::Rprop(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    member.add_slot("prev");
    member.add_slot("step_size");
  }
}

void Rprop::update(Member& member, const Tensor& gradient, double step) {
  const RpropOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const T sign = T(o.maximize ? -1 : 1), first = T(o.lr), down = T(o.etas[0]), up = T(o.etas[1]);
    const T least = T(o.step_sizes[0]), most = T(o.step_sizes[1]);
    const bool fresh = step == 1;
    for_each_element<T>(
        [=](T& x, T dx, T& last, T& size) {
          dx *= sign;
          const T agreement = dx * last;
          if (fresh) size = first;
          size *= agreement > 0 ? up : agreement < 0 ? down : T(1);
          size = std::min(std::max(size, least), most);
          if (agreement < 0) dx = 0;
          x -= size * static_cast<T>((dx > 0) - (dx < 0));
          last = dx;
        },
        p, gradient, member.slot("prev"), member.slot("step_size"));
  });
}

}  // namespace lockstep::optim
