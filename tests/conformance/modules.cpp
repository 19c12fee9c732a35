#include "tests/conformance/modules.h"

#include "nn/nn.h"
#include "tests/conformance/options.h"

namespace lockstep::conformance {
namespace {

using nlohmann::json;

Tensor get(const Inputs& inputs, const std::string& name) {
  const auto found = inputs.find(name);
  return found == inputs.end() ? Tensor() : found->second;
}

// A module whose one output depends on x alone.
template <typename Module>
BuiltModule simple(Module module) {
  return {[module = std::make_shared<Module>(std::move(module))](const Inputs& in) {
    return std::vector<Tensor>{(*module)(get(in, "x"))};
  }};
}

Field rel_pos(std::optional<nn::RelPosEmbedding>& target) {
  return [&target](const json& value) {
    if (value.is_null()) return;
    check(value == "decomposed", "unknown rel_pos_embedding {}", value.dump());
    target = nn::RelPosEmbedding::decomposed;
  };
}

// A type of PyTorch's has no form in JSON: only that none is given.
Field no_dtype() {
  return
      [](const json& value) { check(value.is_null(), "expected no attention_dtype, got {}", value.dump()); };
}

// A name, or [name, {arguments}]. `inplace` changes no number.
Field activation(nn::Activation& target) {
  return [&target](const json& value) {
    if (value.is_string()) return void(target = nn::activation_from(value));
    target = nn::activation_from(value.at(0));
    bool inplace = false;
    std::string approximate = "none";
    const Field number = field(target.number);
    std::int64_t slopes = 1;
    read_options(value.at(1), {{"inplace", field(inplace)},
                               {"approximate", field(approximate)},
                               {"negative_slope", number},
                               {"alpha", number},
                               {"init", number},
                               {"dim", number},
                               {"num_parameters", field(slopes)}});
    check(slopes == 1, "expected prelu with one slope, got {}", slopes);
    if (approximate == "tanh") target = nn::Activation::gelu_tanh;
  };
}

// What SABlock and CrossAttentionBlock have in common.
template <typename Options>
Fields attention_fields(Options& o) {
  return {{"hidden_size", field(o.hidden_size)},
          {"num_heads", field(o.num_heads)},
          {"dropout_rate", field(o.dropout_rate)},
          {"qkv_bias", field(o.qkv_bias)},
          {"save_attn", field(o.save_attn)},
          {"dim_head", field(o.dim_head)},
          {"hidden_input_size", field(o.hidden_input_size)},
          {"causal", field(o.causal)},
          {"sequence_length", field(o.sequence_length)},
          {"rel_pos_embedding", rel_pos(o.rel_pos_embedding)},
          {"input_size", numbers(o.input_size)},
          {"attention_dtype", no_dtype()},
          {"use_flash_attention", field(o.use_flash_attention)}};
}

BuiltModule sa_block(const Scope& scope, const json& config) {
  nn::SABlockOptions o;
  Fields fields = attention_fields(o);
  fields.insert({{"include_fc", field(o.include_fc)}, {"use_combined_linear", field(o.use_combined_linear)}});
  read_options(config, fields);
  const auto module = std::make_shared<nn::SABlock>(scope, o);
  return {
      [module](const Inputs& in) { return std::vector<Tensor>{(*module)(get(in, "x"), get(in, "mask"))}; },
      [module] { return module->att_mat; }};
}

BuiltModule cross_attention_block(const Scope& scope, const json& config) {
  nn::CrossAttentionBlockOptions o;
  Fields fields = attention_fields(o);
  fields.insert({"context_input_size", field(o.context_input_size)});
  read_options(config, fields);
  const auto module = std::make_shared<nn::CrossAttentionBlock>(scope, o);
  return {
      [module](const Inputs& in) { return std::vector<Tensor>{(*module)(get(in, "x"), get(in, "context"))}; },
      [module] { return module->att_mat; }};
}

BuiltModule mlp_block(const Scope& scope, const json& config) {
  nn::MLPBlockOptions o;
  read_options(config, {{"hidden_size", field(o.hidden_size)},
                        {"mlp_dim", field(o.mlp_dim)},
                        {"dropout_rate", field(o.dropout_rate)},
                        {"act", activation(o.act)},
                        {"dropout_mode", word(o.dropout_mode, nn::dropout_mode_from)}});
  return simple(nn::MLPBlock(scope, o));
}

BuiltModule transformer_block(const Scope& scope, const json& config) {
  nn::TransformerBlockOptions o;
  read_options(config, {{"hidden_size", field(o.hidden_size)},
                        {"mlp_dim", field(o.mlp_dim)},
                        {"num_heads", field(o.num_heads)},
                        {"dropout_rate", field(o.dropout_rate)},
                        {"qkv_bias", field(o.qkv_bias)},
                        {"save_attn", field(o.save_attn)},
                        {"causal", field(o.causal)},
                        {"sequence_length", field(o.sequence_length)},
                        {"with_cross_attention", field(o.with_cross_attention)},
                        {"use_flash_attention", field(o.use_flash_attention)},
                        {"include_fc", field(o.include_fc)},
                        {"use_combined_linear", field(o.use_combined_linear)}});
  const auto module = std::make_shared<nn::TransformerBlock>(scope, o);
  return {[module](const Inputs& in) {
            return std::vector<Tensor>{(*module)(get(in, "x"), get(in, "context"), get(in, "mask"))};
          },
          [module] { return module->attn.att_mat; }};
}

BuiltModule patch_embedding_block(const Scope& scope, const json& config) {
  nn::PatchEmbeddingBlockOptions o;
  const Field position_arguments = [&o](const json& value) {
    if (!value.is_null())
      read_options(value, {{"temperature", field(o.temperature)}, {"scales", numbers(o.scales)}});
  };
  read_options(config, {{"in_channels", field(o.in_channels)},
                        {"img_size", numbers(o.img_size)},
                        {"patch_size", numbers(o.patch_size)},
                        {"hidden_size", field(o.hidden_size)},
                        {"num_heads", field(o.num_heads)},
                        {"proj_type", word(o.proj_type, nn::patch_projection_from)},
                        {"pos_embed_type", word(o.pos_embed_type, nn::position_embedding_from)},
                        {"dropout_rate", field(o.dropout_rate)},
                        {"spatial_dims", field(o.spatial_dims)},
                        {"pos_embed_kwargs", position_arguments}});
  return simple(nn::PatchEmbeddingBlock(scope, o));
}

BuiltModule spatial_attention_block(const Scope& scope, const json& config) {
  nn::SpatialAttentionBlockOptions o;
  read_options(config, {{"spatial_dims", field(o.spatial_dims)},
                        {"num_channels", field(o.num_channels)},
                        {"num_head_channels", field(o.num_head_channels)},
                        {"norm_num_groups", field(o.norm_num_groups)},
                        {"norm_eps", field(o.norm_eps)},
                        {"attention_dtype", no_dtype()},
                        {"include_fc", field(o.include_fc)},
                        {"use_combined_linear", field(o.use_combined_linear)},
                        {"use_flash_attention", field(o.use_flash_attention)}});
  return simple(nn::SpatialAttentionBlock(scope, o));
}

BuiltModule vit(const Scope& scope, const json& config) {
  nn::ViTOptions o;
  const Field post_activation = [&o](const json& value) { o.post_activation = value == "Tanh"; };
  read_options(config, {{"in_channels", field(o.in_channels)},
                        {"img_size", numbers(o.img_size)},
                        {"patch_size", numbers(o.patch_size)},
                        {"hidden_size", field(o.hidden_size)},
                        {"mlp_dim", field(o.mlp_dim)},
                        {"num_layers", field(o.num_layers)},
                        {"num_heads", field(o.num_heads)},
                        {"proj_type", word(o.proj_type, nn::patch_projection_from)},
                        {"pos_embed_type", word(o.pos_embed_type, nn::position_embedding_from)},
                        {"classification", field(o.classification)},
                        {"num_classes", field(o.num_classes)},
                        {"dropout_rate", field(o.dropout_rate)},
                        {"spatial_dims", field(o.spatial_dims)},
                        {"post_activation", post_activation},
                        {"qkv_bias", field(o.qkv_bias)},
                        {"save_attn", field(o.save_attn)}});
  return {[module = std::make_shared<nn::ViT>(scope, o)](const Inputs& in) {
    const auto [output, hidden] = module->forward(get(in, "x"));
    std::vector<Tensor> outputs = {output};
    outputs.insert(outputs.end(), hidden.begin(), hidden.end());
    return outputs;
  }};
}

BuiltModule decoder_only_transformer(const Scope& scope, const json& config) {
  nn::DecoderOnlyTransformerOptions o;
  read_options(config, {{"num_tokens", field(o.num_tokens)},
                        {"max_seq_len", field(o.max_seq_len)},
                        {"attn_layers_dim", field(o.attn_layers_dim)},
                        {"attn_layers_depth", field(o.attn_layers_depth)},
                        {"attn_layers_heads", field(o.attn_layers_heads)},
                        {"with_cross_attention", field(o.with_cross_attention)},
                        {"embedding_dropout_rate", field(o.embedding_dropout_rate)},
                        {"include_fc", field(o.include_fc)},
                        {"use_combined_linear", field(o.use_combined_linear)},
                        {"use_flash_attention", field(o.use_flash_attention)}});
  return {[module = std::make_shared<nn::DecoderOnlyTransformer>(scope, o)](const Inputs& in) {
    return std::vector<Tensor>{(*module)(get(in, "x"), get(in, "context"))};
  }};
}

BuiltModule multihead_attention(const Scope& scope, const json& config) {
  nn::MultiheadAttentionOptions o;
  read_options(config, {{"embed_dim", field(o.embed_dim)},
                        {"num_heads", field(o.num_heads)},
                        {"dropout", field(o.dropout)},
                        {"bias", field(o.bias)},
                        {"add_bias_kv", field(o.add_bias_kv)},
                        {"add_zero_attn", field(o.add_zero_attn)},
                        {"kdim", field(o.kdim)},
                        {"vdim", field(o.vdim)}});
  return {[module = std::make_shared<nn::MultiheadAttention>(scope, o)](const Inputs& in) {
    const Tensor x = get(in, "x"), context = in.contains("context") ? get(in, "context") : x;
    const auto [output, weights] = module->with_weights(x, context, context);
    return std::vector<Tensor>{output, weights};
  }};
}

BuiltModule transformer_encoder_layer(const Scope& scope, const json& config) {
  nn::TransformerEncoderLayerOptions o;
  o.dropout = 0;  // the fixtures' default
  read_options(config, {{"d_model", field(o.d_model)},
                        {"nhead", field(o.nhead)},
                        {"dim_feedforward", field(o.dim_feedforward)},
                        {"activation", activation(o.activation)},
                        {"layer_norm_eps", field(o.layer_norm_eps)},
                        {"norm_first", field(o.norm_first)},
                        {"bias", field(o.bias)}});
  return {[module = std::make_shared<nn::TransformerEncoderLayer>(scope, o)](const Inputs& in) {
    return std::vector<Tensor>{(*module)(get(in, "x"), {.scores = get(in, "src_mask")})};
  }};
}

BuiltModule linear_layer(const Scope& scope, const json& config) {
  std::int64_t in = 0, out = 0;
  nn::LinearOptions o;
  read_options(config, {{"in_features", field(in)}, {"out_features", field(out)}, {"bias", field(o.bias)}});
  return simple(nn::Linear(scope, in, out, o));
}

BuiltModule embedding_table(const Scope& scope, const json& config) {
  std::int64_t rows = 0, width = 0;
  nn::EmbeddingOptions o;
  read_options(
      config,
      {{"num_embeddings", field(rows)}, {"embedding_dim", field(width)}, {"padding_idx", field(o.padding)}});
  if (o.padding && *o.padding < 0) *o.padding += rows;
  return simple(nn::Embedding(scope, rows, width, o));
}

BuiltModule layer_norm_layer(const Scope& scope, const json& config) {
  std::vector<std::int64_t> shape;
  nn::NormOptions o;
  read_options(config, {{"normalized_shape", numbers(shape)},
                        {"eps", field(o.eps)},
                        {"elementwise_affine", field(o.affine)},
                        {"bias", field(o.bias)}});
  return simple(nn::LayerNorm(scope, Dims(shape), o));
}

BuiltModule group_norm_layer(const Scope& scope, const json& config) {
  int groups = 1;
  std::int64_t channels = 0;
  nn::NormOptions o;
  read_options(config, {{"num_groups", field(groups)},
                        {"num_channels", field(channels)},
                        {"eps", field(o.eps)},
                        {"affine", field(o.affine)}});
  return simple(nn::GroupNorm(scope, groups, channels, o));
}

template <int dims>
BuiltModule conv_layer(const Scope& scope, const json& config) {
  std::int64_t in = 0, out = 0;
  PerDim kernel;
  nn::ConvOptions o;
  read_options(config, {{"in_channels", field(in)},
                        {"out_channels", field(out)},
                        {"kernel_size", numbers(kernel)},
                        {"stride", numbers(o.stride)},
                        {"padding", padding(o.padding, o.same)},
                        {"dilation", numbers(o.dilation)},
                        {"groups", field(o.groups)},
                        {"bias", field(o.bias)}});
  if (kernel.size() == 1) kernel.resize(dims, kernel.front());
  return simple(nn::Conv(scope, in, out, kernel, o));
}

using Build = BuiltModule (*)(const Scope&, const json&);

const std::map<std::string, Build>& builders() {
  static const std::map<std::string, Build> known = {
      {"SABlock", sa_block},
      {"CrossAttentionBlock", cross_attention_block},
      {"MLPBlock", mlp_block},
      {"TransformerBlock", transformer_block},
      {"PatchEmbeddingBlock", patch_embedding_block},
      {"SpatialAttentionBlock", spatial_attention_block},
      {"ViT", vit},
      {"DecoderOnlyTransformer", decoder_only_transformer},
      {"MultiheadAttention", multihead_attention},
      {"TransformerEncoderLayer", transformer_encoder_layer},
      {"Linear", linear_layer},
      {"Embedding", embedding_table},
      {"LayerNorm", layer_norm_layer},
      {"GroupNorm", group_norm_layer},
      {"Conv1d", conv_layer<1>},
      {"Conv2d", conv_layer<2>},
      {"Conv3d", conv_layer<3>},
  };
  return known;
}

}  // namespace

BuiltModule build_module(const Scope& scope, const std::string& kind, const json& config) {
  const auto found = builders().find(kind);
  check(found != builders().end(), "unknown module '{}'", kind);
  return found->second(scope, config);
}

std::vector<std::string> module_kinds() {
  std::vector<std::string> kinds;
  for (const auto& [kind, build] : builders()) kinds.push_back(kind);
  return kinds;
}

}  // namespace lockstep::conformance
