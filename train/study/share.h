#pragma once

#include <cstdint>
#include <string>

#include "train/study/plan.h"

namespace lockstep::train {

// The part of a study's runs that one machine makes: all of them, those that learning rates are chosen by, or
// one of `count` parts of the others. A part has whole seeds, every `count`th over all experiments: the runs
// of a pair are made by one processor, and a part that is lost costs no other one its pairs.
struct Share {
  enum class Kind { all, rates, part };
  Kind kind = Kind::all;
  std::int64_t index = 1, count = 1;  // of a part: 1 to count

  bool is_whole() const { return kind == Kind::all; }
  bool has(const RunKey& key, const StudyConfig& study) const;
  // As on the command line: "3/16", "rates"; empty for all.
  std::string text() const;
};

// Throws where the text is none, or names a part that there is not.
Share share_from(const std::string& text);

// Throws where a study cannot be made in parts: where seeds end with the verdict, each one depends on all.
void check_share(const Share& share, const StudyConfig& study);

// What is left of a share, see plan_of(). Throws where a part waits for learning rates to be chosen.
Plan plan_of_share(const Share& share, const StudyConfig& study, const std::vector<Design>& designs,
                   const RunResults& done);

}  // namespace lockstep::train
