#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/parameter.h"
#include "optim/muon.h"

// Options by name, as a study file, a command line or a fixture gives them.
namespace lockstep::optim {

// std::monostate: none. In a list, NaN is none.
using Setting = std::variant<std::monostate, bool, double, std::string, std::vector<double>>;
using Settings = std::map<std::string, Setting>;

std::string to_string(const Setting& setting);

// Fills the fields of an options struct, see its visit().
class SettingsReader {
 public:
  // foreach, fused, capturable and differentiable, which say how PyTorch executes a step, are passed over.
  SettingsReader(std::string rule, const Settings& settings);

  void operator()(const std::string& name, bool& value) { read(name, value); }
  void operator()(const std::string& name, double& value) { read(name, value); }
  void operator()(const std::string& name, int& value);
  void operator()(const std::string& name, std::optional<double>& value);
  void operator()(const std::string& name, Granularity& value);
  void operator()(const std::string& name, MuonScale& value);
  template <std::size_t n>
  void operator()(const std::string& name, std::array<double, n>& value) {
    std::vector<double> list(value.begin(), value.end());
    if (!read(name, list)) return;
    check(list.size() == n, "[{}] {} takes {} numbers, got {}", rule_, name, n, list.size());
    std::copy(list.begin(), list.end(), value.begin());
  }

  // Throws if a setting was left over.
  void finish() const;

 private:
  // Whether the setting is there. Throws where it is of another type.
  template <typename T>
  bool read(const std::string& name, T& value);

  std::string rule_, known_;
  Settings left_;
};

// Collects the fields of an options struct.
struct SettingsWriter {
  Settings settings;

  void operator()(const std::string& name, bool value) { settings[name] = value; }
  void operator()(const std::string& name, double value) { settings[name] = value; }
  void operator()(const std::string& name, int value) { settings[name] = static_cast<double>(value); }
  void operator()(const std::string& name, const std::optional<double>& value) {
    settings[name] = value ? Setting(*value) : Setting();
  }
  void operator()(const std::string& name, Granularity value) { settings[name] = lockstep::to_string(value); }
  void operator()(const std::string& name, MuonScale value) { settings[name] = to_string(value); }
  template <std::size_t n>
  void operator()(const std::string& name, const std::array<double, n>& value) {
    settings[name] = std::vector<double>(value.begin(), value.end());
  }
};

// Options with the given settings, the others by default. Throws for a setting that the rule has not, or of
// another type.
template <typename Options>
Options options_from(const std::string& rule, const Settings& settings) {
  Options options;
  SettingsReader reader(rule, settings);
  visit(reader, options);
  reader.finish();
  return options;
}

template <typename Options>
Settings settings_of(Options options) {
  SettingsWriter writer;
  visit(writer, options);
  return writer.settings;
}

}  // namespace lockstep::optim
