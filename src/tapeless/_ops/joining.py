"""Joining tensors along a dim, and taking them apart again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import NUMPY, composite
from .._dtypes import result_dtype
from ._common import as_int, check_has_dims, normal_dim


def one_dtype(arrays: Any, operands: Any) -> Any:
    """Bring `arrays` to the dtype that PyTorch promotes `operands` to."""
    first = operands[0].dtype
    if all([operand.dtype is first for operand in operands]):
        return arrays
    dtype = result_dtype(*operands)
    return [array.astype(dtype, copy=False) for array in arrays]


class Cat(Function):
    """Tensors joined along an existing dim.

    >>> import tapeless as tl
    >>> tl.cat([tl.zeros(1), tl.ones(2)])
    tensor([0., 1., 1.])
    """

    names = "cat concat concatenate"
    methods = ""
    variadic = True

    def forward(self, *tensors: Any, dim: int = 0) -> Any:
        if not tensors:
            raise ValueError("torch.cat(): expected a non-empty list of Tensors")
        for i, t in enumerate(tensors):
            if not hasattr(t, "shape"):
                raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}")
        # PyTorch skips legacy empty tensors of shape (0,), whatever the others' number of dims.
        real = [t for t in tensors if t.shape != (0,)] or list(tensors[:1])
        if real[0].ndim == 0:
            raise RuntimeError(
                "zero-dimensional tensor (at position 0) cannot be concatenated\nUse stack, which adds a dim."
            )
        self.dim = normal_dim(dim, real[0].ndim)
        for i, t in enumerate(real):
            if t.ndim != real[0].ndim:
                raise RuntimeError(
                    f"Tensors must have same number of dimensions: got {real[0].ndim} and {t.ndim}\n"
                    f"Tensor {i} is the first of another number."
                )
            for d, (a, b) in enumerate(zip(real[0].shape, t.shape, strict=True)):
                if a != b and d != self.dim:
                    raise RuntimeError(
                        f"Sizes of tensors must match except in dimension {self.dim}. Expected size {a} but got size "
                        f"{b} for tensor number {i} in the list.\nThe shapes are {[list(t.shape) for t in tensors]}."
                    )
        self.sizes = [t.shape[self.dim] if t.shape != (0,) else 0 for t in tensors]
        self.empty = [t.shape == (0,) and real[0].ndim != 1 for t in tensors]
        return np.concatenate(one_dtype(real, tensors), axis=self.dim)

    def backward(self, g):
        head, grads, start = (slice(None),) * self.dim, [], 0
        for size, empty in zip(self.sizes, self.empty, strict=True):
            grads.append(g.reshape((-1,))[:0] if empty else g[(*head, slice(start, start + size))])
            start += size
        return [grads[i] for i in self.plan.positions]


class Stack(Function):
    """Tensors of one shape joined along a new dim.

    >>> import tapeless as tl
    >>> tl.stack([tl.tensor([1, 2]), tl.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    >>> tl.stack([tl.tensor([1, 2]), tl.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """

    names = "stack"
    methods = ""
    variadic = True

    def forward(self, *tensors: Any, dim: int = 0) -> Any:
        if not tensors:
            raise RuntimeError("stack expects a non-empty TensorList")
        for i, t in enumerate(tensors):
            if t.shape != tensors[0].shape:
                raise RuntimeError(
                    f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                    f"{list(t.shape)} at entry {i}"
                )
        self.dim = normal_dim(dim, tensors[0].ndim + 1)
        return np.stack(one_dtype(tensors, tensors), axis=self.dim)

    def backward(self, g):
        head = (slice(None),) * self.dim
        return [g[(*head, i)] for i in self.plan.positions]


NUMPY[np.concatenate] = lambda arrays, axis=0: Cat.apply(*arrays, dim=axis)
NUMPY[np.stack] = lambda arrays, axis=0: Stack.apply(*arrays, dim=axis)


class Split(Function):
    """Views of consecutive pieces along `dim`: of a given size (the last may be smaller), or of given sizes.

    >>> import tapeless as tl
    >>> tl.split(tl.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> tl.split(tl.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3, 4]))
    """

    names = "split"
    view = True

    def forward(self, tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
        check_has_dims("split expects at least a 1-dimensional tensor", tensor.ndim)
        self.dim, self.shape_in = normal_dim(dim, tensor.ndim), tensor.shape
        length = tensor.shape[self.dim]
        if isinstance(split_size_or_sections, (tuple, list)):
            sizes = [as_int(n) for n in split_size_or_sections]
            if sum(sizes) != length:
                raise RuntimeError(
                    f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at "
                    f"dimension {self.dim}), but got split_sizes={sizes}"
                )
        else:
            step = as_int(split_size_or_sections)
            if step < 0 or (step == 0 and length):
                raise RuntimeError(
                    f"split_size can only be 0 if dimension size is 0, but got dimension size of {length}"
                )
            sizes = [min(step, length - start) for start in range(0, length, step)] if length else [0]
        ends = np.cumsum(sizes).tolist()
        head = (slice(None),) * self.dim
        return tuple(tensor[(*head, slice(end - n, end))] for n, end in zip(sizes, ends, strict=True))

    def grad_tensor(self, g):
        return np.concatenate(g, self.dim)


@composite("chunk")
def chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """Return views of (at most) `chunks` pieces of equal size along `dim`; the last may be smaller.

    >>> import tapeless as tl
    >>> tl.chunk(tl.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    check_has_dims("chunk expects at least a 1-dimensional tensor", input.ndim)
    if chunks < 1:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input.shape[normal_dim(dim, input.ndim)]
    return Split.apply(input, max(-(-length // chunks), 1) if length else [0] * chunks, dim)


class Unbind(Function):
    """Views of the slices along `dim`, one for each index.

    >>> import tapeless as tl
    >>> tl.unbind(tl.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """

    names = "unbind"
    view = True

    def forward(self, input: Any, dim: int = 0) -> Any:
        if input.ndim == 0:
            raise IndexError("Dimension specified as 0 but tensor has no dimensions")
        self.dim = normal_dim(dim, input.ndim)
        head = (slice(None),) * self.dim
        return tuple(input[(*head, i, ...)] for i in range(input.shape[self.dim]))

    def grad_input(self, g):
        return np.stack(g, self.dim)


@composite("meshgrid", methods="")
def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    """Return the coordinate grids of 1-D tensors; `indexing` is "ij" (matrix) or "xy" (Cartesian).

    >>> import tapeless as tl
    >>> rows, columns = tl.meshgrid(tl.tensor([1, 2]), tl.tensor([3, 4, 5]), indexing="ij")
    >>> rows
    tensor([[1, 1, 1],
            [2, 2, 2]])
    >>> columns
    tensor([[3, 4, 5],
            [3, 4, 5]])
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    swap = indexing == "xy" and len(tensors) > 1
    order = (tensors[1], tensors[0], *tensors[2:]) if swap else tensors
    sizes = tuple(t.numel() for t in order)
    grids = [t.reshape((1,) * i + (-1,) + (1,) * (len(order) - 1 - i)).expand(sizes) for i, t in enumerate(order)]
    if swap:
        grids = [grids[1], grids[0], *grids[2:]]
    return tuple(grids)
