"""Views by strides: `as_strided`, sliding windows, and writing into a copy of a part."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import composite, store
from .._kernels.indexing import place, sliding_windows
from ._common import as_int, normal_dim


def storage_of(array: Any) -> tuple[Any, int]:
    """Return the whole memory that an array looks at, flat, and the place of its first element in it."""
    root = array
    while True:
        base = root.base
        if base is not None and not isinstance(base, np.ndarray):
            base = getattr(base, "base", None)  # what NumPy's as_strided puts between a view and its memory
        if not isinstance(base, np.ndarray) or base.dtype != array.dtype:
            break
        root = base
    # Memory in another order than C is as flat as any: look at it in the order of its strides.
    flat = root.T if root.flags.f_contiguous and not root.flags.c_contiguous else root
    flat = flat.reshape(-1) if flat.flags.c_contiguous else np.ravel(flat, "K")
    start = array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    return flat, start // array.itemsize


def strided_places(size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Any:
    """Return the place in flat memory of each element of a strided view."""
    places = np.full(size, offset, np.int64)
    for axis, (n, step) in enumerate(zip(size, stride, strict=True)):
        places += (np.arange(n) * step).reshape([-1 if i == axis else 1 for i in range(len(size))])
    return places


def check_strided(size: tuple[int, ...], stride: tuple[int, ...], offset: int, count: int) -> None:
    """Refuse a strided view that would look outside of the memory."""
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape\nsize has {len(size)} entries, stride {len(stride)}."
        )
    if any(step < 0 for step in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    if any(n < 0 for n in size) or offset < 0:
        raise RuntimeError(f"as_strided: sizes and offset must not be negative, got {list(size)} and {offset}")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) and last >= count:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset} requiring a storage size "
            f"of {last + 1} elements are out of bounds for storage of size {count} elements"
        )


class AsStrided(Function):
    """A view of the tensor's memory by sizes, strides and offset, in elements; public through `as_strided`."""

    view = True

    def forward(self, input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
        flat, start = storage_of(input)
        self.size, self.stride = tuple(map(as_int, size)), tuple(map(as_int, stride))
        self.offset = start if storage_offset is None else as_int(storage_offset)
        check_strided(self.size, self.stride, self.offset, flat.size)
        self.former = input.shape, tuple(step // input.itemsize for step in input.strides), start
        self.count = flat.size
        steps = tuple(step * input.itemsize for step in self.stride)
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.size, steps)

    def grad_input(self, g):
        # Gradients meet in the memory: added up where the view looked, read where the input lies.
        memory = place(g, (strided_places(self.size, self.stride, self.offset),), (self.count,))
        return memory[strided_places(*self.former)]


@composite("as_strided")
def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """Return a view of the memory of `input` of given sizes and strides (in elements), from `storage_offset` on.

    Raises RuntimeError where it would look outside of the memory.
    See https://docs.pytorch.org/docs/stable/generated/torch.as_strided.html

    >>> import tapeless as tl
    >>> tl.as_strided(tl.arange(4), (3, 2), (1, 1))
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    return AsStrided.apply(input, size, stride, storage_offset)


class Unfold(Function):
    """A view of all windows of `size` along a dim, `step` apart, with the places in a window as a new last dim.

    Raises RuntimeError for sizes that do not fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.Tensor.unfold.html

    >>> import tapeless as tl
    >>> tl.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """

    view = True

    def forward(self, input: Any, dimension: int, size: int, step: int) -> Any:
        self.dim, self.shape_in = normal_dim(dimension, input.ndim), input.shape
        length = input.shape[self.dim] if input.ndim else 1
        if size < 0:
            raise RuntimeError(f"size is {size} but must be >= 0")
        if size > length:
            raise RuntimeError(f"maximum size for tensor at dimension {self.dim} is {length} but size is {size}")
        if step <= 0:
            raise RuntimeError(f"step is {step} but must be > 0")
        count = (length - size) // step + 1
        self.positions = np.arange(count)[:, None] * step + np.arange(size)
        if input.ndim == 0:
            return np.broadcast_to(input, (size,))
        return sliding_windows(input, self.dim, size, step)

    def grad_input(self, g):
        if self.shape_in == ():
            return g.sum()
        return place(np.moveaxis(g, -1, self.dim + 1), (slice(None),) * self.dim + (self.positions,), self.shape_in)


@composite("unfold_method", methods="unfold")
def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """Return a view of all windows of `size` along `dimension`, `step` apart, as a new last dim: `Tensor.unfold`.

    >>> import tapeless as tl
    >>> tl.arange(4).unfold(0, 2, 1)
    tensor([[0, 1],
            [1, 2],
            [2, 3]])
    """
    return Unfold.apply(input, dimension, size, step)


# -- A copy with another part ----------------------------------------------------------------------------


class Embed(Function):
    """`input` with `src` at `places` of its flat elements; public through the functions that end in ``_scatter``."""

    def forward(self, input: Any, src: Any, places: Any) -> Any:
        if places.shape != src.shape:
            raise RuntimeError(
                "expected src to have a size equal to the slice of self. src size = "
                f"{list(src.shape)}, slice size = {list(places.shape)}"
            )
        self.places = places
        out = input.copy("C")
        out.reshape(-1)[places] = src
        return out

    def grad_input(self, g):
        taken = np.zeros(tuple(g.shape), bool)
        taken.reshape(-1)[self.places] = True
        return np.where(taken, 0, g)

    def grad_src(self, g):
        return g.reshape((-1,))[self.places]


def _embed(input: Any, src: Any, places: Any, out: Any, name: str) -> Any:
    result = Embed.apply(input, src if src.dtype == input.dtype else src.to(input.dtype), places)
    return result if out is None else store(result, out, name)


def _places(input: Any) -> Any:
    return np.arange(input.numel()).reshape(tuple(input.shape))


@composite("select_scatter")
def select_scatter(input: Any, src: Any, dim: int, index: int, *, out: Any = None) -> Any:
    """Return a copy of `input` whose position `index` of `dim` is `src`.

    >>> import tapeless as tl
    >>> tl.select_scatter(tl.zeros(2, 2), tl.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    dim = normal_dim(dim, input.ndim)
    if not -input.shape[dim] <= index < input.shape[dim]:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}"
        )
    return _embed(input, src, _places(input)[(slice(None),) * dim + (index,)], out, "select_scatter")


@composite("slice_scatter")
def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1, *, out: Any = None
) -> Any:
    """Return a copy of `input` whose slice ``start:end:step`` of `dim` is `src`.

    >>> import tapeless as tl
    >>> tl.slice_scatter(tl.zeros(4), tl.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    dim = normal_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    places = _places(input)[(slice(None),) * dim + (slice(start, end, step),)]
    return _embed(input, src, places, out, "slice_scatter")


@composite("diagonal_scatter")
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """Return a copy of `input` whose diagonal is `src`.

    >>> import tapeless as tl
    >>> tl.diagonal_scatter(tl.zeros(2, 2), tl.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    return _embed(input, src, np.diagonal(_places(input), offset, dim1, dim2), None, "diagonal_scatter")


@composite("as_strided_scatter")
def as_strided_scatter(input: Any, src: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """Return a copy of `input` with `src` written where `as_strided` would look.

    >>> import tapeless as tl
    >>> tl.as_strided_scatter(tl.zeros(4), tl.ones(2), (2,), (2,))
    tensor([1., 0., 1., 0.])
    """
    sizes, steps, offset = tuple(map(as_int, size)), tuple(map(as_int, stride)), storage_offset or 0
    check_strided(sizes, steps, offset, input.numel())
    return _embed(input, src, strided_places(sizes, steps, offset), None, "as_strided_scatter")
