#include "core/runtime/replay.h"

#include "core/error.h"

namespace lockstep {

Replay::Replay(Device device)
    : recorder_(device == Device::cpu ? nullptr : backend(device).make_recorder()) {}

void Replay::run(const std::function<void()>& work) {
  reported_.reset();
  recorder_ ? recorder_->run(work) : work();
}

void Replay::constant(std::uint64_t key, const std::function<void()>& work) {
  recorder_ ? recorder_->constant(key, work) : work();
}

double Replay::reported() const {
  if (recorder_) return recorder_->reported();
  check(reported_.has_value(),
        "[replay] reported(): the last run reported nothing: call report() in its work");
  return *reported_;
}

}  // namespace lockstep
