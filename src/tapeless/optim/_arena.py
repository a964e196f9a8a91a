"""Flat arenas: the parameters of a group in one block of memory, so that a step is a few NumPy calls in all.

An optimizer updates *units*. An `Arena` holds many parameters: values, gradients and state are one flat array
each, and the parameters' arrays are slices of it. A `Single` is one parameter where it lies, for those that
cannot move (their memory is shared with the user) and for arenas whose parameters no longer go the same way.

A slice is built over its own `memoryview`, so that it counts as the owner of its memory (`_core.clock`):
otherwise a write to one parameter would count as a write to all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from .._core import clock
from .._core.tensor_base import TensorBase, wrap

_ALIGN = 64  # bytes: one cache line, and the width of AVX-512; NumPy's own memory is aligned to 16
CHUNK = 16384
"""Elements of an arena that are updated at a time: what a step touches of them stays in the L2 cache."""


def aligned(count: int, dtype: Any) -> Any:
    """Return `count` zeros that start on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.zeros(count * itemsize + _ALIGN, np.uint8)
    start = -raw.__array_interface__["data"][0] % _ALIGN
    return raw[start : start + count * itemsize].view(dtype)


def slices(flat: Any, params: list[Any]) -> list[Any]:
    """Cut `flat` into arrays shaped as the parameters, each an owner of its own; each starts on a cache line."""
    buffer, itemsize = memoryview(flat).cast("B"), flat.dtype.itemsize
    parts, start = [], 0
    for p in params:
        count = p._array.size
        piece = buffer[start * itemsize : (start + count) * itemsize]
        part = np.frombuffer(piece, flat.dtype) if count else np.empty(0, flat.dtype)
        parts.append(part.reshape(p._array.shape))
        start += _padded(count, itemsize)
    return parts


def _padded(count: int, itemsize: int) -> int:
    """Return `count` rounded up to whole cache lines."""
    per_line = _ALIGN // itemsize
    return -(-count // per_line) * per_line


def gradient_array(p: Any) -> Any:
    """Return the gradient of `p` as an array; None when there is none."""
    g = p._grad
    return g._array if isinstance(g, TensorBase) else g


class Unit:
    """Parameters that are updated by the same NumPy calls, and their state."""

    def __init__(self, params: list[Any]) -> None:
        self.params = params
        self.steps = 0
        self.state: dict[str, Any] = {}
        self.plain = False  # whether the state is in PyTorch's units because someone holds it (`Optimizer.state`)
        self.scratch: dict[str, Any] = {}
        self.keys: list[int] = []

    values: Any
    grads: Any

    def gather(self) -> bool | None:
        """Look up the arrays to work on; False when there are no gradients, None when the unit must dissolve."""
        raise NotImplementedError

    def dissolve(self) -> list[Single]:
        """Return the parameters as units of their own."""
        raise NotImplementedError

    def part(self, name: str, i: int) -> Any:
        """Return the state `name` of parameter `i`, in its shape."""
        raise NotImplementedError

    def new_state(self, name: str) -> Any:
        """Make a state of zeros."""
        raise NotImplementedError

    def mark_written(self) -> None:
        """Tell the clock that the parameters were written to."""
        clock.mark_keys(self.keys)

    def scalar(self, name: str, value: float) -> Any:
        """Return `value` as a 0-d array of the unit's dtype: NumPy takes a microsecond to convert a float."""
        box = self.scratch.get(name)
        if box is None:
            box = self.scratch[name] = np.zeros((), self.values.dtype)
        box[()] = value
        return box

    def chunks(self, *arrays: Any) -> Iterator[Any]:
        """Go through arrays of the unit's size together, a cache-sized piece at a time."""
        size = arrays[0].size
        if size <= CHUNK or arrays[0].ndim != 1:
            yield arrays
            return
        for start in range(0, size, CHUNK):
            yield tuple(array[start : start + CHUNK] for array in arrays)

    def temporary(self) -> Any:
        """Return memory to compute in, of the size of the largest chunk."""
        box = self.scratch.get("temporary")
        if box is None:
            flat = self.values.ndim == 1
            box = aligned(min(self.values.size, CHUNK), self.values.dtype) if flat else np.empty_like(self.values)
            self.scratch["temporary"] = box
        return box


class Single(Unit):
    """One parameter, updated where it lies."""

    def __init__(self, param: Any) -> None:
        super().__init__([param])

    def gather(self) -> bool:
        """Look up the arrays to work on; False when there is no gradient."""
        p = self.params[0]
        g = gradient_array(p)
        if g is None:
            return False
        if self.state and self.values.shape != p._array.shape:
            raise RuntimeError(
                f"the parameter changed its shape from {list(self.values.shape)} to {list(p._array.shape)} after the "
                "optimizer had gathered state for it; make a new optimizer"
            )
        if self.scratch and self.values.dtype != p._array.dtype:
            self.scratch.clear()
        self.values, self.grads = p._array, g
        self.keys = [clock.watch(p._array)]
        return True

    def part(self, name: str, i: int) -> Any:
        """Return the state `name`."""
        return self.state[name]

    def new_state(self, name: str) -> Any:
        """Make a state of zeros in the parameter's shape."""
        self.state[name] = state = np.zeros_like(self.params[0]._array)
        return state


class Arena(Unit):
    """Parameters of one dtype in one block of memory."""

    def __init__(self, params: list[Any]) -> None:
        super().__init__(params)
        dtype = params[0]._array.dtype
        self.size = sum(_padded(p._array.size, dtype.itemsize) for p in params)
        self.values = aligned(self.size, dtype)
        self.parts = slices(self.values, params)
        for p, part in zip(params, self.parts, strict=True):
            np.copyto(part, p._array)
            p._array = part
        self.keys = [clock.watch(part) for part in self.parts]
        self.state_parts: dict[str, list[Any]] = {}
        self.new_homes()
        self.free_count = sys.getrefcount(self.homes[0]) - 2  # besides the parameter's `_home` and `_grad`

    def new_homes(self) -> None:
        """Make memory for the gradients and bring those that are there into it."""
        self.grads = aligned(self.size, self.values.dtype)
        self.homes = slices(self.grads, self.params)
        for p, home in zip(self.params, self.homes, strict=True):
            g = gradient_array(p)
            if g is not None:
                np.copyto(home, g)
                if g is p._grad:
                    p._grad = home
            p._home = home

    def gather(self) -> bool | None:
        """Make sure that values and gradients lie in the arena.

        False when no parameter has a gradient, None when they no longer go the same way: some have none, or the
        user replaced a parameter's array.
        """
        homes = self.homes
        missing = 0
        for i, p in enumerate(self.params):
            g = p._grad
            if p._array is not self.parts[i]:
                return None
            if g is homes[i]:
                continue
            if g is None:
                missing += 1
            elif gradient_array(p) is not homes[i]:
                self._fetch(p, i)
        if missing:
            return False if missing == len(self.params) else None
        return True

    def _fetch(self, p: Any, i: int) -> None:
        """Bring a gradient that was computed elsewhere into the arena."""
        if sys.getrefcount(self.homes[i]) > self.free_count + (p._home is self.homes[i]):
            self.new_homes()  # someone still holds a former gradient in this memory: leave it to them
        else:
            np.copyto(self.homes[i], gradient_array(p))
            p._home = self.homes[i]

    def part(self, name: str, i: int) -> Any:
        """Return the state `name` of parameter `i`."""
        return self.state_parts[name][i]

    def new_state(self, name: str) -> Any:
        """Make a state of zeros for all parameters."""
        self.state[name] = state = aligned(self.size, self.values.dtype)
        self.state_parts[name] = slices(state, self.params)
        return state

    def dissolve(self) -> list[Single]:
        """Return the parameters as units of their own, which keep their part of the state."""
        singles = []
        for i, p in enumerate(self.params):
            single = Single(p)
            single.steps, single.plain = self.steps, self.plain
            single.state = {name: self.part(name, i) for name in self.state}
            single.values = p._array
            p._home = None
            singles.append(single)
        return singles


def _count_references() -> int:
    """Return what `sys.getrefcount` says of a parameter's array that nobody else holds."""
    probe = wrap(np.empty(1, np.float32))
    return sys.getrefcount(probe._array)


_ALONE = _count_references()


def may_move(p: Any) -> bool:
    """Return whether a parameter's values may be moved into an arena: nobody else holds its memory.

    A view of it (``p.numpy()``, ``p.detach()``, a graph that still needs it) would be left behind silently.
    """
    array = p._array
    if not array.flags.c_contiguous or not array.flags.writeable:
        return False
    in_arena = p._home is not None
    if in_arena:  # of another optimizer, which holds the slice as well and notices when it is gone
        return sys.getrefcount(array) <= _ALONE + 2
    return array.base is None and sys.getrefcount(array) <= _ALONE + 1
