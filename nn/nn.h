#pragma once

// Every module. A module is a struct of tensors: a copy of it shares its weights. For weights of its own,
// build it again in a Scope with values_of (nn/scope.h). Options, names and formulas are PyTorch's
// (docs.pytorch.org/docs/stable/nn.html) or, where said, MONAI's (docs.monai.io/en/stable/networks.html).
//
// Common to all: a constructor throws Error, with the module's path, for options that do not go together:
// heads or groups that do not divide a width, a rate outside [0, 1], a linear layer without inputs or
// outputs, a name that is taken in its scope. A call throws, as its ops do (core/ops.h), for an input of
// another shape or type.
#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/cross_attention_block.h"
#include "nn/decoder_only_transformer.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/mlp_block.h"
#include "nn/mode.h"
#include "nn/multihead_attention.h"
#include "nn/norm.h"
#include "nn/patch_embedding_block.h"
#include "nn/position_tables.h"
#include "nn/sa_block.h"
#include "nn/scope.h"
#include "nn/sequential.h"
#include "nn/spatial_attention_block.h"
#include "nn/swiglu.h"
#include "nn/trace.h"
#include "nn/transformer_block.h"
#include "nn/transformer_encoder_layer.h"
#include "nn/vit.h"
