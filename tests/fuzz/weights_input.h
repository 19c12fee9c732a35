#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "data/files/sizes.h"
#include "data/files/stored_type.h"
#include "data/weights/weights.h"

namespace lockstep {

// A file of these bytes, which goes with the object.
class InputFile {
 public:
  InputFile(std::span<const std::byte> bytes, const std::string& ending)
      : path_(std::filesystem::temp_directory_path() /
              ("lockstep-input-" + std::to_string(getpid()) + ending)) {
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { std::filesystem::remove(path_); }

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Takes any bytes as a file of weights in HDF5. It is refused with an Error, or every tensor says what its
// problem is or has as many bytes as its shape and type ask for; and what can be converted can be converted
// back. Returns whether it was accepted.
inline bool try_hdf5_weights(std::span<const std::byte> bytes) {
  const InputFile file(bytes, ".h5");
  try {
    const data::Weights weights = data::open_weight_file(file.path());
    for (const data::StoredTensor& tensor : weights.tensors) {
      if (!tensor.problem.empty()) continue;
      const std::int64_t element = data::find_stored_type(tensor.type)->bytes;
      const auto expected = data::product_of(tensor.shape, element);
      try {
        if (std::ssize(tensor.bytes()) != expected) std::abort();
      } catch (const Error&) {  // damaged further in
      }
    }
    const data::Converted separate = data::convert(weights, data::AttentionStorage::separate);
    for (const data::StoredTensor& tensor : separate.weights.tensors) {
      if (tensor.made) tensor.bytes();
    }
    data::convert(separate.weights, data::AttentionStorage::combined);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace lockstep
