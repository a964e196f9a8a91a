"""Flat arenas: the parameters of a group in one block of memory, so that a step is a few NumPy calls in all.

An optimizer updates *units*. An `Arena` holds many parameters: values, gradients and state are one flat array
each, and the parameters' arrays are slices of it. A `Single` is one parameter where it lies, for those that
cannot move (their memory is shared with the user) and for arenas whose parameters no longer go the same way.

Nobody may notice that a parameter moved, or that the memory of gradients is used again. So both happen only
where Python's reference counts say that nobody else holds the array: every view of it, NumPy's or ours, does.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core import clock
from .._core.tensor_base import TensorBase
from .._kernels.threads import pool

_ALIGN = 64  # bytes: one cache line, and the width of AVX-512; NumPy's own memory is aligned to 16
CHUNK = 131072
"""Elements of an arena that are updated at a time, so that memory to compute in stays in the cache.

Measured with Adam, us for 670,000 and ms for 8.3 million elements in one thread and in two: 16,384 elements at a time
take 1411 and 1527, 15.6 and 12.8; 65,536 take 1010 and 700, 13.8 and 7.6; 131,072 take 977 and 523, 13.7 and 8.4.
Threads want large pieces most of all, since they take turns at the interpreter between NumPy's calls.
"""
THREADED = 4 * CHUNK
"""Elements from which on several threads update an arena."""


class Memory(bytearray):
    """The bytes that arenas are cut from; the type tells their slices from memory that users share with us."""

    def __init__(self, size: int) -> None:
        super().__init__(size + _ALIGN)  # zeros
        self.start = -np.ndarray(1, np.uint8, self).__array_interface__["data"][0] % _ALIGN

    def array(self, shape: Any, dtype: Any, start: int) -> Any:
        """Return an array on the bytes from `start`, counted from a cache line, on."""
        return np.ndarray(shape, dtype, self, self.start + start)


def empty_like(array: Any, count: int) -> Any:
    """Return memory to compute in: `count` elements for a flat `array`, else its shape."""
    if array.ndim != 1:
        return np.empty_like(array)
    return Memory(count * array.itemsize).array(count, array.dtype, 0)


def padded(array: Any) -> int:
    """Return the bytes of `array`, rounded up to whole cache lines."""
    return -(-array.nbytes // _ALIGN) * _ALIGN  # type: ignore[no-any-return]


def cut(shapes: list[Any]) -> tuple[Any, list[Any]]:
    """Return one flat array of zeros with place for arrays like `shapes`, all of one dtype, and its slices.

    A slice is built over the bytes, not sliced from the flat array: then it is the owner of its memory for
    NumPy and the clock (`_core.clock`), and a write to one parameter doesn't count as a write to all.
    """
    dtype = shapes[0].dtype
    size = sum(padded(array) for array in shapes)
    memory = Memory(size)
    parts, start = [], 0
    for array in shapes:
        parts.append(memory.array(array.shape, dtype, start))
        start += padded(array)
    return memory.array(size // dtype.itemsize, dtype, 0), parts


def filled(array: Any, number: float) -> Any:
    """Fill new memory with a number, also the imaginary part of complex memory, and return it."""
    if number:
        array[...] = complex(number, number) if array.dtype.kind == "c" else number
    return array


def array_of(g: Any) -> Any:
    """Return a gradient as an array, also when someone has looked at it and it is a tensor since."""
    return g._array if isinstance(g, TensorBase) else g


class Unit:
    """Parameters that are updated by the same NumPy calls, and their state."""

    def __init__(self, params: list[Any]) -> None:
        self.params = params
        self.steps = 0
        self.state: dict[str, Any] = {}
        self.numbers: dict[str, Any] = {}  # what of the state is one number for the whole unit, as NumPy scalars
        self.scales: dict[str, float] = {}  # what the state must be multiplied by to be in PyTorch's units
        self.scratch: dict[str, Any] = {}
        self.prepared: Any = None  # what an optimizer has worked out for its steps (see `Adam`)
        self.keys: list[int] = []

    values: Any
    grads: Any

    def gather(self) -> bool | None:
        """Look up values and gradients; False if there are none, None if the parameters part ways (`dissolve`)."""
        raise NotImplementedError

    def dissolve(self) -> list[Single]:
        """Return the parameters as units of their own, which keep their part of the state."""
        raise NotImplementedError

    def part(self, name: str, i: int) -> Any:
        """Return the state `name` of parameter `i`, in its shape."""
        raise NotImplementedError

    def new_state(self, name: str, fill: float = 0, shape: Any = None) -> Any:
        """Make a state in the parameters' shapes, filled with a number; or, in a `Single`, in another shape."""
        raise NotImplementedError

    def open_state(self) -> None:
        """Bring the state into PyTorch's units, for good: someone may hold it from now on."""
        for name, scale in self.scales.items():
            if name in self.state:
                self.state[name] *= self.state[name].dtype.type(scale)
        self.scales = {}

    def mark_written(self) -> None:
        """Tell the clock that the parameters were written to."""
        clock.mark_keys(self.keys)

    def scalar(self, name: str, value: float) -> Any:
        """Return `value` as a 0-d array of the unit's (real) dtype: NumPy takes a microsecond to convert a float."""
        box = self.scratch.get(name)
        if box is None:
            box = self.scratch[name] = np.zeros((), self.values.real.dtype)
        box[()] = value
        return box

    def each(self, kernel: Callable[..., None], *arrays: Any, **options: Any) -> None:
        """Call ``kernel(*arrays, t, **options)`` on pieces of arrays of the unit's size; `t` is memory to compute in.

        A flat array goes through it a chunk at a time, and a large one in several threads. None stands for an array
        that is not needed. Of complex arrays the real parts come first, then the imaginary ones: as in PyTorch, they
        are updated as if they were parameters of their own.
        """
        first = arrays[0]
        if first.dtype.kind == "c":
            self.each(kernel, *[None if array is None else array.real for array in arrays], **options)
            self.each(kernel, *[None if array is None else array.imag for array in arrays], **options)
            return
        if first.size > CHUNK and (first.ndim == 1 or all([a is None or a.flags.c_contiguous for a in arrays])):
            self._in_chunks(kernel, [None if array is None else array.reshape(-1) for array in arrays], options)
            return
        t = self.scratch.get("temporary")
        if t is None:
            t = self.scratch["temporary"] = empty_like(first, first.size)
        kernel(*arrays, t, **options)

    def _in_chunks(self, kernel: Callable[..., None], arrays: list[Any], options: dict[str, Any]) -> None:
        """Call `kernel` on all chunks of flat arrays, from `THREADED` elements on in several threads.

        Each thread takes the next chunk when it has done one, since not all get the same share of their core: a thread
        of OpenBLAS still waits for matrix products on the second one (`_kernels.threads`). Right after a product, and
        670,000 elements, that takes 576 us, equal shares 661 and one thread 801; with 300,000 threads gain nothing.
        The first layers come first: their gradients were computed last and are still in the cache (3 % of these
        updates by NumPy, 10 % of compiled ones).
        """
        size = arrays[0].size
        count = pool.size if size >= THREADED else 1
        memory = self.scratch.setdefault("chunks", [])
        while len(memory) < count:
            memory.append(empty_like(arrays[0], CHUNK))
        todo: list[int | None] = [None] * count + [*range(0, size, CHUNK)][::-1]  # each thread ends at a None

        def work(t: Any) -> None:
            for start in iter(todo.pop, None):
                pieces = [None if array is None else array[start : start + CHUNK] for array in arrays]
                kernel(*pieces, t[: size - start], **options)

        pool.run(work, memory[:count])


class Single(Unit):
    """One parameter, updated where it lies."""

    def __init__(self, param: Any) -> None:
        super().__init__([param])
        self.values = param._array

    def gather(self) -> bool:
        """Look up the arrays to work on; False when there is no gradient."""
        p = self.params[0]
        if p._grad is None:
            return False
        if self.values.shape != p._array.shape or self.values.dtype != p._array.dtype:
            if self.state and self.values.shape != p._array.shape:
                raise RuntimeError(
                    f"the parameter changed its shape from {list(self.values.shape)} to {list(p._array.shape)} after "
                    "the optimizer had gathered state for it; make a new optimizer"
                )
            self.state = {name: state.astype(p._array.dtype) for name, state in self.state.items()}
            self.scratch.clear()
        self.values, self.grads = p._array, array_of(p._grad)
        self.keys = [clock.watch(p._array)]
        return True

    def dissolve(self) -> list[Single]:
        """Return itself."""
        return [self]

    def part(self, name: str, i: int) -> Any:
        """Return the state `name`."""
        return self.state[name]

    def new_state(self, name: str, fill: float = 0, shape: Any = None) -> Any:
        """Make a state in the parameter's shape, or in another one, filled with a number."""
        self.values = self.params[0]._array
        self.state[name] = state = np.zeros_like(self.values) if shape is None else np.zeros(shape, self.values.dtype)
        return filled(state, fill)


class Arena(Unit):
    """Parameters of one dtype in one block of memory."""

    alive: weakref.WeakSet[Arena] = weakref.WeakSet()

    def __init__(self, params: list[Any]) -> None:
        super().__init__(params)
        self.values, self.parts = cut([p._array for p in params])
        for p, part in zip(params, self.parts):
            np.copyto(part, p._array)
            p._array = part
        self.keys = [clock.watch(part) for part in self.parts]
        self.places = {id(part) for part in self.parts}
        self.state_parts: dict[str, list[Any]] = {}
        self.new_homes()
        self.alive.add(self)

    def new_homes(self) -> None:
        """Make memory for the gradients and bring those that are there into it."""
        self.grads, self.homes = cut(self.parts)
        for p, home in zip(self.params, self.homes):
            g = p._grad
            if g is not None:
                np.copyto(home, array_of(g))
                if not isinstance(g, TensorBase):
                    p._grad = home
            p._home = home

    def gather(self) -> bool | None:
        """Make sure that values and gradients lie in the arena.

        False when no parameter has a gradient, None when they no longer go the same way: some have none, or the
        user replaced a parameter's array.
        """
        missing, moved = 0, False
        for p, part, home in zip(self.params, self.parts, self.homes):
            if p._array is not part:
                return None
            g = p._grad
            if g is None:
                missing += 1
            elif g is not home:
                moved = True
        if missing:
            return False if missing == len(self.params) else None
        if not moved:
            return True
        home = g = None  # they hold what `_home_is_held` asks about
        elsewhere = [i for i, p in enumerate(self.params) if array_of(p._grad) is not self.homes[i]]
        if any([self._home_is_held(i) for i in elsewhere]):
            self.new_homes()  # someone still holds a former gradient in this memory: leave it to them
            return True
        for i in elsewhere:
            p = self.params[i]
            np.copyto(self.homes[i], array_of(p._grad))
            p._home = self.homes[i]
        return True

    def _home_is_held(self, i: int) -> bool:
        """Return whether someone besides us holds the place of a gradient that is elsewhere just now."""
        ours = self.params[i]._home is self.homes[i]
        return sys.getrefcount(self.homes[i]) > 2 + ours  # the list and the argument

    def part(self, name: str, i: int) -> Any:
        """Return the state `name` of parameter `i`."""
        return self.state_parts[name][i]

    def new_state(self, name: str, fill: float = 0, shape: Any = None) -> Any:
        """Make a state for all parameters, filled with a number."""
        self.state[name], self.state_parts[name] = cut(self.parts)
        return filled(self.state[name], fill)

    def dissolve(self) -> list[Single]:
        """Return the parameters as units of their own, which keep their part of the state."""
        singles = []
        for i, p in enumerate(self.params):
            single = Single(p)
            single.values = self.parts[i]
            single.steps, single.scales, single.numbers = self.steps, dict(self.scales), dict(self.numbers)
            single.state = {name: self.part(name, i) for name in self.state}
            if p._home is self.homes[i]:
                p._home = None
            singles.append(single)
        return singles


def may_move(p: Any) -> bool:
    """Return whether a parameter's values may be moved into an arena: nobody else holds its memory.

    A view of it (``p.numpy()``, ``p.detach()``, a graph that still needs it) would be left behind silently.
    """
    if not (p._array.flags.c_contiguous and p._array.flags.writeable):
        return False
    base = p._array.base
    if base is None:
        known = 0
    elif isinstance(base, Memory):  # a slice of some optimizer's arena,
        known = sum([id(p._array) in arena.places for arena in Arena.alive])  # which notices when it is gone
    else:
        return False
    # The parameter and getrefcount's argument hold it; no local variable may (nor `.flags`, which holds its array).
    return sys.getrefcount(p._array) <= 2 + known
