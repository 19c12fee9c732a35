#pragma once

// How a study decides. In the words of a methods section:
//
//   Runs are paired by seed: with the value of one metric in arm A and in arm B, pair i has the difference
//   d_i = b_i - a_i. The test of a zero mean is the exact two-sided sign-flip (randomization) test of the
//   mean: if the arms do the same, a and b may be swapped within every pair, so d_i and -d_i are equally
//   likely whatever the metric's distribution, and each of the 2^n sign patterns is as likely as the observed
//   one (Fisher 1935; Pitman 1937). Differences that losses in f32 cannot tell from none count as none in the
//   tests. The confidence interval is this test's inversion: every shift theta for
//   which d - theta isn't rejected. Its ends are means of subsets of the d_i (Hartigan 1969). Equivalence is
//   tested at a margin stated in advance by two one-sided sign-flip tests (TOST, Schuirmann 1987). All
//   tests of a study, of every task, contrast and metric, are one family, and are corrected by the step-down
//   max-T procedure over joint sign flips (Westfall and Young 1993; step_down.h).
//
// With alpha = 0.05 and p-values after this correction, a contrast is
// - different when p(mean = 0) <= alpha; marked as within the margin (small, but real) if it also passes
//   the equivalence test;
// - equivalent when it isn't different and p(|mean| >= margin) <= alpha;
// - inconclusive otherwise, and so always when n is too small to say anything: a two-sided p is at least
//   2 / 2^n, a TOST's 1 / 2^n.
//
// The chance of any false verdict in a study, "different" or "equivalent", is at most alpha.
//
// Assumptions. The test is exact for the hypothesis that the arms do the same. As a test and an interval for
// the mean of a *different* arm it is exact if the d_i are symmetric about that mean, and approximate
// otherwise: with lognormal d_i a 95% interval covers the mean 89% (n = 6) and 85% (n = 12) of the time, and
// it can be less with differences that take only two or three values.

#include "train/statistics/describe.h"
#include "train/statistics/equivalence.h"
#include "train/statistics/pairing.h"
#include "train/statistics/planning.h"
#include "train/statistics/sign_flip.h"
#include "train/statistics/step_down.h"
#include "train/statistics/verdict.h"
