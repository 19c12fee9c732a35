#include "nn/patch_embedding_block.h"

#include "core/ops/elementwise.h"
#include "core/ops/views.h"
#include "nn/position_tables.h"

namespace lockstep::nn {
namespace {

// As MONAI's own trunc_normal_ draws it.
Init small_trunc_normal() { return init::TruncNormal{.std = 0.02, .by_erfinv = true}; }

PatchEmbeddingBlockOptions checked(const Scope& scope, PatchEmbeddingBlockOptions o) {
  const std::string where = scope.path("PatchEmbeddingBlock");
  check(o.hidden_size > 0 && o.num_heads > 0 && o.hidden_size % o.num_heads == 0,
        "[{}] hidden_size {} does not divide by num_heads {}", where, o.hidden_size, o.num_heads);
  check(o.spatial_dims >= 1 && o.spatial_dims <= 3, "[{}] spatial_dims must be 1, 2 or 3, got {}", where,
        o.spatial_dims);
  const auto dims = static_cast<std::size_t>(o.spatial_dims);
  check(o.pos_embed_type != PositionEmbedding::fourier || o.hidden_size % 2 == 0,
        "[{}] fourier positions need an even hidden_size, got {}", where, o.hidden_size);
  check(o.scales.size() == 1 || o.scales.size() == dims, "[{}] expected 1 or {} scales, got {}", where, dims,
        o.scales.size());
  for (auto* sizes : {&o.img_size, &o.patch_size}) {
    if (sizes->size() == 1) sizes->resize(dims, sizes->front());
    check(sizes->size() == dims, "[{}] expected 1 or {} numbers for img_size and patch_size, got {}", where,
          dims, sizes->size());
  }
  for (std::size_t i = 0; i < dims; ++i) {
    check(o.patch_size[i] > 0 && o.patch_size[i] <= o.img_size[i],
          "[{}] a patch must be no larger than the image, got patch_size {} and img_size {}", where,
          o.patch_size[i], o.img_size[i]);
    check(o.proj_type == PatchProjection::conv || o.img_size[i] % o.patch_size[i] == 0,
          "[{}] with a perceptron, img_size {} must divide by patch_size {}", where, o.img_size[i],
          o.patch_size[i]);
  }
  return o;
}

// (..., C, h p1, w p2[, d p3]) -> (lead, h w d, p1 p2 p3 C)
Tensor cut(const Tensor& x, const std::vector<std::int64_t>& patch) {
  const int axes = static_cast<int>(patch.size()), first = x.rank() - axes;
  const std::int64_t channels = x.size(first - 1);
  const std::int64_t lead = Dims(x.shape().begin(), x.shape().begin() + first - 1).numel();
  Dims shape{lead, channels};
  std::vector<int> order{0};
  std::int64_t width = channels, count = 1;
  for (int a = 0; a < axes; ++a) {
    const std::int64_t size = patch[static_cast<std::size_t>(a)];
    shape.push_back(x.size(first + a) / size);
    shape.push_back(size);
    order.push_back(2 + 2 * a);
    width *= size;
    count *= x.size(first + a) / size;
  }
  for (int a = 0; a < axes; ++a) order.push_back(3 + 2 * a);
  order.push_back(1);
  return reshape(permute(reshape(x, shape), order), {lead, count, width});
}

}  // namespace

PatchProjection patch_projection_from(const std::string& name) {
  if (name == "conv") return PatchProjection::conv;
  if (name == "perceptron") return PatchProjection::perceptron;
  fail("expected a patch projection (conv or perceptron), got \"{}\"", name);
}

PositionEmbedding position_embedding_from(const std::string& name) {
  if (name == "none") return PositionEmbedding::none;
  if (name == "learnable") return PositionEmbedding::learnable;
  if (name == "sincos") return PositionEmbedding::sincos;
  if (name == "fourier") return PositionEmbedding::fourier;
  fail("expected a position embedding (none, learnable, sincos or fourier), got \"{}\"", name);
}

PatchEmbeddingBlock::PatchEmbeddingBlock(const Scope& scope, const PatchEmbeddingBlockOptions& options_)
    : options(checked(scope, options_)), dropout(scope / "dropout", options.dropout_rate) {
  const auto& [channels, image, patch, width, heads, proj_type, pos_type, rate, dims, temperature, scales] =
      options;
  std::vector<std::int64_t> grid;
  for (std::size_t i = 0; i < image.size(); ++i) grid.push_back(image[i] / patch[i]);
  const Dims positions{1, Dims(grid).numel(), width};
  const std::int64_t patch_dim = channels * Dims(patch).numel();

  const bool is_conv = proj_type == PatchProjection::conv;
  const Scope embeddings = scope / "patch_embeddings";
  if (is_conv) {
    convolution.emplace(embeddings, channels, width, patch, ConvOptions{.stride = patch});
  } else {  // what PyTorch's Linear draws, and MONAI overwrites at the end
    scope.discard({width, patch_dim}, init::Uniform{});
    scope.discard({width}, init::Uniform{});
  }
  switch (pos_type) {
    case PositionEmbedding::none:
      position_embeddings = scope.parameter("position_embeddings", positions, init::Constant{0});
      break;
    case PositionEmbedding::learnable:
      position_embeddings = scope.parameter("position_embeddings", positions, small_trunc_normal());
      break;
    case PositionEmbedding::sincos:
      position_embeddings =
          scope.frozen("position_embeddings", positions,
                       init::Given{sincos_positions(grid, width, temperature, scope.options())});
      break;
    case PositionEmbedding::fourier: {
      const Tensor directions = scope.draw("fourier_features", {width / 2, dims}, init::Normal{});
      const Tensor gaussians =
          directions * to(from_values({std::ssize(scales)}, scales, directions.device()), directions.dtype());
      position_embeddings = scope.frozen("position_embeddings", positions,
                                         init::Given{fourier_positions(grid, gaussians, scope.options())});
      break;
    }
  }
  if (!is_conv) {
    perceptron.emplace(embeddings / 1, patch_dim, width,
                       LinearOptions{.init = {.weight = small_trunc_normal(), .bias = init::Constant{0}}});
  }
}

Tensor PatchEmbeddingBlock::operator()(const Tensor& x) const {
  Dims size;
  for (const std::int64_t n : options.img_size) size.push_back(n);
  const int lead = x.rank() - options.spatial_dims;
  check(lead >= 1 && x.size(lead - 1) == options.in_channels &&
            std::equal(size.begin(), size.end(), x.shape().begin() + lead),
        "[PatchEmbeddingBlock] expected x (..., {}, size) of size {}, got {}", options.in_channels,
        to_string(size), describe(x));
  Dims shape(x.shape().begin(), x.shape().begin() + lead - 1);
  shape.push_back(position_embeddings.size(1));
  shape.push_back(options.hidden_size);
  if (perceptron) {
    return dropout(reshape((*perceptron)(cut(x, options.patch_size)), shape) + position_embeddings);
  }
  Dims channels_first = shape;
  std::swap(channels_first[shape.rank() - 1], channels_first[shape.rank() - 2]);
  const Tensor patches = transpose(reshape((*convolution)(x), channels_first), -1, -2);
  return dropout(patches + position_embeddings);
}

}  // namespace lockstep::nn
