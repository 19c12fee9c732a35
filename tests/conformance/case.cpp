#include "tests/conformance/case.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace lockstep::conformance {

namespace {

template <typename T>
Tensor load(const h5::Group& group, const std::string& path) {
  const h5::Array<T> array = group.read<T>(path);
  return from_values(Dims(array.shape), array.values);
}

Tensor load(const h5::Group& group, const std::string& path) {
  const std::string type = group.dataset(path).type_name();
  if (type == "f32") return load<float>(group, path);
  if (type == "f64") return load<double>(group, path);
  if (type == "u8" || type == "bool") return load<std::uint8_t>(group, path);
  return load<std::int64_t>(group, path);
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return std::memcmp(a.raw_data(), b.raw_data(), static_cast<std::size_t>(a.numel()) * size_of(a.dtype())) ==
         0;
}

// Infinities and NaN must be the same ones.
double error_of(double actual, double expected) {
  if (actual == expected || (std::isnan(actual) && std::isnan(expected))) return 0;
  const double error = std::abs(actual - expected);
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

void collect(const h5::Group& group, const std::string& prefix, std::vector<std::string>& paths) {
  for (const std::string& child : group.children()) {
    if (group.has_group(child)) {
      collect(group.group(child), prefix + child + "/", paths);
    } else {
      paths.push_back(prefix + child);
    }
  }
}

}  // namespace

Device test_device() {
  const char* const given = std::getenv("LOCKSTEP_TEST_DEVICE");
  if (given == nullptr || std::string(given) == "cpu") return Device::cpu;
  check(std::string(given) == "cuda", "LOCKSTEP_TEST_DEVICE={}: expected cpu or cuda", given);
  return Device::cuda;
}

Case::Case(h5::Group group, std::string name, std::string folder)
    : group_(std::move(group)),
      name_(std::move(name)),
      folder_(std::move(folder)),
      kind_(group_.attribute<std::string>("kind")),
      config_(nlohmann::json::parse(group_.attribute<std::string>("config"))),
      tolerance_relative_(group_.attribute<double>("tol_rel")),
      tolerance_absolute_(group_.attribute<double>("tol_abs")) {}

std::vector<std::string> Case::names(const std::string& group) const {
  return group_.has_group(group) ? group_.group(group).children() : std::vector<std::string>();
}

Tensor Case::read(const std::string& path) {
  used_.insert(path);
  return load(group_, path);
}

void Case::expect(const std::string& path, const Tensor& actual, double slack) {
  check(has(path), "{} is not in the fixture: a result too many", path);
  const Tensor expected = read(path);
  check(actual.defined(), "{} is missing", path);
  check(actual.dtype() == expected.dtype() && actual.shape() == expected.shape(), "{}: expected {}, got {}",
        path, describe(expected), describe(actual));
  const std::vector<double> a = actual.to_vector(), e = expected.to_vector();
  if (tolerance_relative_ == 0 && tolerance_absolute_ == 0) {
    const Tensor here = moved(actual, Device::cpu);
    const Tensor packed = here.is_contiguous() ? here : from_values(here.shape(), a);
    if (packed.dtype() == expected.dtype() && same_bits(packed, expected)) return;
    const auto at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), e.begin()).first - a.begin());
    fail("{}: not equal bit for bit, first at element {}: expected {:.17g}, got {:.17g}", path, at,
         at < e.size() ? e[at] : 0.0, at < a.size() ? a[at] : 0.0);
  }
  double size = 0;
  for (const double value : e) size = std::max(size, std::isfinite(value) ? std::abs(value) : 0);
  const double allowed = slack * (tolerance_absolute_ + tolerance_relative_ * size);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double excess = error_of(a[i], e[i]) / allowed;
    worst_ = std::max(worst_, excess);
    check(excess <= 1, "{}: element {} is {:.17g} instead of {:.17g}: {:.2g} times the tolerance", path, i,
          a[i], e[i], excess);
  }
}

void Case::expect_names(const std::string& group, const std::vector<std::string>& actual) const {
  const std::vector<std::string> stored = names(group);
  const std::set<std::string> expected(stored.begin(), stored.end()), got(actual.begin(), actual.end());
  for (const std::string& name : expected) check(got.contains(name), "{}/{} is missing", group, name);
  for (const std::string& name : got) check(expected.contains(name), "{}/{} is one too many", group, name);
}

void Case::expect_all_used() const {
  std::vector<std::string> paths;
  collect(group_, "", paths);
  for (const std::string& path : paths) check(used_.contains(path), "{} was never computed or read", path);
}

}  // namespace lockstep::conformance
