"""The reference models of `lockstep bench` in PyTorch: pre-norm decoders with learned positions and biases."""
import torch
from torch import nn
from torch.nn import functional

from models_sizes import SIZES


class Attention(nn.Module):
    def __init__(self, width, heads, combined):
        super().__init__()
        self.heads = heads
        self.projections = nn.ModuleList([nn.Linear(width, 3 * width)] if combined
                                         else [nn.Linear(width, width) for _ in range(3)])
        self.out = nn.Linear(width, width)

    def forward(self, x):
        if len(self.projections) == 1:
            parts = self.projections[0](x).chunk(3, dim=-1)
        else:
            parts = [projection(x) for projection in self.projections]
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads, combined):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, combined)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class Decoder(nn.Module):
    def __init__(self, vocabulary, tokens, width, heads, layers, combined):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(tokens, width)
        self.blocks = nn.Sequential(*(Block(width, heads, combined) for _ in range(layers)))
        self.norm, self.logits = nn.LayerNorm(width), nn.Linear(width, vocabulary)

    def forward(self, tokens):
        x = self.token(tokens) + self.position.weight[:tokens.shape[-1]]
        return self.logits(self.norm(self.blocks(x)))


class Training:
    """step() is a forward pass, the mean cross entropy over all positions, its gradients and AdamW's update."""

    def __init__(self, name, combined, compiled):
        torch.manual_seed(0)
        vocabulary, tokens, width, heads, layers, batch = SIZES[name]
        model = Decoder(vocabulary, tokens, width, heads, layers, combined)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
        self.inputs, self.targets = torch.randint(vocabulary, (2, batch, tokens))

        def loss(inputs, targets):
            return functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())

        self.loss = torch.compile(loss) if compiled else loss

    def step(self):
        self.loss(self.inputs, self.targets).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
