#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/parameter.h"
#include "data/files/hdf5.h"

namespace lockstep::data {

// A tensor in a file, or made of others there. Its values are read when they are asked for.
struct StoredTensor {
  std::string name;
  std::vector<std::int64_t> shape = {};
  std::string type = "f32";             // of data/files/stored_type.h, or the file's own word for another
  std::vector<LogicalPart> parts = {};  // which cover its rows
  bool parts_said = false;              // by the file; else they follow from its names (attention_layouts.h)
  std::string layout = {};        // the one that convert() took it from, empty for qkv and to_q, to_k, to_v
  std::string problem = {};       // why the values cannot be had; empty where they can
  std::string name_in_file = {};  // where an older name was brought up to date, else empty
  std::string note = {};          // what a user should know of it, if anything
  std::optional<h5::Dataset> set = {};  // HDF5's own, which it can copy whatever that holds
  bool made = false;                    // `set` is only what this was made of

  // As stored: C order, little endian. Throws the problem, if there is one.
  std::function<std::vector<std::byte>()> bytes = {};

  std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  // The values, exactly. Throws where one of this type can't hold them.
  Tensor read(DType dtype) const;
};

// What a file of weights holds.
using Metadata = std::map<std::string, std::string>;
struct Weights {
  std::vector<StoredTensor> tensors;
  Metadata metadata = {};
  std::optional<h5::Group> attributes = {};  // HDF5's own, which hold more than text
};

// A parameter as a file will hold it.
StoredTensor stored(const Parameter& parameter);

}  // namespace lockstep::data
