#pragma once

#include <filesystem>
#include <string_view>

namespace lockstep::data {

// Where a file that comes with Lockstep ("digits.h5", "tinyshakespeare.txt") stands: in the folder that the
// environment variable LOCKSTEP_DATA names, and only there where it is set; else in share/lockstep of the
// installation that the running program belongs to, or in the source tree that the library was built from, or
// where the library was to be installed. Throws Error with the list of folders where it is in none of them.
std::filesystem::path find_data_file(std::string_view name);

}  // namespace lockstep::data
