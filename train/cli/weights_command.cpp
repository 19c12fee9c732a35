// lockstep convert, lockstep export, lockstep inspect
#include <filesystem>
#include <set>

#include "core/error.h"
#include "train/cli/commands.h"
#include "train/cli/inspect.h"
#include "train/training/checkpoint.h"

namespace lockstep::train::cli {

namespace {

using data::AttentionStorage;

// What readers of safetensors expect of a file with PyTorch's conventions.
const data::Metadata metadata = {{"format", "pt"}};

const CLI::Validator one_storage = CLI::IsMember({"combined", "separate"});

AttentionStorage storage_from(const std::string& word) {
  return word == "combined" ? AttentionStorage::combined : AttentionStorage::separate;
}

// In the storage asked for; as they are where the word is empty.
ParameterList stored_as(const std::vector<data::StoredTensor>& stored, const std::string& word) {
  return word.empty() ? data::read_all(stored) : data::convert(stored, storage_from(word));
}

struct Conversion {
  std::string from, to, storage;
  bool allow_inexact = false;
};

int convert_checkpoint(const Conversion& given) {
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
  Training training(config);
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
  if (is_checkpoint(given.from)) return convert_checkpoint(given);
  const ParameterList weights = stored_as(data::open_weights(given.from), given.storage);
  check(!weights.empty(), "{} holds no tensors: expected weights by name, or a checkpoint", given.from);
  data::save(given.to, weights, metadata);
  fmt::print("{} -> {}: {} tensors\n", given.from, given.to, weights.size());
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
  command->add_option("--to", given->storage, "combined (one qkv) or separate (to_q, to_k, to_v)")
      ->check(one_storage);
  command->add_flag("--allow-inexact", given->allow_inexact,
                    "convert, too, where the optimizer looks at whole stored tensors");
  command->callback([given, &session] { session.action = [given] { return convert(*given); }; });
}

struct Export {
  std::string from, to, storage, type, module;
  bool unused_norm = false;
};

// The norm_cross_attn that MONAI's TransformerBlock creates, whether used or not, for blocks that have none.
ParameterList with_unused_norms(ParameterList weights) {
  std::set<std::string> names;
  for (const Parameter& parameter : weights) names.insert(parameter.name);
  const std::string norm = "norm2.";
  ParameterList all;
  for (const Parameter& parameter : weights) {
    all.push_back(parameter);
    const std::size_t at = parameter.name.rfind(norm);
    if (at == std::string::npos || (at > 0 && parameter.name[at - 1] != '.')) continue;
    const std::string kind = parameter.name.substr(at + norm.size());
    const std::string name = parameter.name.substr(0, at) + "norm_cross_attn." + kind;
    if (names.contains(name)) continue;
    all.push_back(
        {name, full(parameter.tensor.shape(), kind == "weight" ? 1 : 0, parameter.tensor.options()), {}});
  }
  return all;
}

// What stands below `module`, without that in front.
ParameterList below(const ParameterList& all, const std::string& module, const std::string& from) {
  if (module.empty()) return all;
  const std::string prefix = module + ".";
  ParameterList found;
  for (Parameter parameter : all) {
    if (!parameter.name.starts_with(prefix)) continue;
    parameter.name.erase(0, prefix.size());
    for (LogicalPart& part : parameter.parts) part.name.erase(0, prefix.size());
    found.push_back(std::move(parameter));
  }
  check(!found.empty(), "{} has nothing below --module {}: lockstep inspect lists the names", from, module);
  return found;
}

int export_weights(const Export& given) {
  ParameterList weights = below(stored_as(weights_of(given.from), given.storage), given.module, given.from);
  if (given.unused_norm) weights = with_unused_norms(std::move(weights));
  check(!weights.empty(), "{} holds no tensors: expected a checkpoint, or weights by name", given.from);
  data::save(given.to, weights, metadata, given.type);
  std::int64_t numbers = 0;
  for (const Parameter& parameter : weights) numbers += parameter.tensor.numel();
  fmt::print("{} -> {}: {} tensors, {} numbers\n", given.from, given.to, weights.size(), numbers);
  return 0;
}

void add_export(CLI::App& app, Session& session) {
  auto given = std::make_shared<Export>();
  CLI::App* command = app.add_subcommand(
      "export", "the weights of a checkpoint, with the names that PyTorch and MONAI give them");
  command->add_option("checkpoint", given->from, "checkpoint.h5 of lockstep train, or a file of weights")
      ->required();
  command->add_option("out", given->to, ".safetensors or .h5")->required();
  command->add_option("--storage", given->storage, "combined or separate; default: as it is")
      ->check(one_storage);
  command->add_option("--dtype", given->type, "round to f32, f64, f16 or bf16; default: as it is")
      ->check(CLI::IsMember({"f32", "f64", "f16", "bf16"}));
  command->add_option("--module", given->module, "only this module, under its own names: blocks.0.attn");
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
    const DType dtype = tensor.type == "f64" ? DType::f64 : DType::f32;
    model.push_back({tensor.name, empty(tensor.shape, {dtype}), tensor.parts});
  }
  const data::LoadOptions all = {.allow_missing = true, .allow_unexpected = true, .allow_rounding = true};
  return data::load(weights_of(path), model, all, path).text();
}

int inspect_file(const Inspected& given) {
  if (!given.against.empty()) {
    fmt::print("{}", mapping(given.path, given.against));
    return 0;
  }
  const Inspection inspection = inspect(given.path);
  fmt::print("{}", given.json ? to_json(inspection) : to_text(inspection));
  return 0;
}

void add_inspect(CLI::App& app, Session& session) {
  auto given = std::make_shared<Inspected>();
  CLI::App* command = app.add_subcommand(
      "inspect", "names, shapes, types, logical parts and statistics of a checkpoint, weights or study.h5");
  command->add_option("file", given->path, ".safetensors or .h5")->required();
  CLI::Option* json = command->add_flag("--json", given->json, "as JSON");
  command
      ->add_option("--against", given->against,
                   "another checkpoint or weights: show which of its tensors would be loaded from where")
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
