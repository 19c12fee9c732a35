#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace lockstep {

// `count` independent products op(a) op(b) (+ c, if accumulate): op(a) is (m, k), op(b) is (k, n).
struct Product {
  std::int64_t count = 1;
  bool trans_a = false, trans_b = false;
  std::int64_t m = 0, n = 0, k = 0;
  bool accumulate = false;

  double flops() const {
    return 2.0 * static_cast<double>(count) * static_cast<double>(m) * static_cast<double>(n) *
           static_cast<double>(k);
  }
};

// Is notified, from construction to the end of its scope, of what this thread computes: for profiles and
// benchmarks. Derive from it and override what is of interest. Observers nest; the innermost is notified.
// Where there is none, an op pays one look at a variable of its own thread.
class Observer {
 public:
  Observer() : outer_(std::exchange(current_, this)) {}
  virtual ~Observer() { current_ = outer_; }
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  // Null if there is none on this thread.
  static Observer* current() { return current_; }

  // An op has been computed and recorded on the tape.
  virtual void op(const char* /*name*/) {}
  // A recorded op has passed its gradients on.
  virtual void gradient(const char* /*name*/) {}
  // A matrix product, by itself or inside of a fused op. Of those of a parallel_for, only the chunk that this
  // thread takes is reported: observe on one thread.
  virtual void product(const Product& /*product*/) {}
  // Whether it wants to know what single requests take on a GPU. Each then waits for the one before it, so a
  // step as a whole takes longer; a Replay's are not timed.
  virtual bool times_requests() const { return false; }
  // A kernel by its name, "attention", or "product" for one of the library's, after its product().
  virtual void request(const std::string& /*name*/, double /*seconds*/) {}
  // Whether it wants some requests made more than once, to see what they cost beside other threads'; and how
  // often. What they compute may then be wrong.
  virtual bool repeats_requests() const { return false; }
  virtual int repeats(const std::string& /*name*/) { return 1; }

 private:
  Observer* const outer_;
  static inline constinit thread_local Observer* current_ = nullptr;
};

}  // namespace lockstep
