#include "nn/scope.h"

#include <set>

#include "core/ops/in_place.h"
#include "core/random/torch_stream.h"

namespace lockstep {

struct Scope::State {
  State(std::uint64_t the_seed, ScopeOptions the_options)
      : seed(the_seed), options(std::move(the_options)), torch(the_seed) {}

  std::uint64_t seed;
  ScopeOptions options;
  TorchStream torch;
  ParameterList parameters;
  std::set<std::string> names;
};

namespace {

void check_parts(const Parameter& p) {
  const std::int64_t all = p.tensor.rank() == 0 ? 1 : p.tensor.size(0);
  std::int64_t covered = 0;
  for (const LogicalPart& part : p.parts) {
    check(part.begin == covered && part.end >= covered && part.heads > 0 &&
              (part.end - part.begin) % part.heads == 0,
          "[Scope] {}: expected parts that cover its {} rows in order, in whole heads, got {} with rows {} "
          "to {} "
          "and {} heads",
          p.name, all, part.name, part.begin, part.end, part.heads);
    covered = part.end;
  }
  check(covered == all, "[Scope] {}: its parts cover {} of {} rows", p.name, covered, all);
}

LogicalPart whole(const Parameter& p) { return {p.name, 0, p.tensor.rank() == 0 ? 1 : p.tensor.size(0)}; }

}  // namespace

ValueSource values_of(ParameterList parameters) {
  return [parameters = std::move(parameters)](const Parameter& p) {
    for (const Parameter& other : parameters) {
      if (other.name != p.name) continue;
      check(other.tensor.shape() == p.tensor.shape(), "[values_of] {} is {} here and {} there", p.name,
            describe(p.tensor), describe(other.tensor));
      copy_(p.tensor, other.tensor);
      return true;
    }
    return false;
  };
}

Scope::Scope(Seed seed, ScopeOptions options)
    : state_(std::make_shared<State>(seed.value, std::move(options))) {}

Scope Scope::operator/(std::string_view name) const { return {state_, path(name)}; }

std::string Scope::path(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

std::string Scope::sibling(std::string_view name) const {
  const std::size_t dot = path_.rfind('.');
  return dot == std::string::npos ? std::string(name) : path_.substr(0, dot + 1).append(name);
}

Tensor Scope::parameter(std::string_view name, const Dims& shape, const Init& init,
                        std::vector<LogicalPart> parts) const {
  return add({path(name), empty(shape, {options().dtype}), std::move(parts)}, init);
}

Tensor Scope::frozen(std::string_view name, const Dims& shape, const Init& init) const {
  return add({path(name), empty(shape, {options().dtype}), {}, false}, init);
}

Tensor Scope::add(Parameter p, const Init& init) const {
  if (p.parts.empty()) p.parts = {whole(p)};
  check_parts(p);
  check(state_->names.insert(p.name).second,
        "[Scope] there is a parameter {} already: give each module a scope of its own", p.name);
  const ValueSource& values = state_->options.values;
  if (!values || !values(p)) initialize(p, init, source());
  p.tensor =
      moved(p.tensor, options().device);  // its first values come from the host: the same bits everywhere
  p.tensor.set_requires_grad(p.trainable);
  state_->parameters.push_back(p);
  return p.tensor;
}

Tensor Scope::buffer(std::string_view name, const Tensor& values) const {
  Parameter p{path(name), values, {}, false, true};
  p.parts = {whole(p)};
  check(state_->names.insert(p.name).second,
        "[Scope] there is a parameter {} already: give each module a scope of its own", p.name);
  state_->parameters.push_back(p);
  return values;
}

Tensor Scope::draw(std::string_view name, const Dims& shape, const Init& init) const {
  Parameter p{path(name), empty(shape, {options().dtype}), {}};
  p.parts = {whole(p)};
  initialize(p, init, source());
  return moved(p.tensor, options().device);
}

void Scope::discard(const Dims& shape, const Init& init) const {
  if (rng() == Rng::torch && !state_->options.values) draw("discarded", shape, init);
}

ParameterList Scope::parameters() const {
  ParameterList found;
  for (const Parameter& p : state_->parameters) {
    if (path_.empty() || p.name.starts_with(path_ + ".")) found.push_back(p);
  }
  return found;
}

std::uint64_t Scope::seed() const { return state_->seed; }
TensorOptions Scope::options() const { return {state_->options.dtype, state_->options.device}; }
Rng Scope::rng() const { return state_->options.rng; }

RandomSource Scope::source() const { return {state_->seed, rng() == Rng::torch ? &state_->torch : nullptr}; }

}  // namespace lockstep
