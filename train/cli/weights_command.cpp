// lockstep convert, lockstep export, lockstep inspect
#include <filesystem>
#include <set>

#include "core/error.h"
#include "data/files/atomic_file.h"
#include "data/files/sizes.h"
#include "data/files/stored_type.h"
#include "data/weights/old_names.h"
#include "train/cli/commands.h"
#include "train/cli/device.h"
#include "train/cli/inspect.h"
#include "train/text/output.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"
#include "train/training/checkpoint.h"

namespace lockstep::train::cli {

namespace {

using data::AttentionStorage;

const CLI::Validator one_storage = CLI::IsMember({"combined", "separate"});

AttentionStorage storage_from(const std::string& word) {
  return word == "combined" ? AttentionStorage::combined : AttentionStorage::separate;
}

// In the storage asked for; as they are where the word is empty.
data::Weights stored_as(const data::Weights& weights, const std::string& word, int heads) {
  if (word.empty()) return weights;
  data::Converted converted = data::convert(weights, storage_from(word), {.heads = heads});
  show("attentions: {} converted, {} {} already", converted.changed, converted.already, word);
  show_text(converted.cross > 0
                ? fmt::format(", {} of other tokens (cross attention) as they were\n", converted.cross)
                : "\n");
  return std::move(converted.weights);
}

// Makes way for a file: what writers left in its folder that were killed.
void clear_folder_of(const std::filesystem::path& file) {
  data::remove_leftovers(file.has_parent_path() ? file.parent_path() : ".");
}

// Without the tensors that can't go to the file, each of which is named.
data::Weights storable(data::Weights weights, const std::string& path) {
  std::erase_if(weights.tensors, [&](const data::StoredTensor& tensor) {
    const std::string obstacle = data::obstacle_to_saving(tensor, path);
    if (!obstacle.empty()) say("left out: {}: {}\n", printable(tensor.name), printable(obstacle));
    return !obstacle.empty();
  });
  return weights;
}

struct Conversion {
  std::string from, to, storage;
  int heads = 0;
  bool allow_inexact = false;
  AskedDevice device;
};

int convert_checkpoint(const Conversion& given, Device device) {
  check(!given.storage.empty(),
        "{} is a checkpoint: say --to combined or --to separate (its weights alone: lockstep export)",
        given.from);
  check(data::is_hdf5(given.to),
        "{}: a checkpoint ends in .h5 (its weights alone go to .safetensors by lockstep export)", given.to);
  const Checkpoint checkpoint(given.from);
  RunConfig config = checkpoint.config();
  const std::string before = config.attention;
  const std::string depends = storage_dependence(config);
  check(
      given.allow_inexact || depends.empty() || before == given.storage,
      "{}: weights and optimizer state would convert exactly, but training would go on by another rule: {}. "
      "--allow-inexact converts all the same",
      given.from, depends);
  config.attention = given.storage;
  Training training(config, device);
  checkpoint.restore(training);
  save_checkpoint(given.to, training, checkpoint.metrics());
  fmt::print("{}: {} -> {}: {}, {} with its state, {} steps done\n", given.from, before, given.to,
             given.storage, config.optimizer, training.steps_done());
  const std::filesystem::path file = given.to;
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (file.filename() == "checkpoint.h5")
    fmt::print("Go on with: lockstep train --resume --out {}\n", folder.string());
  return 0;
}

int convert(const Conversion& given) {
  const Device device = device_if_named(*given.device);
  clear_folder_of(given.to);
  if (is_checkpoint(given.from)) return convert_checkpoint(given, device);
  const data::Weights read = data::open_weight_file(given.from);
  check(!read.tensors.empty(), "{} holds no tensors: expected weights by name, or a checkpoint", given.from);
  const data::Weights weights = storable(stored_as(read, given.storage, given.heads), given.to);
  data::save(given.to, weights);
  show("{} -> {}: {} tensors\n", given.from, given.to, weights.tensors.size());
  return 0;
}

void add_convert(CLI::App& app, Session& session) {
  auto given = std::make_shared<Conversion>();
  CLI::App* command = app.add_subcommand("convert",
                                         "a checkpoint, in the middle of a training, or a file of weights "
                                         "between combined and separate storage");
  command->add_option("in", given->from, "a checkpoint, or weights in .safetensors or .h5")->required();
  command->add_option("out", given->to, "for a checkpoint DIR/checkpoint.h5; weights: .safetensors or .h5")
      ->required();
  command
      ->add_option("--to", given->storage,
                   "combined (one qkv) or separate (to_q, to_k, to_v); default, of weights alone: as it is")
      ->check(one_storage);
  add_number(*command, "--heads", given->heads, {.least = 1, .most = 1e6},
             "how many heads a query_key_value has, whose rows go head by head (GPT-NeoX, BLOOM); default: "
             "none has");
  command->add_flag("--allow-inexact", given->allow_inexact,
                    "convert, too, where the optimizer looks at whole stored tensors");
  given->device = add_device(*command,
                             "the processor; a checkpoint's training may stand on either meanwhile, "
                             "files of weights are converted byte for byte on none");
  command->callback([given, &session] { session.action = [given] { return convert(*given); }; });
}

struct Export {
  std::string from, to, storage, type, module;
  int heads = 0;
  bool unused_norm = false;
};

// The norm_cross_attn that MONAI's TransformerBlock creates, whether used or not, for blocks that have none.
void add_unused_norms(std::vector<data::StoredTensor>& tensors) {
  std::set<std::string> names;
  for (const data::StoredTensor& tensor : tensors) names.insert(tensor.name);
  std::vector<data::StoredTensor> all;
  for (data::StoredTensor& tensor : tensors) {
    const std::string name = data::unused_norm_beside(tensor.name, names);
    const TensorOptions options{tensor.type == "f64" ? DType::f64 : DType::f32};
    const Dims shape(tensor.shape);
    all.push_back(std::move(tensor));
    if (!name.empty()) {
      all.push_back(
          data::stored(Parameter{name, full(shape, name.ends_with("weight") ? 1 : 0, options), {}}));
    }
  }
  tensors = std::move(all);
}

// What stands below `module`, without that in front.
data::Weights below(data::Weights weights, const std::string& module, const std::string& from) {
  if (module.empty()) return weights;
  const std::string prefix = module + ".";
  std::erase_if(weights.tensors, [&](const auto& tensor) { return !tensor.name.starts_with(prefix); });
  for (data::StoredTensor& tensor : weights.tensors) {
    tensor.name.erase(0, prefix.size());
    for (LogicalPart& part : tensor.parts) {
      if (part.name.starts_with(prefix)) part.name.erase(0, prefix.size());
    }
  }
  check(!weights.tensors.empty(), "{} has nothing below --module {}: lockstep inspect lists the names", from,
        module);
  return weights;
}

int export_weights(const Export& given) {
  clear_folder_of(given.to);
  std::error_code none;
  check(!std::filesystem::equivalent(given.from, given.to, none),
        "{} and {} are one file: an export would take the place of what it comes from", given.from, given.to);
  data::Weights weights = is_checkpoint(given.from) ? data::Weights{Checkpoint(given.from).weights()}
                                                    : data::open_weight_file(given.from);
  check(!weights.tensors.empty(), "{} holds no tensors: expected a checkpoint, or weights by name",
        given.from);
  weights = stored_as(below(std::move(weights), given.module, given.from), given.storage, given.heads);
  if (given.unused_norm) add_unused_norms(weights.tensors);
  weights.metadata.emplace("format", "pt");  // what readers of safetensors expect of PyTorch's conventions
  weights = storable(std::move(weights), given.to);
  data::save(given.to, weights, given.type);
  std::int64_t numbers = 0;
  for (const data::StoredTensor& tensor : weights.tensors)
    numbers += data::product_of(tensor.shape).value_or(0);
  show("{} -> {}: {} tensors, {} numbers\n", given.from, given.to, weights.tensors.size(), numbers);
  return 0;
}

void add_export(CLI::App& app, Session& session) {
  auto given = std::make_shared<Export>();
  CLI::App* command = app.add_subcommand(
      "export", "the weights of a checkpoint, with the names that PyTorch and MONAI give them");
  command->add_option("checkpoint", given->from, "checkpoint.h5 of lockstep train, or a file of weights")
      ->required();
  command->add_option("out", given->to, ".safetensors, .h5, or .safetensors.index.json for shards of 5 GB")
      ->required();
  command->add_option("--storage", given->storage, "combined or separate; default: as it is")
      ->check(one_storage);
  command->add_option("--dtype", given->type, "round to f32, f64, f16 or bf16; default: as it is")
      ->check(CLI::IsMember({"f32", "f64", "f16", "bf16"}));
  command->add_option("--module", given->module,
                      "only this module, under its own names: blocks.0.attn; default: the whole");
  command->add_flag("--unused-norm", given->unused_norm,
                    "add the norm_cross_attn that MONAI's TransformerBlock and ViT create and never use");
  command->callback([given, &session] { session.action = [given] { return export_weights(*given); }; });
}

struct Inspected {
  std::string path, against;
  bool json = false;
};

// A model of the other file's shape, to see what would be loaded from where.
std::string mapping(const std::string& path, const std::string& against) {
  ParameterList model;
  for (const data::StoredTensor& tensor : weights_of(against)) {
    for (const DType dtype : {DType::f32, DType::f64, DType::i64}) {
      if (!tensor.problem.empty() || std::ssize(tensor.shape) > Dims::max_rank ||
          !data::fits(tensor.type, dtype))
        continue;
      model.push_back({tensor.name, empty(Dims(tensor.shape), {dtype}), tensor.parts});
      break;
    }
  }
  const data::LoadOptions all = {.allow_missing = true, .allow_unexpected = true, .allow_rounding = true};
  return printable(data::load(weights_of(path), model, all, path).text());
}

int inspect_file(const Inspected& given) {
  if (!given.against.empty()) {
    show_text(mapping(given.path, given.against));
    return 0;
  }
  const bool is_folder = std::filesystem::is_directory(given.path);
  const Inspection inspection = inspect(is_folder ? given.path + "/checkpoint.h5" : given.path);
  show_text(given.json ? to_json(inspection) : to_text(inspection, output_width()));
  return 0;
}

void add_inspect(CLI::App& app, Session& session) {
  auto given = std::make_shared<Inspected>();
  CLI::App* command = app.add_subcommand(
      "inspect", "names, shapes, types, logical parts and statistics of a checkpoint, weights or study.h5");
  command->add_option("file", given->path, ".safetensors or .h5, or a folder of lockstep train")->required();
  CLI::Option* json = command->add_flag("--json", given->json, "as JSON");
  command
      ->add_option("--against", given->against,
                   "another checkpoint or weights: show which of its tensors would be loaded from where; "
                   "default: none")
      ->excludes(json);
  command->callback([given, &session] { session.action = [given] { return inspect_file(*given); }; });
}

}  // namespace

void add_weights(CLI::App& app, Session& session) {
  add_convert(app, session);
  add_export(app, session);
  add_inspect(app, session);
}

}  // namespace lockstep::train::cli
