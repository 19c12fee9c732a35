#include "core/ops/losses.h"

#include <limits>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/activations.h"
#include "core/ops/checks.h"
#include "core/ops/comparisons.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

Tensor reduced(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::sum ? sum(losses) : mean(losses);
}

// (n, 1) against (n) would broadcast to (n, n), which nobody means.
void check_pairs(const char* name, const Tensor& x, const Tensor& y) {
  check(x.shape() == y.shape() || x.numel() == 1 || y.numel() == 1,
        "[{}] expected two tensors of one shape, or a single number, got {} and {}: reshape one", name,
        describe(x), describe(y));
}

void check_options(const char* name, const Tensor& logits, const CrossEntropyOptions& options) {
  const std::int64_t classes = logits.shape().back();
  check_real(name, logits);
  check(!options.class_weights.defined() || options.class_weights.shape() == Dims{classes},
        "[{}] expected class weights ({},), got {}", name, classes, describe(options.class_weights));
  kernels(name, logits, options.class_weights);
  check(std::abs(options.ignore_index) <= std::int64_t{1} << 53,
        "[{}] the ignored index must lie within 2^53 of 0, got {}", name, options.ignore_index);
  check(options.label_smoothing >= 0 && options.label_smoothing <= 1,
        "[{}] label smoothing must lie in [0, 1], got {}", name, options.label_smoothing);
}

// Checks logits (..., classes) against targets (...), all in range or ignored; `what` begins that error.
void check_targets(const char* name, const char* what, const Tensor& logits, const Tensor& target,
                   const CrossEntropyOptions& options) {
  check(target.dtype() == DType::i64 && logits.rank() == target.rank() + 1 &&
            std::equal(target.shape().begin(), target.shape().end(), logits.shape().begin()),
        "[{}] expected logits (..., classes) and i64 targets (...), got {} and {}", name, describe(logits),
        describe(target));
  check_options(name, logits, options);
  kernels(name, logits, target).check_range(what, target, logits.shape().back(), options.ignore_index);
}

// (...), f64: 1 where the target counts, 0 where it is ignored.
Tensor counted(const Tensor& target, const CrossEntropyOptions& options) {
  return to(target != static_cast<double>(options.ignore_index), DType::f64);
}

// (..., classes), f64: `at` at a row's target, `elsewhere` (both (classes) or one number) at the other
// classes, 0 in ignored rows.
Tensor spread_targets(const Tensor& target, std::int64_t classes, const Tensor& at, const Tensor& elsewhere,
                      const CrossEntropyOptions& options) {
  Dims column = target.shape();
  column.push_back(1);
  const Tensor is_target = reshape(target, column) == arange(classes, target.options());
  return where(is_target, at, elsewhere) * reshape(counted(target, options), column);
}

Tensor class_weights(const Tensor& logits, const CrossEntropyOptions& options) {
  if (options.class_weights.defined()) return to(options.class_weights.detach(), DType::f64);
  return ones({logits.shape().back()}, {DType::f64, logits.device()});
}

// The distribution (..., classes) that a row's target stands for, times the class weights: what multiplies
// -log p.
Tensor target_distribution(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  const Tensor weights = class_weights(logits, options);
  const std::int64_t classes = logits.shape().back();
  const double even = options.label_smoothing / static_cast<double>(classes);
  return to(spread_targets(target, classes, weights * (1 - options.label_smoothing + even), weights * even,
                           options),
            logits.dtype());
}

// dlosses = dy / the number of targets that count
Tensor mean_of_counted(const Tensor& losses, const Tensor& target, std::int64_t ignore) {
  Tensor mean = empty({}, losses.options());
  const Tensor share = empty_like(mean);
  {
    const NoGrad no_grad;
    kernels(losses).mean_of_counted(mean, share, contiguous(losses), target, ignore);
  }
  return record("mean_of_counted", mean, wrt(losses, [share, shape = losses.shape()](const Tensor& dy) {
                  return expand(dy * share, shape);
                }));
}

// The mean divides by the weights of the targets that count.
Tensor reduced(const Tensor& losses, const Tensor& logits, const Tensor& target,
               const CrossEntropyOptions& options) {
  if (options.reduction != Reduction::mean) return reduced(losses, options.reduction);
  if (!options.class_weights.defined()) return mean_of_counted(losses, target, options.ignore_index);
  const Tensor weights = class_weights(logits, options);
  const Tensor total =
      sum(spread_targets(target, weights.numel(), weights, zeros({}, weights.options()), options));
  return sum(losses) * to(1 / total, losses.dtype());
}

// Against probabilities, each row a distribution over the classes.
Tensor cross_entropy_of_distributions(const Tensor& logits, const Tensor& target,
                                      const CrossEntropyOptions& options) {
  check(logits.rank() >= 1 && target.shape() == logits.shape() && target.dtype() == logits.dtype(),
        "[cross_entropy] expected logits and probabilities of one shape and type, got {} and {}",
        describe(logits), describe(target));
  check_options("cross_entropy", logits, options);
  const double even = options.label_smoothing / static_cast<double>(logits.shape().back());
  Tensor share = target * (1 - options.label_smoothing) + even;
  if (options.class_weights.defined()) share = share * to(options.class_weights, logits.dtype());
  return reduced(-sum(share * log_softmax(logits, -1), {-1}), options.reduction);
}

// sum(share log p) over the classes; a class without a share counts 0, even where its log p is -inf.
Tensor shared(const Tensor& share, const Tensor& log_p) {
  return sum(share * where(share == 0, zeros({}, log_p.options()), log_p), {-1});
}

}  // namespace

// dlogits = dy (softmax(logits) - target distribution)
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  if (is_real(target.dtype())) return cross_entropy_of_distributions(logits, target, options);
  const Tensor labels = contiguous(target);
  check_targets("cross_entropy", "[cross_entropy] target", logits, labels, options);
  const auto reference = [labels, options](const Tensor& x) {
    return -shared(target_distribution(x, labels, options), log_softmax(x, -1));
  };
  if (options.class_weights.defined()) return reduced(reference(logits), logits, labels, options);

  const std::int64_t ignore = options.ignore_index;
  const double smoothing = options.label_smoothing;
  Tensor losses = empty(labels.shape(), logits.options());
  const Tensor lse = empty_like(losses);
  {
    const NoGrad no_grad;
    kernels(logits).cross_entropy(losses, lse, contiguous(logits), labels, ignore, smoothing);
  }
  losses = record_fused(
      "cross_entropy", losses, std::array{logits},
      [kept = saved(labels), lse = saved(lse), ignore, smoothing](const Tensor& dy, const auto& in,
                                                                  GradientSlots& slots) {
        Tensor dx = empty_like(in[0]);
        kernels(dy).cross_entropy_backward(dx, reshape(dy, {dy.numel()}), contiguous(in[0]), lse(), kept(),
                                           ignore, smoothing);
        slots.add(0, std::move(dx));
      },
      [reference, kept = saved(labels)](const Tensor& x) {
        kept();
        return reference(x);
      });
  return reduced(losses, logits, labels, options);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const CrossEntropyOptions& options) {
  const Tensor labels = contiguous(target);
  check_targets("nll_loss", "[nll_loss] target", log_probabilities, labels, options);
  const Tensor share = target_distribution(log_probabilities, labels, options);
  return reduced(-shared(share, log_probabilities), log_probabilities, labels, options);
}

Tensor mse_loss(const Tensor& x, const Tensor& y, Reduction reduction) {
  check_pairs("mse_loss", x, y);
  return reduced(square(x - y), reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& y, Reduction reduction) {
  check_pairs("l1_loss", x, y);
  return reduced(abs(x - y), reduction);
}

// With s = min(d, beta): s^2 / (2 beta) + (d - s) is d^2 / (2 beta) below beta and d - beta / 2 above. An
// infinite d has a slope of 1, as no factor of it is multiplied with the clamp's slope of 0.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& y, Reduction reduction, double beta) {
  check(beta >= 0, "[smooth_l1_loss] beta must not be negative, got {}", beta);
  check_pairs("smooth_l1_loss", x, y);
  if (beta == 0) return l1_loss(x, y, reduction);
  const Tensor d = abs(x - y), s = clamp(d, 0, beta);
  return reduced(square(s) * (0.5 / beta) + (d - s), reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& y, Reduction reduction, double delta) {
  check(delta > 0, "[huber_loss] delta must be positive, got {}", delta);
  return smooth_l1_loss(x, y, reduction, delta) * delta;
}

// max(x, 0) (1 - y) + max(-x, 0) y + log(1 + exp(-|x|)): softplus(x) - x y without its cancellation.
// dx = dloss (sigmoid(x) - y), dy = -dloss x
Tensor bce_with_logits(const Tensor& x, const Tensor& y, Reduction reduction) {
  check_pairs("bce_with_logits", x, y);
  Tensor losses;
  {
    const NoGrad no_grad;
    losses = relu(x) * (1 - y) + relu(-x) * y + softplus(-abs(x));
  }
  losses = record(
      "bce_with_logits", losses,
      wrt(x, [x = saved(x), y = saved(y)](const Tensor& dloss) { return dloss * (sigmoid(x()) - y()); }),
      wrt(y, [x = saved(x)](const Tensor& dloss) { return -(dloss * x()); }));
  return reduced(losses, reduction);
}

// 0 log 0 = 0: the smallest positive number stands for 0 inside the logarithm.
Tensor kl_div(const Tensor& x, const Tensor& y, Reduction reduction) {
  check_pairs("kl_div", x, y);
  const Tensor log_y =
      log(clamp(y, std::numeric_limits<float>::min(), std::numeric_limits<double>::infinity()));
  return reduced(y * (log_y - x), reduction);
}

}  // namespace lockstep
