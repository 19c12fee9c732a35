// lockstep.h alone is all that a program needs: each public type by its name.
#include <gtest/gtest.h>

#include "lockstep.h"

namespace {

using namespace lockstep;

template <typename... T>
constexpr bool all_complete = (... && (sizeof(T) > 0));

TEST(PublicTypes, ComeWithTheOneHeader) {
  static_assert(all_complete<Tensor, Dims, DimList, DType, TensorOptions, Error, AttentionOptions,
                             ConvGeometry, CrossEntropyOptions, Ordered, RopeOptions, GradOptions, NoGrad,
                             EnableGrad, Saved, Threads, MemoryStats, KeyedStream, TorchStream, Parameter,
                             ParameterList, Scope, Seed, ScopeOptions, ValueSource>);
  static_assert(all_complete<init::Normal, init::Uniform, init::TruncNormal, init::KaimingNormal,
                             init::XavierUniform, init::Orthogonal, init::Given>);
  static_assert(
      all_complete<nn::Linear, nn::Embedding, nn::LayerNorm, nn::RMSNorm, nn::GroupNorm, nn::Conv,
                   nn::Dropout, nn::Activation, nn::Sequential, nn::SwiGLU, nn::MLPBlock, nn::SABlock,
                   nn::CrossAttentionBlock, nn::MultiheadAttention, nn::TransformerBlock,
                   nn::TransformerEncoderLayer, nn::ViT, nn::DecoderOnlyTransformer, nn::PatchEmbeddingBlock,
                   nn::SpatialAttentionBlock, nn::TrainingMode, nn::EvaluationMode, nn::Trace>);
  static_assert(
      all_complete<optim::Adadelta, optim::Adafactor, optim::Adagrad, optim::Adam, optim::Adamax,
                   optim::AdamW, optim::LAMB, optim::LARS, optim::Muon, optim::NAdam, optim::RAdam,
                   optim::RMSprop, optim::Rprop, optim::SGD, optim::Composite, optim::TorchScheduler,
                   optim::OneCycleLR, optim::StepLR, optim::ReduceLROnPlateau>);
  static_assert(all_complete<data::Hdf5Dataset, data::StoredTensor, data::LoadReport, data::LoadOptions>);
  EXPECT_GE(memory_stats().peak_active, 0);
}

}  // namespace
