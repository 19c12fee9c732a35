"""The reference models of `lockstep bench`, as in train/bench/model.cpp."""

# name: vocabulary, tokens, width, heads, layers, batch
SIZES = {
    "toy": (113, 3, 128, 4, 1, 512),
    "copy": (16, 32, 64, 4, 2, 64),
    "char": (65, 64, 128, 4, 4, 12),
    "baby": (65, 256, 384, 6, 6, 8),
}
