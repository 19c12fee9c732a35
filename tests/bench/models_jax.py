"""The reference models of `lockstep bench` in JAX, a whole training step as one compiled function."""
import jax
import jax.numpy as jnp

from models_sizes import SIZES


def linear(p, x):
    return x @ p["weight"] + p["bias"]


def norm(p, x):
    centred = x - x.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-5) * p["weight"] + p["bias"]


def attention(p, x, heads):
    if "qkv" in p:
        parts = jnp.split(linear(p["qkv"], x), 3, axis=-1)
    else:
        parts = [linear(p[name], x) for name in ("q", "k", "v")]
    q, k, v = (part.reshape(*part.shape[:2], heads, -1) for part in parts)
    return linear(p["out"], jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape))


def mean_loss(p, tokens, targets, heads):
    x = p["token"][tokens] + p["position"]
    for block in p["blocks"]:
        x = x + attention(block, norm(block["norm1"], x), heads)
        x = x + linear(block["down"], jax.nn.gelu(linear(block["up"], norm(block["norm2"], x)), approximate=False))
    log_p = jax.nn.log_softmax(linear(p["logits"], norm(p["norm"], x)))
    return -jnp.take_along_axis(log_p, targets[..., None], axis=-1).mean()


def initial(name, combined):
    vocabulary, tokens, width, _, layers, _ = SIZES[name]
    keys = iter(jax.random.split(jax.random.key(0), 8 * layers + 8))

    def table(*shape):
        return 0.02 * jax.random.normal(next(keys), shape)

    def layer(inputs, outputs):
        return {"weight": table(inputs, outputs), "bias": jnp.zeros(outputs)}

    def layer_norm():
        return {"weight": jnp.ones(width), "bias": jnp.zeros(width)}

    def block():
        p = {"qkv": layer(width, 3 * width)} if combined else {n: layer(width, width) for n in ("q", "k", "v")}
        return p | {"out": layer(width, width), "up": layer(width, 4 * width), "down": layer(4 * width, width),
                    "norm1": layer_norm(), "norm2": layer_norm()}

    return {"token": table(vocabulary, width), "position": table(tokens, width),
            "blocks": [block() for _ in range(layers)], "norm": layer_norm(), "logits": layer(width, vocabulary)}


def adamw(p, gradient, m, v, t, rate=1e-3, decay=0.01):
    m = 0.9 * m + 0.1 * gradient
    v = 0.999 * v + 0.001 * jnp.square(gradient)
    root = jnp.sqrt(v / (1 - 0.999**t)) + 1e-8
    return p * (1 - rate * decay) - rate * m / (1 - 0.9**t) / root, m, v


class Training:
    """step() waits until the new weights are there. With `runs`, so many trainings at once, by vmap."""

    def __init__(self, name, combined, runs=0):
        vocabulary, tokens, _, heads, _, batch = SIZES[name]
        weights = initial(name, combined)
        zeros = jax.tree.map(jnp.zeros_like, weights)
        self.state = (weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0))
        shape = (batch, tokens)
        self.inputs = jax.random.randint(jax.random.key(1), shape, 0, vocabulary)
        self.targets = jax.random.randint(jax.random.key(2), shape, 0, vocabulary)

        def step(state, inputs, targets):
            weights, m, v, t = state
            t = t + 1
            gradients = jax.grad(mean_loss)(weights, inputs, targets, heads)
            leaves, tree = jax.tree.flatten(weights)
            stepped = [adamw(*four, t) for four in zip(leaves, *map(jax.tree.leaves, (gradients, m, v)))]
            return *(jax.tree.unflatten(tree, part) for part in zip(*stepped)), t

        if runs:
            self.state = jax.tree.map(lambda x: jnp.stack([x] * runs), self.state)
            step = jax.vmap(step, in_axes=(0, None, None))
        self.compiled = jax.jit(step, donate_argnums=0)

    def step(self):
        self.state = jax.block_until_ready(self.compiled(self.state, self.inputs, self.targets))
