#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/parameter.h"
#include "data/files/hdf5.h"

// Weights of a model in files: safetensors or HDF5, by the name's ending.
//
//   data::save("attention.safetensors", root.parameters());
//   data::LoadReport report = data::load("attention.safetensors", root.parameters());
//
// Files are matched by logical names (core/parameter.h), so one that was written with a combined
// attn.qkv.weight loads into a model with attn.to_q.weight, attn.to_k.weight and attn.to_v.weight, and the
// other way round, losslessly. Names of PyTorch's MultiheadAttention and of MONAI's GenerativeModels are
// understood (data/weights/weight_names.h).
namespace lockstep::data {

// A tensor in a file, or made of one.
struct StoredTensor {
  std::string name;
  Dims shape;
  std::string type;                // as stored: "f32", "bf16", ...
  std::vector<LogicalPart> parts;  // which cover its rows
  // The values, exactly. Throws where one of this type can't hold them.
  std::function<Tensor(DType)> read;
  std::string note = {};          // what a user should know of it, if anything
  std::string name_in_file = {};  // where an older name was brought up to date, else empty
};

using Metadata = std::map<std::string, std::string>;

// What a file holds; it is mapped or kept open as long as one of these lives. Older names are brought up to
// date.
std::vector<StoredTensor> open_weights(const std::string& path);
bool is_hdf5(const std::string& path);  // by the name's ending: .h5 or .hdf5
// The data sets of a group that write_weights wrote, or anyone.
std::vector<StoredTensor> weights_in(const h5::Group& group);

// In one step: after a crash the file is the old one or the new one. Metadata are for safetensors and HDF5
// alike. `type` is what real numbers are rounded to: "f32", "f64", and in safetensors "f16" or "bf16"; empty:
// stored as they are.
void save(const std::string& path, const ParameterList& parameters, const Metadata& metadata = {},
          const std::string& type = "");
// Into a group of a file that holds more: the parameters, or anything shaped like them, such as an
// optimizer's state.
void write_weights(h5::Group& group, const ParameterList& parameters);

struct LoadOptions {
  bool allow_missing = false;     // leave parameters that are not in the file as they are
  bool allow_unexpected = false;  // leave out tensors of the file that the model doesn't have
  bool allow_rounding = false;    // f64 in the file to f32 in the model
};

struct LoadReport {
  std::vector<std::pair<std::string, std::string>>
      mapped;  // from the file's tensor (and rows) to the parameter's
  std::vector<std::string> missing, unexpected, other_shape;
  std::vector<std::string> notes;  // what was left out or made up, and why

  std::string text() const;  // for people: a line for each that isn't simply itself, and the counts
};

// Fills the parameters. Throws, before it changes any of them, with a list of everything that doesn't fit.
LoadReport load(const std::string& path, const ParameterList& parameters, const LoadOptions& options = {});
LoadReport load(const std::vector<StoredTensor>& stored, const ParameterList& parameters,
                const LoadOptions& options = {}, const std::string& where = "the file");

// The same weights with every self-attention's q, k and v in one tensor, or in three. Other tensors stay as
// they are; f16 and bf16 become f32.
enum class AttentionStorage { combined, separate };
ParameterList convert(const std::vector<StoredTensor>& stored, AttentionStorage storage);
// As they are stored.
ParameterList read_all(const std::vector<StoredTensor>& stored);

}  // namespace lockstep::data
