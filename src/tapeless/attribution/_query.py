"""What all methods ask: the output to be explained, and its gradients, at several points for each sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .._core.modes import enable_grad, inference_mode, no_grad
from .._core.registry import FUNCTIONS
from .._core.tensor_base import TensorBase
from .._creation import arange, as_tensor, zeros_like
from ..autograd import grad

SMALL_PASS = 256
"""Rows in a pass when nobody says otherwise: more gain no speed, and take memory."""

NO_TARGET = (
    "target=None is for models that return one number for each sample, this one returns an output of shape {shape} "
    "for {rows} rows: pass the class as target=..., an int or a Tensor of one for each sample"
)
NO_DEPENDENCE = (
    "the model's output does not depend on the inputs in a way that has a gradient: was it detached, rounded or "
    "computed under no_grad? `occlusion` needs no gradients"
)
NOT_FLOAT = (
    "inputs[{i}] is {dtype}, and gradients exist for floating point numbers only: attribute to what is computed from "
    "it (embeddings, say), pass it in args=(...), or use `occlusion`"
)


class Query:
    """A model, the inputs of one call, and the number of its output that is to be explained.

    Methods evaluate the model at points: for each input a Tensor of shape (points, N, ...), N samples at each. The
    rows of several points share a pass, of at most `internal_batch_size` rows.
    """

    def __init__(
        self, model: Callable[..., Any], inputs: Any, target: Any, args: Any, internal_batch_size: int | None = None
    ) -> None:
        self.model, self.is_tuple = model, isinstance(inputs, tuple | list)
        self.inputs = tuple([tensor.detach() for tensor in checked_inputs(inputs)])
        self.samples = len(self.inputs[0])
        self.args = tuple(args) if isinstance(args, tuple | list) else (args,)
        self.target = checked_target(target, self.samples)
        if internal_batch_size is not None and internal_batch_size < 1:
            raise ValueError(f"expected internal_batch_size >= 1, the rows in one pass, got {internal_batch_size}")
        self.rows = internal_batch_size or max(self.samples, SMALL_PASS)

    def require_floats(self) -> None:
        """Raise TypeError for inputs that have no gradient."""
        for i, tensor in enumerate(self.inputs):
            if not tensor.is_floating_point():
                raise TypeError(NOT_FLOAT.format(i=i, dtype=tensor.dtype))

    def groups(self, count: int) -> Iterator[range]:
        """Part the points 0, 1, ... `count` - 1 into as many at once as a pass takes."""
        step = max(1, self.rows // self.samples)
        return (range(start, min(start + step, count)) for start in range(0, count, step))

    def outputs(self, *points: Any) -> Any:
        """Return the output at each point, of shape (points, N)."""
        with no_grad():
            passes = [self._explained(rows, samples) for rows, samples in self._passes(points)]
        return _joined(passes).reshape(points[0].shape[:2])

    def gradients(self, *points: Any) -> tuple[Any, ...]:
        """Return the output's gradients by each input, of the points' shapes."""
        with inference_mode(False), enable_grad():
            passes = [self._slopes(rows, samples) for rows, samples in self._passes(points)]
        return tuple([_joined(parts).reshape(tensor.shape) for parts, tensor in zip(zip(*passes), points)])

    def as_given(self, results: Sequence[Any]) -> Any:
        """Return one Tensor, or a tuple where the inputs were one."""
        return tuple(results) if self.is_tuple else results[0]

    def _passes(self, points: Sequence[Any]) -> Iterator[tuple[list[Any], Any]]:
        """Part points into rows for the model, and the numbers of the samples that these belong to."""
        flat = [tensor.reshape(-1, *tensor.shape[2:]) for tensor in points]
        for start in range(0, len(flat[0]), self.rows):
            # Copies, so that the model may write to them, as nn.ReLU(inplace=True) does.
            rows = [tensor[start : start + self.rows].clone() for tensor in flat]
            yield rows, arange(start, start + len(rows[0])) % self.samples

    def _slopes(self, rows: Sequence[Any], samples: Any) -> list[Any]:
        leaves = [tensor.requires_grad_() for tensor in rows]
        output = self._explained(
            [leaf.clone() for leaf in leaves], samples
        )  # copies again: leaves may not be written to
        found = grad(output.sum(), leaves, allow_unused=True) if output.requires_grad else [None] * len(leaves)
        if all(g is None for g in found):
            raise RuntimeError(NO_DEPENDENCE)
        return [zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves)]

    def _explained(self, rows: Sequence[Any], samples: Any) -> Any:
        """Call the model; return the one number of its output for each row that is to be explained."""
        args = [arg[samples] if self._is_batched(arg) else arg for arg in self.args]
        output, count = self.model(*rows, *args), len(rows[0])
        if not is_tensor(output) or not output.is_floating_point():
            kind = output.dtype if is_tensor(output) else type(output).__name__
            raise TypeError(f"expected the model to return one Tensor of floating point numbers, got {kind}")
        shape = list(output.shape)
        if not shape or shape[0] != count:
            raise ValueError(f"expected a row of output for each of {count} rows of input, got shape {shape}")
        if self.target is None:
            if output.numel() != count:
                raise ValueError(NO_TARGET.format(shape=shape, rows=count))
            return output.reshape(count)
        return output[(arange(count), *self._index(shape, samples))]

    def _index(self, shape: list[int], samples: Any) -> tuple[Any, ...]:
        """Where in the dims after the first the target is: an int for each dim, or a Tensor of one for each row."""
        index = self.target if isinstance(self.target, tuple) else self.target[samples].unbind(1)
        if len(index) != len(shape) - 1:
            raise ValueError(
                f"the model's output has shape {shape}: expected a target of {len(shape) - 1} indices for each "
                f"sample, one for each dim after the first, got {len(index)}"
            )
        for number, size in zip(index, shape[1:]):
            low, high = (number, number) if isinstance(number, int) else (int(number.min()), int(number.max()))
            if low < -size or high >= size:
                wrong = low if low < -size else high
                raise IndexError(
                    f"target {wrong} is out of range: the model's output of shape {shape} has {size} there"
                )
        return index

    def _is_batched(self, arg: Any) -> bool:
        return is_tensor(arg) and arg.ndim > 0 and len(arg) == self.samples


def is_tensor(obj: Any) -> bool:
    """Return whether `obj` is a Tensor."""
    return isinstance(obj, TensorBase)


def checked_inputs(inputs: Any) -> tuple[Any, ...]:
    """Return a tuple of tensors, checked: at least one, and all of one batch."""
    given = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    if not given:
        raise ValueError("expected a Tensor or a tuple of them as inputs, got an empty one")
    for i, tensor in enumerate(given):
        if not is_tensor(tensor):
            raise TypeError(
                f"expected a Tensor or a tuple of them as inputs, got {type(tensor).__name__} as inputs[{i}]"
            )
        if tensor.ndim == 0:
            raise ValueError(f"expected inputs with the batch as their first dim, got a 0-d Tensor as inputs[{i}]")
    sizes = [len(tensor) for tensor in given]
    if len(set(sizes)) > 1 or not sizes[0]:
        raise ValueError(f"expected inputs of one batch, of at least one sample, got first dims {sizes}")
    return given


def checked_target(target: Any, samples: int) -> Any:
    """Return None, a tuple of ints that holds for all samples, or an int64 Tensor (N, dims)."""
    if target is None:
        return None
    if isinstance(target, int | np.integer):
        return (int(target),)
    if isinstance(target, tuple) and all(isinstance(i, int | np.integer) for i in target):
        return tuple([int(i) for i in target])
    if not is_tensor(target) or target.dtype.kind not in "iu":
        kind = f"a Tensor of {target.dtype}" if is_tensor(target) else repr(target)
        raise TypeError(f"expected target to be an int, a tuple of ints, a Tensor of ints or None, got {kind}")
    if target.ndim == 0:
        return (int(target),)
    if len(target) != samples or target.ndim > 2:
        raise ValueError(
            f"expected target of shape ({samples},) or ({samples}, dims), indices for each of {samples} samples, "
            f"got {list(target.shape)}"
        )
    target = target.detach().long()
    return target.unsqueeze(1) if target.ndim == 1 else target


def checked_baselines(baselines: Any, query: Query) -> tuple[Any, ...]:
    """Return a baseline for each input, of its shape: of 0 by default, of a number, or of a Tensor that broadcasts."""
    given = baselines if query.is_tuple and isinstance(baselines, tuple | list) else (baselines,) * len(query.inputs)
    if len(given) != len(query.inputs):
        raise ValueError(f"expected as many baselines as inputs, {len(query.inputs)}, got {len(given)}")
    found = []
    for i, (baseline, x) in enumerate(zip(given, query.inputs)):
        if baseline is not None and not (isinstance(baseline, int | float | np.number) or is_tensor(baseline)):
            raise TypeError(f"expected a number or a Tensor as baseline, got {type(baseline).__name__} for inputs[{i}]")
        tensor = as_tensor(0 if baseline is None else baseline).detach().to(x.dtype)
        if tensor.ndim > x.ndim or any(a not in (1, b) for a, b in zip(tensor.shape[::-1], x.shape[::-1])):
            raise ValueError(
                f"expected a baseline that broadcasts to the shape of inputs[{i}], {list(x.shape)}, "
                f"got {list(tensor.shape)}"
            )
        found.append(tensor.expand(x.shape))
    return tuple(found)


def _joined(passes: Sequence[Any]) -> Any:
    return passes[0] if len(passes) == 1 else FUNCTIONS["cat"](passes)
