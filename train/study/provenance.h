#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/runtime/device.h"
#include "train/config/config.h"

namespace lockstep::train {

// The time now: "2026-01-31T12:00:00Z".
std::string date_now();

// What trains on the device, as runs say it.
std::string processor_of(Device device);

// What study.h5 says about itself (StudyRecord::about): configuration, command, version, machine, libraries
// and the time now.
std::map<std::string, std::string> provenance(const StudyConfig& study, const std::string& config,
                                              const std::string& command, Device device,
                                              std::int64_t threads);

}  // namespace lockstep::train
