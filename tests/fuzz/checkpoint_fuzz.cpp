// A libFuzzer program, like safetensors_fuzz.cpp; its corpus is tests/fuzz/corpus/checkpoint.
#include "tests/fuzz/checkpoint_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lockstep::train::try_checkpoint(std::as_bytes(std::span(data, size)));
  return 0;
}
