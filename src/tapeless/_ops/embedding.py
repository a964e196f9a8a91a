"""Rows of a table by number, one by one or reduced in bags."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64, scalar_name
from .._kernels.indexing import place


class Embedding(Function):
    """Rows of `weight` by number; a padding row gets no gradient. Public through `embedding`."""

    def forward(self, weight: Any, indices: Any, padding_idx: int, scale_by_frequency: bool) -> Any:
        self.indices, self.padding = indices, padding_idx
        self.rows, self.factor = weight.shape, None
        if indices.size and (indices.min() < 0 or indices.max() >= weight.shape[0]):
            raise IndexError(
                f"index out of range in self\nThe indices go from {indices.min()} to {indices.max()}, the table has "
                f"{weight.shape[0]} rows."
            )
        if scale_by_frequency and indices.size:
            self.factor = 1 / np.bincount(indices.reshape(-1), minlength=weight.shape[0])[indices]
        return weight[indices]

    def grad_weight(self, g):
        keep = self.factor
        if self.padding >= 0:
            kept = self.indices != self.padding
            keep = kept if keep is None else keep * kept
        if keep is not None:
            g = g * keep[..., None].astype(g.dtype)
        return place(g, (self.indices,), self.rows)


def _padding(padding_idx: int | None, rows: int) -> int:
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def _renormalize(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are used down to a norm of at most `max_norm`, in place, as PyTorch does."""
    used = np.unique(indices)
    table = unwrap(weight)
    rows = table[used]
    size = np.linalg.norm(rows, norm_type, axis=1, keepdims=True) if len(used) else np.zeros((0, 1))
    scale = np.where(size > max_norm, max_norm / (size + 1e-7), 1).astype(rows.dtype)
    FUNCTIONS["_write_rows"](weight.detach(), used, rows * scale)


@composite("_write_rows", methods="")
def write_rows(table: Any, rows: Any, values: Any) -> None:
    """Write rows of a table in place, so that what kept the table before notices."""
    table[wrap(rows)] = wrap(values)


def _tensor_type(dtype: Any) -> str:
    """Return the name of a dtype's old class of tensors, which PyTorch still shows here."""
    return f"torch.{scalar_name(dtype)}Tensor" if dtype.kind != "b" else "CPUBoolType"


@composite("nn.functional.embedding", methods="")
def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Return the rows of `weight`, a (number, size) table, that `input` names: its shape and one dim of that size.

    The row `padding_idx` gets no gradient; `max_norm` first scales the rows that are used, in place;
    `scale_grad_by_freq` divides gradients by how often a row occurs. Raises IndexError for numbers out of range.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html

    >>> import tapeless as tl
    >>> tl.nn.functional.embedding(tl.tensor([1, 0]), tl.tensor([[1.0], [2.0]]))
    tensor([[2.],
            [1.]])
    """
    if input.dtype.kind not in "iu":
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"{_tensor_type(input.dtype)} instead (while checking arguments for embedding)"
        )
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if max_norm is not None:
        _renormalize(weight, unwrap(input), max_norm, norm_type)
    return Embedding.apply(weight, unwrap(input), _padding(padding_idx, weight.shape[0]), scale_grad_by_freq)


@composite("embedding", methods="")
def embedding_with_flags(
    weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Any:
    """Return `nn.functional.embedding`, with the arguments in the order of ``torch.embedding``.

    >>> import tapeless as tl
    >>> tl.embedding(tl.tensor([[1.0, 2.0], [3.0, 4.0]]), tl.tensor([1, 0, 1]))
    tensor([[3., 4.],
            [1., 2.],
            [3., 4.]])
    """
    return Embedding.apply(weight, unwrap(indices), padding_idx, scale_grad_by_freq)


@composite("nn.functional.embedding_bag", methods="")
def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """Return the sums, means or maxima ("sum", "mean", "max") of bags of rows of `weight`.

    `input` is (bags, size), or flat with the start of each bag in `offsets`. Raises ValueError, RuntimeError.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html

    >>> import tapeless as tl
    >>> tl.nn.functional.embedding_bag(tl.tensor([[0, 1]]), tl.tensor([[1.0], [2.0]]), mode="sum")
    tensor([[3.]])
    """
    starts, ends, flat = _bags(input, offsets, include_last_offset)
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            f"embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )
    if per_sample_weights is not None and tuple(per_sample_weights.shape) != tuple(input.shape):
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the "
            "same "
            f"shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise RuntimeError("weight has to be a 2D Tensor")
    if max_norm is not None:
        _renormalize(weight, flat, max_norm, norm_type)
    padding = _padding(padding_idx, weight.shape[0])
    rows = Embedding.apply(weight, flat, padding, scale_grad_by_freq)
    bag = np.repeat(np.arange(len(starts)), ends - starts)
    inside = np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)] or [np.zeros(0, int64)])
    inside = inside.astype(int64)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    shown = flat[inside] != padding if padding >= 0 else np.ones(len(inside), bool)
    inside, bag = inside[shown], bag[shown]
    return _reduce_bags(rows.index_select(0, wrap(inside)), bag, len(starts), mode)


def _bags(input: Any, offsets: Any, include_last: bool) -> tuple[Any, Any, Any]:
    """Return where each bag starts and ends, and the flat indices."""
    flat = unwrap(input).reshape(-1)
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
        count, size = input.shape
        starts = np.arange(count) * size
        return starts, starts + size, flat
    if input.ndim != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    starts = unwrap(offsets).astype(int64)
    if len(starts) and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, "
            f"got {starts[0]}"
        )
    if len(starts) and starts[-1] > len(flat):
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length({len(flat)}) but got offsets[-1] of {starts[-1]}"
        )
    if include_last:
        return starts[:-1], starts[1:], flat
    return starts, np.append(starts[1:], len(flat)), flat


def _reduce_bags(rows: Any, bag: Any, count: int, mode: str) -> Any:
    """Return one row for each bag; of empty ones zeros."""
    out = rows.new_zeros((count, rows.shape[1]))
    places = wrap(np.ascontiguousarray(np.broadcast_to(bag[:, None], tuple(rows.shape))).astype(int64))
    if mode == "max":
        return _largest(rows, bag, count)
    total = out.scatter_add(0, places, rows)
    if mode == "sum":
        return total
    sizes = np.maximum(np.bincount(bag, minlength=count), 1).astype(rows.dtype)
    return total / wrap(sizes[:, None])


def _largest(rows: Any, bag: Any, count: int) -> Any:
    """Return the largest of each bag: the first of equals gets the gradient."""
    array, width = unwrap(rows), rows.shape[1]
    index, filled = np.zeros((count, width), int64), np.zeros(count, bool)
    for i in range(count):
        members = np.flatnonzero(bag == i)
        if len(members):
            index[i], filled[i] = members[array[members].argmax(0)], True
    if not len(array):
        return rows.new_zeros((count, width))
    return rows.gather(0, wrap(index)).masked_fill(wrap(~filled[:, None]), 0)
