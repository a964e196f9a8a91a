"""What the recurrent operations share: the order of steps, states that outlast sequences, gradients of parameters.

Sequences of several lengths are packed: their elements lie step after step in ``(rows, features)``, those of the
longest sequence first, and ``sizes[t]`` says how many sequences have a step t. A dense batch, ``(steps, batch,
features)``, is the same with equal sizes, so one loop does for both. See
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from .._core.function import Function
from .._core.registry import FUNCTIONS
from .._kernels.threads import pool
from ._common import ones


class Steps:
    """The steps of a batch of sequences: `spans` are their rows (start, stop) in the order in which they run."""

    def __init__(self, sizes: Sequence[int], reverse: bool = False) -> None:
        self.reverse = reverse
        self.spans: list[tuple[int, int]] = []
        start = 0
        for size in sizes:
            self.spans.append((start, start + size))
            start += size
        self.rows, self.even = start, len(set(sizes)) == 1
        if reverse:
            self.spans.reverse()

    def before(self, initial: Any, states: Any) -> Any:
        """Return, for each row, the state that its step began with; `states`, (rows, size), are those at the ends."""
        found = np.empty_like(states)
        first, last = 0, 0  # the rows of the step before: none
        for start, stop in self.spans:
            carried = min(stop - start, last - first)
            found[start : start + carried] = states[first : first + carried]
            if start + carried < stop:  # sequences that begin here
                found[start + carried : stop] = initial[carried : stop - start]
            first, last = start, stop
        return found

    def unroll(self, cell: Callable[..., Any], rows: Any, states: Sequence[Any]) -> list[Any]:
        """Run `cell` step by step in recorded operations; return its first states, row by row, and the last ones."""
        cat = FUNCTIONS["cat"]
        outs, states = [], list(states)
        for start, stop in self.spans:
            count = stop - start
            new = cell(rows[start:stop], *[state[:count] for state in states])
            outs.append(new[0])
            states = [
                now if count == old.shape[0] else cat([now, old[count:]]) for now, old in zip(new, states, strict=True)
            ]
        return [cat(outs[::-1] if self.reverse else outs), *states]


_SHARE = 65536
"""Elements that are worth a thread when they are copied: a transposition of so many takes 0.1 ms."""


class Columns:
    """Memory for what each step computes, ``(size, batch)`` with the sequences as columns: ``blocks[k]`` belongs to the
    step whose rows are ``steps.spans[k]``. A block is contiguous, whatever the other steps' are.
    """

    def __init__(self, steps: Steps, size: int, like: Any) -> None:
        self.steps, self.size = steps, size
        flat = np.empty_like(like, shape=(size * steps.rows,))
        if steps.even:
            self.stacked = flat.reshape((len(steps.spans), size, steps.rows // len(steps.spans)))
            self.blocks = list(self.stacked[::-1] if steps.reverse else self.stacked)
        else:
            self.blocks = [flat[size * i : size * k].reshape((size, k - i)) for i, k in steps.spans]

    def joined(self) -> Any:
        """Return a copy of all blocks side by side, ``(size, rows)``, in the order of the rows."""
        found = np.empty_like(self.blocks[0], shape=(self.size, self.steps.rows))

        def fill(span: tuple[int, int]) -> None:
            part = slice(*span)
            if self.steps.even:
                columns = self.stacked[:, part].swapaxes(0, 1)
                found[part].reshape(columns.shape)[...] = columns
            else:
                for (start, stop), block in zip(self.steps.spans, self.blocks, strict=True):
                    found[part, start:stop] = block[part]

        parts = min(pool.size, max(1, found.size // _SHARE))
        pool.run(fill, [(self.size * k // parts, self.size * (k + 1) // parts) for k in range(parts)])
        return found


def as_rows(x: Any) -> Any:
    """Return ``(steps, batch, features)`` as ``(rows, features)``; packed data are that already."""
    return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


class Recurrence(Function):
    """One layer of a recurrent network in one direction, over a whole batch of sequences.

    `forward` gets the input, dense or packed with the keyword `sizes`, weights as PyTorch stacks them, biases (or
    None), and the initial states, ``(batch, size)``. Results: the states at all steps, in the input's layout, and the
    last state (two for an LSTM) of each sequence.

    Fused because as single operations each step makes a dozen nodes, and multiplies small matrices where one large
    product serves all steps: the input's projection, and the gradients of weights and of the input. What runs step by
    step are one product and a few elementwise operations on arrays that this owns. (`LstmLayer` has its own layout.)
    """

    materialize = False  # the gradient of an unused result need not be made of zeros
    cell: ClassVar[Callable[..., Any]]

    steps: Steps
    dense: bool

    def start(self, input: Any, sizes: Sequence[int] | None, reverse: bool) -> Any:
        """Note the order of steps, and return the input's rows."""
        self.dense = sizes is None
        self.steps = Steps([input.shape[1]] * input.shape[0] if sizes is None else sizes, reverse)
        return as_rows(input)

    def shaped(self, rows: Any, input: Any) -> Any:
        """Return results for all rows in the input's layout."""
        return rows.reshape((*input.shape[:-1], rows.shape[-1])) if self.dense else rows

    def arriving(self, g: Any, k: int, like: Any) -> Any:
        """Return a buffer that starts with the gradient of the last states `k`, and will end with the initial ones'."""
        return np.zeros_like(like, order="C") if g[k] is None else np.array(g[k], order="C")

    def wants(self, name: str) -> bool:
        """Whether the parameter `name` requires grad."""
        return self.params.index(name) in self.plan.positions

    def parameter_gradients(self, from_input: Any, from_state: Any, input: Any, before: Any) -> list[Any]:
        """Return the gradients of both weights and biases, given those of the products' results, (rows, gates)."""
        weights = [
            gates.T @ rows if self.wants(name) else None
            for name, gates, rows in (("weight_ih", from_input, as_rows(input)), ("weight_hh", from_state, before))
        ]
        one = ones(len(from_input), from_input.dtype)
        bias_ih = one @ from_input if self.wants("bias_ih") else None
        if from_state is from_input and bias_ih is not None:  # the sums are the same: half a millisecond for a million
            bias_hh = bias_ih.copy() if self.wants("bias_hh") else None
        else:
            bias_hh = one @ from_state if self.wants("bias_hh") else None
        return [*weights, bias_ih, bias_hh]

    def input_gradient(self, gates: Any, weight_ih: Any, input: Any) -> Any:
        """Return the gradient of the input, from those of its projection."""
        return (gates @ weight_ih).reshape(input.shape) if self.wants("input") else None

    def unrolled(self, cell: Callable[..., Any], input: Any, *states: Any) -> tuple[Any, ...]:
        """Return the results in other operations: a loop of cells."""
        rows, *last = self.steps.unroll(cell, as_rows(input), states)
        return (self.shaped(rows, input), *last)
