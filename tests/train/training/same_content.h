#pragma once

#include <gtest/gtest.h>

#include <string>

namespace lockstep::train {

// Whether two HDF5 files have the same groups, data sets and attributes, bit for bit, but for what is named
// seconds or ends in _seconds: times differ.
testing::AssertionResult same_content(const std::string& a, const std::string& b);

}  // namespace lockstep::train
