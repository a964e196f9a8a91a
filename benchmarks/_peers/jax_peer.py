"""The rows that JAX does, each compiled whole."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from _workloads import Workload, make_batch, make_chain, make_vector

from . import cold
from .jax_mlp import Trainer, cross_entropy, mean_squared, mlp


class Training:
    """A training step of a row."""

    def __init__(self, work: Workload) -> None:
        self.work, self.trainer = work, None

    def restart(self, start: dict[str, Any]) -> None:
        """Begin the training anew; what is compiled stays."""
        values = list(start.values())
        if self.trainer is None:
            model = {"mlp": self._mlp, "lenet": lenet, "lstm": lstm}[self.work.task]
            criterion = mean_squared if self.work.sizes.get("tanh") else cross_entropy
            self.trainer = Trainer(values, *make_batch(self.work), model, criterion)
        else:
            self.trainer.restart(values)
        self.step = self.trainer.step

    def _mlp(self, params: list[Any], x: Any) -> Any:
        return mlp(params, x, jnp.tanh if self.work.sizes.get("tanh") else jax.nn.relu)


def lenet(params: list[Any], x: Any) -> Any:
    """LeNet-5 as in `models`."""
    for i, padding in ((0, 2), (2, 0)):
        sides = [(padding, padding)] * 2
        x = jax.lax.conv_general_dilated(x, params[i], (1, 1), sides, dimension_numbers=("NCHW", "OIHW", "NCHW"))
        x = jax.nn.relu(x + params[i + 1][:, None, None])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    return mlp(params[4:], x.reshape(len(x), -1), jax.nn.relu)


def lstm(params: list[Any], x: Any) -> Any:
    """The LSTM as in `models`: all input projections in one product, then a scan."""
    w_in, w_hidden, b_in, b_hidden, weight, bias = params

    def step(state: Any, projected: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(projected + h @ w_hidden.T, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[1], w_hidden.shape[1]), x.dtype)
    (h, _), _ = jax.lax.scan(step, (zeros, zeros), x @ w_in.T + b_in + b_hidden)
    return h @ weight.T + bias


class Chain:
    """Many small elementwise operations in a row, and their gradient."""

    def __init__(self, work: Workload) -> None:
        self.arguments = [jnp.asarray(a) for a in make_chain(work)]
        self.compiled = jax.jit(jax.grad(partial(self._forward, work.sizes["cycles"])))

    @staticmethod
    def _forward(cycles: int, x: Any, a: Any, b: Any, c: Any) -> Any:
        for _ in range(cycles):
            x = jnp.sin(jnp.tanh(x + a) * b) - a
            x = -jnp.log(jnp.exp(x) / c)
            x = x + x
        return x.sum()

    def restart(self, start: dict[str, Any]) -> None:
        """Nothing is trained."""

    def step(self) -> Any:
        """Return the gradient."""
        return self.compiled(*self.arguments).block_until_ready()


class Product:
    """A Hessian-vector product: forward mode over reverse mode."""

    def __init__(self, work: Workload) -> None:
        x, y = map(jnp.asarray, make_batch(work))
        gradient = jax.grad(lambda params: cross_entropy(mlp(params, x, jax.nn.relu), y))
        self.compiled = jax.jit(lambda params, vector: jax.jvp(gradient, (params,), (vector,))[1])

    def restart(self, start: dict[str, Any]) -> None:
        """Begin from these parameters."""
        self.params = [jnp.asarray(w) for w in start.values()]
        self.vector = [jnp.asarray(v) for v in make_vector(self.params)]

    def step(self) -> Any:
        """Return the product, an array per parameter."""
        return jax.block_until_ready(self.compiled(self.params, self.vector))


def make_job(work: Workload) -> Any:
    """Return the job of a row."""
    if work.task == "cold":
        return cold.Process(jax, work)
    return {"chain": Chain, "hvp": Product}.get(work.task, Training)(work)
