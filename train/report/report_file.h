#pragma once

#include <string_view>

namespace lockstep::train {

// A file of train/report/ by its name; built into the program by CMakeLists.txt.
std::string_view report_file(std::string_view name);

}  // namespace lockstep::train
