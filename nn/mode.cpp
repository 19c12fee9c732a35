#include "nn/mode.h"

namespace lockstep::nn {
namespace {

thread_local Mode* innermost_mode = nullptr;

}  // namespace

Mode::Mode() : outer_(innermost_mode) { innermost_mode = this; }
Mode::~Mode() { innermost_mode = outer_; }
Mode* Mode::current() { return innermost_mode; }

KeyedStream TrainingMode::dropout_stream(std::string_view path) {
  auto calls = calls_.find(path);
  if (calls == calls_.end()) calls = calls_.emplace(path, 0).first;
  return KeyedStream(seed_, "dropout", path).substream(step_).substream(calls->second++);
}

}  // namespace lockstep::nn
