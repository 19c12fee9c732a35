#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "core/runtime/device.h"
#include "train/config/config.h"

namespace lockstep::train::cli {

// What --device was given: cpu, cuda or auto.
using AskedDevice = std::shared_ptr<std::string>;

// Adds --device. `auto_takes` completes "auto: ".
AskedDevice add_device(CLI::App& command, const std::string& auto_takes);

// The device to use. auto: the GPU if there is one and it is `worth_it`; says so where there is one. Throws
// with the reason where cuda was asked for and cannot be used.
Device device_for(const std::string& asked, const std::function<bool()>& worth_it);

// Where the work is too short for a GPU to be worth its start: the processor, but for cuda. Throws likewise.
Device device_if_named(const std::string& asked);

// Of all steps of a training, roughly: two for each weight and token forward, four backward.
double operations_of(const RunConfig& config);

// Whether the training takes the CPU longer than a GPU takes to start.
bool is_worth_a_gpu(const RunConfig& config);

}  // namespace lockstep::train::cli
