#include "core/runtime/replay.h"

namespace lockstep {

Replay::Replay(Device device)
    : recorder_(device == Device::cpu ? nullptr : backend(device).make_recorder()) {}

void Replay::run(const std::function<void()>& work) { recorder_ ? recorder_->run(work) : work(); }

void Replay::constant(std::uint64_t key, const std::function<void()>& work) {
  recorder_ ? recorder_->constant(key, work) : work();
}

}  // namespace lockstep
