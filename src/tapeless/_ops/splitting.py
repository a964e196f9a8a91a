"""Splitting into parts by counts and places, and stacking by rows, columns and depth."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.registry import composite, store
from .._core.tensor_base import TensorBase, unwrap
from ._common import as_int, check_has_dims, normal_dim
from .joining import Cat, Split, Stack, chunk


@composite("split_with_sizes")
def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> Any:
    """Return views of consecutive pieces of the given sizes along `dim`.

    >>> import tapeless as tl
    >>> tl.split_with_sizes(tl.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return Split.apply(input, list(split_sizes), dim)


@composite("unsafe_split")
def unsafe_split(tensor: Any, split_size: Any, dim: int = 0) -> Any:
    """Return the pieces of `split` as tensors of their own, which in-place operations may change.

    >>> import tapeless as tl
    >>> tl.unsafe_split(tl.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
    return tuple(piece.clone() for piece in Split.apply(tensor, split_size, dim))


@composite("unsafe_split_with_sizes")
def unsafe_split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> Any:
    """Return the pieces of `split_with_sizes` as tensors of their own.

    >>> import tapeless as tl
    >>> tl.unsafe_split_with_sizes(tl.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return unsafe_split(input, list(split_sizes), dim)


@composite("unsafe_chunk")
def unsafe_chunk(input: Any, chunks: int, dim: int = 0) -> Any:
    """Return the pieces of `chunk` as tensors of their own.

    >>> import tapeless as tl
    >>> tl.unsafe_chunk(tl.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return tuple(piece.clone() for piece in chunk(input, chunks, dim))


@composite("tensor_split", numpy=np.array_split)
def tensor_split(
    input: Any, indices_or_sections: Any = None, dim: int = 0, *, indices: Any = None, sections: Any = None
) -> Any:
    """Return views: `sections` pieces as equal as can be, or pieces that end at the given indices.

    See https://docs.pytorch.org/docs/stable/generated/torch.tensor_split.html

    >>> import tapeless as tl
    >>> tl.tensor_split(tl.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    where = next((x for x in (indices_or_sections, indices, sections) if x is not None), None)
    check_has_dims("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims", input.ndim)
    dim = normal_dim(dim, input.ndim)
    if isinstance(where, TensorBase):
        array = unwrap(where)
        if array.dtype != np.int64:
            raise RuntimeError(
                f"tensor_split expected tensor_indices_or_sections to have dtype of long, got {array.dtype}"
            )
        if array.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, "
                f"but got a tensor with {array.ndim} dims"
            )
        where = array.tolist()
    length = input.shape[dim]
    if isinstance(where, (tuple, list)):
        ends = [slice(None, as_int(i)).indices(length)[1] for i in where] + [length]
        starts = [0] + [slice(as_int(i), None).indices(length)[0] for i in where]
    else:
        count = as_int(where)
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        sizes = [length // count + (i < length % count) for i in range(count)]
        return Split.apply(input, sizes, dim)
    head = (slice(None),) * dim
    return tuple(input[(*head, slice(a, max(a, b)))] for a, b in zip(starts, ends, strict=True))


def _split_along(name: str, input: Any, where: Any, dim: int, least: int) -> Any:
    if input.ndim < least:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {least} dimension{'s' if least > 1 else ''}, but got a "
            f"tensor with {input.ndim} dimensions!"
        )
    if not isinstance(where, (tuple, list)):
        if where <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {where}")
        if input.shape[dim] % where:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension "
                f"{input.shape[dim]} is not divisible by the split_size {where}!"
            )
    return tensor_split(input, where, dim)


@composite("hsplit")
def hsplit(input: Any, indices_or_sections: Any = None, *, indices: Any = None, sections: Any = None) -> Any:
    """Return views split by columns: dim 1, or dim 0 of a vector.

    >>> import tapeless as tl
    >>> tl.hsplit(tl.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    where = next(x for x in (indices_or_sections, indices, sections) if x is not None)
    return _split_along("hsplit", input, where, 1 if input.ndim > 1 else 0, 1)


@composite("vsplit")
def vsplit(input: Any, indices_or_sections: Any = None, *, indices: Any = None, sections: Any = None) -> Any:
    """Return views split by rows, dim 0.

    >>> import tapeless as tl
    >>> tl.vsplit(tl.arange(4).reshape(2, 2), 2)[1]
    tensor([[2, 3]])
    """
    where = next(x for x in (indices_or_sections, indices, sections) if x is not None)
    return _split_along("vsplit", input, where, 0, 2)


@composite("dsplit")
def dsplit(input: Any, indices_or_sections: Any = None, *, indices: Any = None, sections: Any = None) -> Any:
    """Return views split by depth, dim 2.

    >>> import tapeless as tl
    >>> tl.dsplit(tl.zeros(1, 1, 4), 2)[0].shape
    torch.Size([1, 1, 2])
    """
    where = next(x for x in (indices_or_sections, indices, sections) if x is not None)
    return _split_along("dsplit", input, where, 2, 3)


# -- Stacking --------------------------------------------------------------------------------------------


def _at_least(input: Any, ndim: int) -> Any:
    if input.ndim >= ndim:
        return input
    if ndim == 1:
        return input.reshape(1)
    if ndim == 2:
        return input.reshape(1, 1) if input.ndim == 0 else input.unsqueeze(0)
    if input.ndim == 2:
        return input.unsqueeze(-1)
    return input.reshape(1, 1, 1) if input.ndim == 0 else input.unsqueeze(0).unsqueeze(-1)


def _each(tensors: tuple[Any, ...], ndim: int) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        return tuple(_at_least(t, ndim) for t in tensors[0])
    if len(tensors) == 1:
        return _at_least(tensors[0], ndim)
    return tuple(_at_least(t, ndim) for t in tensors)


@composite("atleast_1d", methods="")
def atleast_1d(*tensors: Any) -> Any:
    """Return each tensor with at least one dim.

    >>> import tapeless as tl
    >>> tl.atleast_1d(tl.tensor(1.0))
    tensor([1.])
    """
    return _each(tensors, 1)


@composite("atleast_2d", methods="")
def atleast_2d(*tensors: Any) -> Any:
    """Return each tensor with at least two dims; a vector becomes a row.

    >>> import tapeless as tl
    >>> tl.atleast_2d(tl.ones(2)).shape
    torch.Size([1, 2])
    """
    return _each(tensors, 2)


@composite("atleast_3d", methods="")
def atleast_3d(*tensors: Any) -> Any:
    """Return each tensor with at least three dims; a vector becomes a row, a matrix gets a last dim.

    >>> import tapeless as tl
    >>> tl.atleast_3d(tl.ones(2)).shape
    torch.Size([1, 2, 1])
    """
    return _each(tensors, 3)


def _joined(name: str, tensors: Any, dim: int, out: Any) -> Any:
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    result = Cat.apply(*tensors, dim=dim)
    return result if out is None else store(result, out, name)


@composite("hstack", methods="")
def hstack(tensors: Any, *, out: Any = None) -> Any:
    """Return tensors joined by columns: dim 1, or dim 0 of vectors.

    >>> import tapeless as tl
    >>> tl.hstack([tl.ones(1), tl.zeros(1)])
    tensor([1., 0.])
    """
    rows = [_at_least(t, 1) for t in tensors]
    return _joined("hstack", rows, 0 if rows and rows[0].ndim == 1 else 1, out)


@composite("vstack row_stack", methods="")
def vstack(tensors: Any, *, out: Any = None) -> Any:
    """Return tensors joined by rows, vectors being rows.

    >>> import tapeless as tl
    >>> tl.vstack([tl.ones(2), tl.zeros(2)])
    tensor([[1., 1.],
            [0., 0.]])
    """
    return _joined("vstack", [_at_least(t, 2) for t in tensors], 0, out)


@composite("dstack", methods="")
def dstack(tensors: Any, *, out: Any = None) -> Any:
    """Return tensors joined by depth, dim 2.

    >>> import tapeless as tl
    >>> tl.dstack([tl.ones(2), tl.zeros(2)]).shape
    torch.Size([1, 2, 2])
    """
    return _joined("dstack", [_at_least(t, 3) for t in tensors], 2, out)


@composite("column_stack", methods="")
def column_stack(tensors: Any, *, out: Any = None) -> Any:
    """Return tensors joined by columns, vectors being columns.

    >>> import tapeless as tl
    >>> tl.column_stack([tl.ones(2), tl.zeros(2)])
    tensor([[1., 0.],
            [1., 0.]])
    """
    columns = [t.reshape(t.numel(), 1) if t.ndim <= 1 else t for t in tensors]
    return _joined("column_stack", columns, 1, out)


@composite("block_diag", methods="")
def block_diag(*tensors: Any) -> Any:
    """Return a matrix with the tensors (of at most two dims) along its diagonal.

    >>> import tapeless as tl
    >>> tl.block_diag(tl.ones(1, 2), tl.ones(1, 1))
    tensor([[1., 1., 0.],
            [0., 0., 1.]])
    """
    for i, t in enumerate(tensors):
        if t.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {t.ndim} dimensions"
            )
    blocks = [_at_least(t, 2) for t in tensors]
    width = sum(t.shape[1] for t in blocks)
    rows, before = [], 0
    for t in blocks:
        zeros = [t.new_zeros((t.shape[0], n)) for n in (before, width - before - t.shape[1])]
        before += t.shape[1]
        rows.append(Cat.apply(zeros[0], t, zeros[1], dim=1))
    return Cat.apply(*rows, dim=0)


@composite("cartesian_prod", methods="")
def cartesian_prod(*tensors: Any) -> Any:
    """Return all combinations of elements of 1-D tensors, one a row.

    >>> import tapeless as tl
    >>> tl.cartesian_prod(tl.tensor([1, 2]), tl.tensor([3]))
    tensor([[1, 3],
            [2, 3]])
    """
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for t in tensors:
        if t.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    sizes = tuple(t.numel() for t in tensors)
    ndim = len(sizes)
    grids = [t.reshape((1,) * i + (-1,) + (1,) * (ndim - 1 - i)).expand(sizes) for i, t in enumerate(tensors)]
    return Stack.apply(*[grid.reshape(-1) for grid in grids], dim=1)
