"""A part of a copy study in PyTorch, in one process with one thread.
usage: study_peer.py PART PARTS SEEDS STEPS
Trains the arms of `lockstep study --task copy` from every seed: four with Adam, two whose blocks' matrices go by
Muon, for the first seeds the first again, and for the first seed two in f64; run number PART, PART + PARTS, ... of all, loss on the half that can be known.
Prints how many steps it did."""
import sys

import torch
from torch.nn import functional

from models_sizes import SIZES
from models_torch import Decoder


ARMS = [  # combined?, Muon?
    (False, False), (True, False), (True, False), (True, False),  # A0, A1, A2, A3
    (False, True), (True, True),  # C1, by part as torch.optim.Muon can, and C4
]
REPEATED = (False, False), 4  # A0', of so many seeds
F64_ARMS = [(False, False), (True, False)]  # A0d, A1d, of one seed
F64_STEPS = 61


def optimizers_of(model, muon):
    matrices = [p for p in model.blocks.parameters() if muon and p.ndim == 2]
    others = [p for p in model.parameters() if not any(p is matrix for matrix in matrices)]
    adam = torch.optim.Adam(others, lr=1e-3, betas=(0.9, 0.99), fused=True)
    return [adam, torch.optim.Muon(matrices, lr=0.02, weight_decay=0)] if muon else [adam]


def train(seed, combined, muon, dtype, steps):
    vocabulary, tokens, width, heads, layers, batch = SIZES["copy"]
    torch.manual_seed(seed)
    model = Decoder(vocabulary, tokens, width, heads, layers, combined).to(dtype)
    optimizers = optimizers_of(model, muon)
    data = torch.Generator().manual_seed(seed)
    known = tokens // 2 - 1
    for _ in range(steps):
        drawn = torch.randint(vocabulary, (batch, tokens // 2), generator=data)
        text = torch.cat([drawn, drawn, drawn[:, :1]], dim=1)
        logits = model(text[:, :-1])[:, known:]
        loss = functional.cross_entropy(logits.flatten(0, 1), text[:, 1 + known:].flatten())
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if not loss.item() > 0:
            raise ValueError("the loss is no number")


def main():
    part, parts, seeds, steps = map(int, sys.argv[1:])
    torch.set_num_threads(1)
    runs = [(0, *arm, torch.float64, F64_STEPS) for arm in F64_ARMS]
    runs += [(seed, *arm, torch.float32, steps) for arm in ARMS for seed in range(seeds)]
    runs += [(seed, *REPEATED[0], torch.float32, steps) for seed in range(min(seeds, REPEATED[1]))]
    for run in runs[part::parts]:
        train(*run)
    print(sum(run[-1] for run in runs[part::parts]))


main()
