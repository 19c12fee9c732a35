// A libFuzzer program:
//   CC=clang CXX=clang++ cmake -B build/fuzz -DLOCKSTEP_FUZZ=ON -DLOCKSTEP_TESTS=OFF
//   cmake --build build/fuzz -t safetensors_fuzz
//   build/fuzz/tests/safetensors_fuzz -dict=tests/fuzz/safetensors.dict -max_len=4096 NEW_FINDS
//   tests/fuzz/corpus/safetensors
#include <cstring>

#include "tests/fuzz/safetensors_input.h"

// The input as it is, and as header and data whose length is put in front: so the fuzzer gets past the
// length.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lockstep::try_safetensors(std::as_bytes(std::span(data, size)));
  const std::string text(reinterpret_cast<const char*>(data), size);
  const uint64_t length = text.rfind('}') + 1;
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  file += text;
  lockstep::try_safetensors(std::as_bytes(std::span(file)));
  return 0;
}
