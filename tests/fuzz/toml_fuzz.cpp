// A libFuzzer program, like safetensors_fuzz.cpp; its corpus is tests/fuzz/corpus/toml.
#include "tests/fuzz/toml_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lockstep::train::try_study(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
