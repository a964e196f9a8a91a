"""The limits of an MLP's training step: hand-written NumPy, and its matrix products alone."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from _workloads import LEARNING_RATE, Workload, make_batch


def padded(size: int) -> int:
    """Return a number of floats, rounded up to 64 bytes."""
    return -(-size // 16) * 16


def aligned(*shape: int) -> Any:
    """Return zeros that begin on 64 bytes, which large arrays are added and multiplied quickest on."""
    size = 4 * math.prod(shape)
    memory = np.zeros(size + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    return memory[begin : begin + size].view(np.float32).reshape(shape)


def shaped(flat: Any, like: list[Any]) -> list[Any]:
    """Cut a flat array into views of these shapes, each of which begins on 64 bytes."""
    begins = np.cumsum([0, *[padded(w.size) for w in like]])
    return [flat[begin : begin + w.size].reshape(w.shape) for begin, w in zip(begins, like)]


class HandNumpy:
    """The limit: the step written out for this network, every array made beforehand, ``out=`` everywhere."""

    CHUNK = 16384  # elements of the parameters that Adam updates at a time, so that they stay in the L2 cache

    def __init__(self, work: Workload) -> None:
        self.work, self.tanh = work, work.sizes.get("tanh", False)

    def restart(self, weights: dict[str, Any]) -> None:
        """Make all memory, and begin from these weights."""
        start, sizes, batch = list(weights.values()), self.work.sizes["layers"], self.work.sizes["batch"]
        self.x, self.y = make_batch(self.work)
        count = sum(padded(w.size) for w in start)
        flat = [aligned(count) for _ in range(4)]  # values, gradients, two moments
        self.params, self.grads = shaped(flat[0], start), shaped(flat[1], start)
        for param, value in zip(self.params, start, strict=True):
            param[...] = value
        scratch = aligned(min(count, self.CHUNK))
        self.pieces = [
            (*[a[i : i + self.CHUNK] for a in flat], scratch[: count - i]) for i in range(0, count, self.CHUNK)
        ]
        self.pre = [aligned(batch, n) for n in sizes[1:]]  # before the activation
        self.post = [self.x, *[aligned(*a.shape) for a in self.pre[:-1]]]
        self.back = [aligned(*a.shape) for a in self.pre]  # gradients of `pre`
        self.mask = [np.empty(a.shape, bool) for a in self.pre]
        self.peak, self.total = np.empty((batch, 1), np.float32), np.empty((batch, 1), np.float32)
        if not self.tanh:  # where in the flat logits the right classes stand
            self.picked = np.arange(batch) * sizes[-1] + self.y
        self.scalars = [np.zeros((), np.float32) for _ in range(4)]
        self.steps = 0

    def step(self) -> Any:
        """Train for one step; return the loss before it."""
        loss = self.forward()
        self.backward()
        self.adam()
        return loss

    def forward(self) -> Any:
        """Compute the loss, and the gradient of the logits on the way."""
        last = len(self.pre) - 1
        for i, (source, out) in enumerate(zip(self.post, self.pre, strict=True)):
            np.matmul(source, self.params[2 * i].T, out=out)
            np.add(out, self.params[2 * i + 1], out=out)
            if i < last and self.tanh:
                np.tanh(out, out=self.post[i + 1])
            elif i < last:
                np.maximum(out, 0, out=self.post[i + 1])
        criterion = self.mean_squared if self.tanh else self.cross_entropy
        return criterion(self.pre[last], self.back[last])

    def mean_squared(self, out: Any, g: Any) -> Any:
        """Return the loss; write its gradient to `g`."""
        np.subtract(out, self.y, out=g)
        flat = g.reshape(-1)
        loss = np.dot(flat, flat) / flat.size
        np.multiply(g, np.float32(2 / flat.size), out=g)
        return loss

    def cross_entropy(self, logits: Any, g: Any) -> Any:
        """Return the loss; write its gradient to `g`."""
        np.max(logits, axis=1, keepdims=True, out=self.peak)
        np.subtract(logits, self.peak, out=logits)
        np.exp(logits, out=g)
        np.sum(g, axis=1, keepdims=True, out=self.total)
        loss = np.log(self.total).mean() - logits.reshape(-1)[self.picked].mean()
        np.multiply(self.total, len(g), out=self.total)
        np.divide(g, self.total, out=g)
        g.reshape(-1)[self.picked] -= np.float32(1 / len(g))
        return loss

    def backward(self) -> None:
        """Fill `grads`."""
        for i in reversed(range(len(self.pre))):
            g = self.back[i]
            np.matmul(g.T, self.post[i], out=self.grads[2 * i])
            np.sum(g, axis=0, out=self.grads[2 * i + 1])
            if i:
                np.matmul(g, self.params[2 * i], out=self.back[i - 1])
                self.through(self.back[i - 1], self.pre[i - 1], self.post[i], self.mask[i - 1])

    def through(self, g: Any, pre: Any, post: Any, mask: Any) -> None:
        """Multiply `g` by the activation's derivative; `pre` may be written over."""
        if self.tanh:
            np.multiply(post, post, out=pre)
            np.subtract(np.float32(1), pre, out=pre)
            np.multiply(g, pre, out=g)
        else:
            np.greater(pre, 0, out=mask)
            np.multiply(g, mask, out=g)

    def adam(self) -> None:
        """Update the parameters; the moments lack their factors (1 - beta): `eps` and `rate` make up for it."""
        self.steps += 1
        root = ((1 - 0.999) / (1 - 0.999**self.steps)) ** 0.5
        beta1, beta2, eps, rate = self.scalars
        beta1[()], beta2[()], eps[()] = 0.9, 0.999, 1e-8 / root
        rate[()] = -LEARNING_RATE * (1 - 0.9) / ((1 - 0.9**self.steps) * root)
        for p, g, m, v, t in self.pieces:
            np.multiply(m, beta1, out=m)
            np.add(m, g, out=m)
            np.multiply(v, beta2, out=v)
            np.multiply(g, g, out=t)
            np.add(v, t, out=v)
            np.sqrt(v, out=t)
            np.add(t, eps, out=t)
            np.divide(m, t, out=t)
            np.multiply(t, rate, out=t)
            np.add(p, t, out=p)


class Gemms:
    """The matrix products of a step and nothing else: the numbers in them do not matter."""

    def __init__(self, work: Workload) -> None:
        random, batch = np.random.default_rng(0), work.sizes["batch"]
        make = lambda *shape: random.standard_normal(shape).astype(np.float32)
        self.products = []
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(work.sizes["layers"])):
            x, weight, g = make(batch, fan_in), make(fan_out, fan_in), make(batch, fan_out)
            self.products += [(x, weight.T, aligned(*g.shape)), (g.T, x, aligned(*weight.shape))]
            if i:
                self.products.append((g, weight, aligned(*x.shape)))

    def restart(self, start: dict[str, Any]) -> None:
        """Nothing is trained."""

    def step(self) -> None:
        """Multiply."""
        for a, b, out in self.products:
            np.matmul(a, b, out=out)
