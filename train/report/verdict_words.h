#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/report/summary.h"

namespace lockstep::train {

// "different", "equivalent", "inconclusive", "spread", "not measurable".
std::string_view word(const Contrast& contrast);

// What no verdict says.
std::string scope_sentence(const StudySummary& study);
// How general an effect is: its size on average over the tasks and on another one, or by task where they are
// few.
std::string across_sentence(const AcrossTasks& across);
// That of each cause, or, of fewer tasks than say anything, that they do not.
std::vector<std::string> across_sentences(const StudySummary& study);

// Where the arms first part, and how long before the loss does; empty where nothing parts.
std::string why_sentence(const Contrast& contrast);

// Of a contrast at tuned learning rates: what becomes of it with the rate. Else empty.
std::string rate_sentence(const Contrast& contrast);

// The label of an arm as the task's statistics or curves give it; the arm's name where they give none.
std::string arm_label(const TaskSummary& task, std::string_view arm);

// "12 pairs, of which 3 censored and 1 diverged".
std::string pairs_in_words(const Contrast& contrast);

// With a capital first letter, unless it starts with a name like xavier_uniform.
std::string capitalised(std::string text);

// What was found, in a sentence or two: "Steps until the training loss is below 0.5: combined, ..., is 2.7
// steps later than ...".
// Where nothing was tested, the spread; empty where there is nothing to measure (the note says why).
std::string explanation(const TaskSummary& task, const Contrast& contrast);

// The same after the cause and its verdict: "Distribution: different. Steps until ...".
std::string verdict_sentence(const TaskSummary& task, const Contrast& contrast);

// One for each contrast, in the task's order.
std::vector<std::string> verdict_sentences(const TaskSummary& task);

}  // namespace lockstep::train
