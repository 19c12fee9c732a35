#pragma once

#include <string>
#include <string_view>

// Numbers as a reader wants them: as many digits as the uncertainty supports, and no more.
namespace lockstep::train {

// Decimals to print next to an uncertainty, after the Particle Data Group's rule (Review of Particle Physics,
// section 5.3): two digits of the uncertainty when they are 10 to 35, else one. Zero or no uncertainty:
// enough for three digits of `value`. At most 12.
int decimals_for(double uncertainty, double value);

// Fixed notation with a sign when `sign` is set; "0" for what rounds to zero; scientific beyond 1e7 or 6
// decimals.
std::string number(double value, int decimals, bool sign = false);

// A number alone: three significant digits, trailing zeros dropped.
std::string number(double value);

// "+2.7 [+2.1, +3.2]"; with a bound that is not finite, "+2.7 [unbounded]"; "-" when the value is not a
// number.
std::string with_interval(double value, double low, double high);

// "0.0005", "0.031", "0.27", "< 0.0001".
std::string p_value(double p);

// "1 pair", "12 pairs".
std::string count(long long n, std::string_view singular);

// "42 s", "2 min 5 s", "1 h 3 min".
std::string duration(double seconds);

}  // namespace lockstep::train
