#include "optim/updates.h"

#include <algorithm>
#include <cstring>

namespace lockstep::optim {

namespace {

bool is_same(const UpdateRule& a, const UpdateRule& b) {
  return std::visit(
      [&](const auto& of_a) {
        const auto* of_b = std::get_if<std::decay_t<decltype(of_a)>>(&b);
        return of_b != nullptr && std::memcmp(&of_a, of_b, sizeof(of_a)) == 0;
      },
      a);
}

}  // namespace

void Updates::add(const UpdateRule& rule, UpdateTensors tensors) {
  const auto known = std::find_if(by_rule_.rbegin(), by_rule_.rend(),
                                  [&](const auto& entry) { return is_same(entry.first, rule); });
  auto& same = known != by_rule_.rend() ? *known : by_rule_.emplace_back(rule, std::vector<UpdateTensors>());
  same.second.push_back(std::move(tensors));
}

void Updates::run() {
  for (const auto& [rule, tensors] : by_rule_) {
    kernels(tensors.front().p).update(rule, tensors, only_if_finite_);
  }
  by_rule_.clear();
}

}  // namespace lockstep::optim
