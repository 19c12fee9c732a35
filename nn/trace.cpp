#include "nn/trace.h"

#include <algorithm>
#include <utility>

#include "core/joined.h"

namespace lockstep::nn {
namespace {

thread_local Trace* innermost_trace = nullptr;

// Whether the pattern, in which * stands for any letters, fits the name.
bool fits(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= name.size(); ++at) {
    if (fits(rest, name.substr(at))) return true;
  }
  return false;
}

}  // namespace

Trace::Trace(std::vector<std::string> wanted)
    : wanted_(std::move(wanted)), outer_(std::exchange(innermost_trace, this)) {}

Trace::~Trace() { innermost_trace = outer_; }

Trace* Trace::current() { return innermost_trace; }

void Trace::change(std::string wanted, Change change) {
  wanted_.push_back(wanted);
  changes_.emplace_back(std::move(wanted), std::move(change));
}

const Tensor& Trace::operator[](std::string_view name) const {
  const auto found = seen_.find(name);
  if (found != seen_.end()) return found->second;
  fail("[Trace] nothing was computed under the name {}: {}", name,
       names_.empty() ? "run a model while the trace lives, and let it want that name"
                      : "there are " + joined(names_));
}

bool Trace::wants(std::string_view name) const {
  return std::ranges::any_of(wanted_, [&](const std::string& pattern) { return fits(pattern, name); });
}

Tensor Trace::record(const std::string& name, Tensor x) {
  if (!wants(name)) return x;
  for (const auto& [pattern, change] : changes_) {
    if (!fits(pattern, name)) continue;
    const Tensor changed = change(x);
    check(changed.defined() && changed.shape() == x.shape() && changed.dtype() == x.dtype(),
          "[Trace] {} must stay {}, and was changed to {}", name, describe(x),
          changed.defined() ? describe(changed) : "an undefined tensor");
    x = changed;
  }
  if (!seen_.contains(name)) names_.push_back(name);
  seen_[name] = x;
  return x;
}

std::string TracePoint::full(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

bool TracePoint::wants(std::initializer_list<std::string_view> names) const {
  const Trace* const trace = Trace::current();
  return trace && std::ranges::any_of(names, [&](std::string_view name) { return trace->wants(full(name)); });
}

Tensor TracePoint::recorded(std::string_view name, Tensor x) const {
  return Trace::current()->record(full(name), std::move(x));
}

}  // namespace lockstep::nn
