#include "train/training/model.h"

#include <cmath>

#include "nn/decoder_only_transformer.h"
#include "nn/vit.h"
#include "train/training/part_factors.h"

namespace lockstep::train {

namespace {

template <typename Network>
class Wrapped final : public Model {
 public:
  Wrapped(const Scope& root, const auto& options) : network_(root, options), parameters_(root.parameters()) {}
  Tensor logits(const Tensor& inputs, std::int64_t from) const override {
    if constexpr (std::is_same_v<Network, nn::DecoderOnlyTransformer>) {
      return network_(inputs, {}, {.begin = from});
    } else {
      return network_(inputs);
    }
  }
  const ParameterList& parameters() const override { return parameters_; }

 private:
  Network network_;
  ParameterList parameters_;
};

// The weights of q, k and v start by the configured rule, the biases at zero; with PyTorch's numbers, where
// its layers would start them.
nn::LinearInit projection_init(const RunConfig& config, bool redraw) {
  nn::LinearInit init{.weight = Init(init_from(config.init), granularity_from(config.init_direction),
                                     granularity_from(config.init_scale), redraw ? 1 : 0)};
  if (config.rng != "torch") init.bias = init::Constant{0};
  return init;
}

nn::DecoderOnlyTransformerOptions token_options(const RunConfig& config, const data::TaskShape& shape,
                                                bool redraw) {
  nn::DecoderOnlyTransformerOptions options = nn::copy_task_model();
  options.num_tokens = shape.vocabulary;
  options.max_seq_len = shape.length;
  options.attn_layers_dim = config.width;
  options.attn_layers_depth = static_cast<int>(config.layers);
  options.attn_layers_heads = static_cast<int>(config.heads);
  options.mlp_dim = config.mlp;
  options.dropout_rate = config.dropout;
  options.use_combined_linear = config.attention == "combined";
  options.qkv_init = projection_init(config, redraw);
  options.causal = shape.causal;
  if (config.blocks == "plain_relu") {  // Nanda et al. 2023
    options.act = nn::Activation::relu;
    options.layer_norm = options.final_norm = false;
    const init::Normal small{0, 1 / std::sqrt(static_cast<double>(config.width))};
    options.embedding_init = small;
    options.linear_init = {.weight = small, .bias = Init(init::Constant{0})};
  }
  return options;
}

constexpr std::int64_t patch = 2;

nn::ViTOptions image_options(const RunConfig& config, const data::TaskShape& shape, bool redraw) {
  check(config.blocks == "norm_gelu", "blocks = \"{}\" is for tokens: the {} task has images", config.blocks,
        config.task);
  nn::ViTOptions options;
  options.in_channels = 1;
  options.img_size = {shape.length};
  options.patch_size = {patch};
  options.hidden_size = config.width;
  options.mlp_dim = config.mlp;
  options.num_layers = static_cast<int>(config.layers);
  options.num_heads = static_cast<int>(config.heads);
  options.classification = true;
  options.num_classes = shape.classes;
  options.dropout_rate = config.dropout;
  options.spatial_dims = 2;
  options.post_activation = false;
  options.qkv_bias = true;
  options.use_combined_linear = config.attention == "combined";
  options.unused_norm = false;
  options.qkv_init = projection_init(config, redraw);
  return options;
}

}  // namespace

std::unique_ptr<Model> make_model(const RunConfig& config, const data::TaskShape& shape, Device device,
                                  bool redraw) {
  const Scope root(Seed{static_cast<std::uint64_t>(config.seed)},
                   {.dtype = config.precision == "f64" ? DType::f64 : DType::f32,
                    .device = device,
                    .rng = config.rng == "torch" ? Rng::torch : Rng::keyed});
  std::unique_ptr<Model> model;
  if (shape.images) {
    model = std::make_unique<Wrapped<nn::ViT>>(root, image_options(config, shape, redraw));
  } else {
    model = std::make_unique<Wrapped<nn::DecoderOnlyTransformer>>(root, token_options(config, shape, redraw));
  }
  scale_first_weights(config, model->parameters());
  return model;
}

}  // namespace lockstep::train
