"""JAX: Adam and the MLP as a user writes them without another library, the whole step under ``jit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

LEARNING_RATE = 1e-3


def mlp(params: list[Any], x: Any, activation: Callable[[Any], Any]) -> Any:
    """Return the output of Linear layers with an activation between; weights are (out, in), as PyTorch's."""
    last = len(params) - 2
    for i in range(0, len(params), 2):
        x = x @ params[i].T + params[i + 1]
        if i < last:
            x = activation(x)
    return x


def cross_entropy(logits: Any, y: Any) -> Any:
    """Return the mean over the batch."""
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
    return -chosen.mean()


def mean_squared(out: Any, y: Any) -> Any:
    """Return the mean over all elements."""
    return ((out - y) ** 2).mean()


def adam(params: Any, gradients: Any, moments: Any, squares: Any, count: Any) -> tuple[Any, Any, Any]:
    """Return parameters and both moments after the update number `count`."""
    tree = jax.tree_util.tree_map
    moments = tree(lambda m, g: 0.9 * m + 0.1 * g, moments, gradients)
    squares = tree(lambda v, g: 0.999 * v + 0.001 * g * g, squares, gradients)
    first, second = 1 - 0.9**count, 1 - 0.999**count
    params = tree(
        lambda p, m, v: p - LEARNING_RATE / first * m / (jnp.sqrt(v / second) + 1e-8), params, moments, squares
    )
    return params, moments, squares


class Trainer:
    """Trains `model(params, x)` by Adam; parameters and moments are donated, so that they are updated in place."""

    def __init__(
        self,
        start: list[Any],
        x: Any,
        y: Any,
        model: Callable[..., Any] = lambda params, x: mlp(params, x, jax.nn.relu),
        criterion: Callable[..., Any] = cross_entropy,
    ) -> None:
        self.x, self.y = jnp.asarray(x), jnp.asarray(y)

        def step(state: Any, x: Any, y: Any) -> Any:
            params, moments, squares, count = state
            loss, gradients = jax.value_and_grad(lambda params: criterion(model(params, x), y))(params)
            count = count + 1
            return loss, (*adam(params, gradients, moments, squares, count), count)

        self.compiled = jax.jit(step, donate_argnums=0)
        self.restart(start)

    def restart(self, start: list[Any]) -> None:
        """Begin the training anew."""
        params = [jnp.array(w) for w in start]
        zeros = [[jnp.zeros_like(w) for w in params] for _ in range(2)]
        self.state = (params, *zeros, jnp.float32(0))

    def step(self) -> Any:
        """Train for one step; return the loss before it."""
        loss, self.state = self.compiled(self.state, self.x, self.y)
        return loss.block_until_ready()
