#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/parameter.h"
#include "data/files/hdf5.h"
#include "data/weights/stored_tensor.h"
#include "data/weights/weight_convert.h"

// Weights of a model in files: safetensors or HDF5, by the name's ending.
//
//   data::save("attention.safetensors", root.parameters());
//   data::LoadReport report = data::load("attention.safetensors", root.parameters());
//
// A parameter is filled from the tensor of its own name. Where there is none, files are matched by logical
// names (core/parameter.h), so one that was written with a combined attn.qkv.weight loads into a model with
// attn.to_q.weight, attn.to_k.weight and attn.to_v.weight, and the other way round, losslessly; likewise from
// the layouts of PyTorch and Hugging Face (data/weights/attention_layouts.h) and from the names of MONAI's
// GenerativeModels (data/weights/old_names.h), each recognised by its whole set of names.
namespace lockstep::data {

// What a file holds; it stays open as long as one of these exists. A file of Hugging Face's in several shards
// goes by its index, model.safetensors.index.json. An HDF5 file's groups stand in the names:
// "encoder/weight". Throws for another ending, and for what is damaged.
Weights open_weight_file(const std::string& path);
std::vector<StoredTensor> open_weights(const std::string& path);
bool is_hdf5(const std::string& path);  // by the name's ending: .h5 or .hdf5
// The data sets of a group that write_weights wrote, or anyone.
std::vector<StoredTensor> weights_in(const h5::Group& group);
// Those in the groups below as well, each group once.
std::vector<StoredTensor> weights_below(const h5::Group& group);

// In one step: after a crash the file is the old one or the new one. Metadata are for safetensors and HDF5
// alike. `type` is what real numbers are rounded to: "f32", "f64", "f16" or "bf16"; empty: stored as they
// are. Under a name that ends in .safetensors.index.json they go into shards of at most `shard_bytes` (or one
// larger tensor), NAME-00001-of-00002.safetensors and so on, and the index that names them, last. Throws for
// another ending or type, and for a tensor with an obstacle_to_saving().
inline constexpr std::int64_t usual_shard = 5'000'000'000;
void save(const std::string& path, const ParameterList& parameters, const Metadata& metadata = {},
          const std::string& type = "", std::int64_t shard_bytes = usual_shard);
void save(const std::string& path, const Weights& weights, const std::string& type = "",
          std::int64_t shard_bytes = usual_shard);
// Why a tensor can't go to a file of this name, as text; empty where it can.
std::string obstacle_to_saving(const StoredTensor& tensor, const std::string& path);
// Into a group of a file that holds more: the parameters, or anything shaped like them, such as an
// optimizer's state.
void write_weights(h5::Group& group, const ParameterList& parameters);

struct LoadOptions {
  bool allow_missing = false;     // leave parameters that are not in the file as they are
  bool allow_unexpected = false;  // leave out tensors of the file that the model doesn't have
  bool allow_rounding = false;    // f64 in the file to f32 in the model
};

struct LoadReport {
  std::vector<std::pair<std::string, std::string>> mapped;  // the file's tensor (and rows), the parameter's
  std::vector<std::string> missing, unexpected, other_shape;
  std::vector<std::string> not_finite;  // of the file, with NaN or infinite values; loaded as they are
  std::vector<std::string> notes;       // what was left out or made up, and why

  std::string text() const;  // for people: a line for each that isn't simply itself, and the counts
};

// Fills the parameters. Throws, before it changes any of them, with a list of everything that doesn't fit.
LoadReport load(const std::string& path, const ParameterList& parameters, const LoadOptions& options = {});
LoadReport load(const std::vector<StoredTensor>& stored, const ParameterList& parameters,
                const LoadOptions& options = {}, const std::string& where = "the file");

}  // namespace lockstep::data
