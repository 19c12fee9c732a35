// A libFuzzer program, like safetensors_fuzz.cpp; its corpus is tests/fuzz/corpus/weights.
#include "tests/fuzz/weights_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lockstep::try_hdf5_weights(std::as_bytes(std::span(data, size)));
  return 0;
}
