#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/parameter.h"
#include "train/text/table.h"

namespace lockstep::train {

// Of the finite values of a tensor, in f64; std is that of the values themselves (divided by n).
struct Statistics {
  double min = 0, max = 0, mean = 0, std = 0, norm = 0;
  std::int64_t non_finite = 0;
};
Statistics statistics_of(const std::vector<double>& values);

struct InspectedTensor {
  std::string name;  // as in the file, with the groups above it: "weights/to_logits.bias"
  std::string type;  // as stored: "bf16"
  std::vector<std::int64_t> shape;
  std::vector<LogicalPart> parts;
  std::string problem;                   // why its values cannot be read; empty where they can
  std::optional<Statistics> statistics;  // none where there are no numbers
};

struct Inspection {
  std::string path, kind;                         // "checkpoint", "weights", "study", ...
  std::map<std::string, std::string> attributes;  // of the file
  std::vector<InspectedTensor> tensors;
};

// Reads a checkpoint, a safetensors file or any HDF5 file, tensor by tensor.
Inspection inspect(const std::string& path);

std::string to_text(const Inspection& inspection, int width = unlimited);
std::string to_json(const Inspection& inspection);

}  // namespace lockstep::train
