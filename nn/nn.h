#pragma once

// Every module.
#include "nn/conv.h"
#include "nn/cross_attention_block.h"
#include "nn/decoder_only_transformer.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/mlp_block.h"
#include "nn/mode.h"
#include "nn/norm.h"
#include "nn/patch_embedding_block.h"
#include "nn/sa_block.h"
#include "nn/scope.h"
#include "nn/spatial_attention_block.h"
#include "nn/transformer_block.h"
#include "nn/vit.h"
