"""A part of a copy study in PyTorch, in one process with one thread.
usage: study_peer.py PART PARTS SEEDS STEPS
Trains combined and separate from every seed, run number PART, PART + PARTS, ... of all, loss on the half that can be
known; prints how many steps it did."""
import sys

import torch
from torch.nn import functional

from models_sizes import SIZES
from models_torch import Decoder


def train(seed, combined, steps):
    vocabulary, tokens, width, heads, layers, batch = SIZES["copy"]
    torch.manual_seed(seed)
    model = Decoder(vocabulary, tokens, width, heads, layers, combined)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=True)
    data = torch.Generator().manual_seed(seed)
    known = tokens // 2 - 1
    for _ in range(steps):
        drawn = torch.randint(vocabulary, (batch, tokens // 2), generator=data)
        text = torch.cat([drawn, drawn, drawn[:, :1]], dim=1)
        logits = model(text[:, :-1])[:, known:]
        loss = functional.cross_entropy(logits.flatten(0, 1), text[:, 1 + known:].flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if not loss.item() > 0:
            raise ValueError("the loss is no number")


def main():
    part, parts, seeds, steps = map(int, sys.argv[1:])
    torch.set_num_threads(1)
    runs = [(seed, combined) for seed in range(seeds) for combined in (True, False)][part::parts]
    for seed, combined in runs:
        train(seed, combined, steps)
    print(len(runs) * steps)


main()
