#include "train/statistics/equivalence.h"

#include <algorithm>

#include "core/error.h"
#include "train/statistics/sign_flip.h"

namespace lockstep::train {

double equivalence_p(std::span<const double> differences, double margin) {
  check(margin > 0, "[equivalence_p] expected a margin above 0: got {}", margin);
  return std::max(sign_flip_test(differences, -margin).p_greater, sign_flip_test(differences, margin).p_less);
}

}  // namespace lockstep::train
