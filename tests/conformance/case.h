#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/ops/views.h"
#include "data/files/hdf5.h"

namespace lockstep::conformance {

// The device that LOCKSTEP_TEST_DEVICE names, the CPU without it: ops and modules are run there, from the
// numbers of the same fixtures. What else there is runs on the CPU.
Device test_device();

// One case of a fixture file (schema: tests/fixtures/README.md). A runner reads its inputs and says what came
// out; a data set that was neither read nor compared in the end is a failure, so nothing can be forgotten.
class Case {
 public:
  Case(h5::Group group, std::string name, std::string folder);

  const std::string& name() const { return name_; }
  const std::string& kind() const { return kind_; }
  const nlohmann::json& config() const { return config_; }
  // The folder of the fixture file, where files named in the config stand.
  const std::string& folder() const { return folder_; }

  bool has(const std::string& path) const { return group_.has_dataset(path); }
  // The names in a group, none if there is no such group.
  std::vector<std::string> names(const std::string& group) const;
  // A data set as a tensor of its own type and shape.
  Tensor read(const std::string& path);
  // The same on the device under test.
  Tensor input(const std::string& path) { return to(read(path), test_device()); }

  // Compares a result with a stored data set: type, shape, values within the case's tolerance. Throws.
  // `slack` multiplies that.
  void expect(const std::string& path, const Tensor& actual, double slack = 1);
  // Throws unless these are the names in a group.
  void expect_names(const std::string& group, const std::vector<std::string>& actual) const;
  // Throws if the runner left a data set out.
  void expect_all_used() const;

  // The largest error so far, in units of what was allowed; 0 for a case compared bit for bit.
  double worst() const { return worst_; }

 private:
  h5::Group group_;
  std::string name_, folder_, kind_;
  nlohmann::json config_;
  double tolerance_relative_, tolerance_absolute_;
  double worst_ = 0;
  std::set<std::string> used_;
};

}  // namespace lockstep::conformance
