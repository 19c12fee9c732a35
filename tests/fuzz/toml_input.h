#pragma once

#include <cstdlib>
#include <string>

#include "core/error.h"
#include "train/config/toml.h"
#include "train/config/validate.h"

namespace lockstep::train {

// Takes any text as a study file. It is refused with an Error, or what it says can be written and read again.
// Returns whether it was accepted.
inline bool try_study(const std::string& text) {
  StudyConfig study;
  try {
    study = parse_study(text, "input");
    validate(study);
  } catch (const Error&) {
    return false;
  }
  const std::string written = to_toml(study);
  if (to_toml(parse_study(written, "written again")) != written) std::abort();
  return true;
}

}  // namespace lockstep::train
