#include "nn/mode.h"

namespace lockstep::nn {
namespace {

thread_local Mode* innermost = nullptr;

}  // namespace

Mode::Mode() : outer_(innermost) { innermost = this; }
Mode::~Mode() { innermost = outer_; }
Mode* Mode::current() { return innermost; }

KeyedStream TrainingMode::dropout_stream(std::string_view path) {
  auto calls = calls_.find(path);
  if (calls == calls_.end()) calls = calls_.emplace(path, 0).first;
  return KeyedStream(seed_, "dropout", path).substream(step_).substream(calls->second++);
}

}  // namespace lockstep::nn
