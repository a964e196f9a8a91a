"""Attention: softmax of scaled dot products, as one operation.

Vaswani et al., "Attention Is All You Need" (2017). The gradient is that of Dao et al., "FlashAttention" (2022),
without its tiles: with weights p = e / total, where e = exp(scores),

    out = (e @ value) / total
    g_value = e^T @ (g / total)
    g_scores = e * ((g / total) @ value^T - sum(g / total * out))

so p itself is never needed, and what divides is the short rows of `out` and `g` in place of the long rows of p.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .._core.function import Function, raise_broadcast_error
from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import bool_, scalar_name
from ._common import normal_dim
from .activation import Softmax
from .matmul import Matmul, _c_name, _mismatch


@functools.lru_cache(maxsize=64)
def causal_mask(length: int, source: int) -> Any:
    """Return which of `source` positions each of `length` sees: itself and those before. Not to be written to."""
    mask = np.tril(np.ones((length, source), bool))
    mask.flags.writeable = False
    return mask


@functools.lru_cache(maxsize=64)
def _causal_ceiling(length: int, source: int, dtype: Any) -> Any:
    return _ceiling(causal_mask(length, source), dtype)


def _ceiling(mask: Any, dtype: Any) -> Any:
    """Return infinity where `mask` lets through and -infinity elsewhere.

    The smaller of score and ceiling (`np.fmin`, which passes over NaN) hides scores four times as fast as writing
    -infinity where a mask says so, and hides NaN, too.
    """
    return np.where(mask, dtype.type(np.inf), dtype.type(-np.inf))


def attention_weights(query: Any, key: Any, mask: Any, is_causal: bool, factor: float, blind: float = 0.0) -> Any:
    """Return ``softmax(query @ key^T * factor + mask)``, written in other operations.

    A row that sees nothing gets weights of `blind`: 0, or NaN as from the formula.
    """
    scores = (query * factor) @ key.transpose(-2, -1)
    if is_causal:
        mask = wrap(causal_mask(query.shape[-2], key.shape[-2]))
    if mask is None:
        return Softmax.apply(scores, scores.ndim - 1) if scores.shape[-1] else scores
    scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == bool_ else scores + mask
    hidden = np.isneginf(unwrap(scores)).all(-1, keepdims=True)
    if not hidden.any():
        return Softmax.apply(scores, scores.ndim - 1)
    # The softmax of such a row is NaN, and so would its gradient be: it is taken of zeros instead.
    hidden = wrap(hidden)
    return Softmax.apply(scores.masked_fill(hidden, 0.0), scores.ndim - 1).masked_fill(hidden, blind)


class Attention(Function):
    """``softmax(query @ key^T * factor + mask) @ value``; the weights are multiplied by `kept`, if there is one.

    `query` (..., L, E), `key` (..., S, E), `value` (..., S, V); `mask` and `kept` (from dropout) broadcast to
    (..., L, S). Public through `scaled_dot_product_attention`.
    """

    def forward(self, query: Any, key: Any, value: Any, mask: Any, kept: Any, is_causal: bool, factor: float) -> Any:
        self.is_causal, self.factor = is_causal, factor
        exact = query.astype("float32") if query.dtype == "float16" else query  # sums of exp overflow in float16
        e = np.matmul(exact, _turned(key, factor, exact.dtype))
        # Where all scores are small, exp is safe as it is: two fast passes tell, and save the slow maximum of rows.
        small = e.size and e.min() > -50 and e.max() < 50 and (mask is None or mask.dtype == bool_)
        if is_causal:
            np.fmin(e, _causal_ceiling(*e.shape[-2:], e.dtype), out=e)
        elif mask is not None:
            np.fmin(e, _ceiling(mask, e.dtype), out=e) if mask.dtype == bool_ else np.add(e, mask, out=e)
        if not small and e.size:
            top = np.maximum.reduce(e, axis=-1, keepdims=True)
            e -= np.where(np.isneginf(top), 0, top)
        np.exp(e, out=e)
        total = np.matmul(e, np.ones((e.shape[-1], 1), e.dtype))  # five times as fast as adding along rows
        total[total == 0] = 1  # a row that sees nothing gives zeros
        self.saved = e, total
        # In the order of `query`, as PyTorch does: heads that were split by a view are merged by one, without a copy.
        out = _like(query, (*e.shape[:-1], value.shape[-1]), e.dtype)
        np.matmul(e if kept is None else e * kept, value, out=out)
        out /= total
        return out.astype(query.dtype, copy=False)

    differentiable = ("query", "key", "value", "mask")

    def backward(self, g, query, key, value, mask, kept, result):
        e, total = self.saved
        g = g / total
        g_value = _product((e if kept is None else e * kept).swapaxes(-1, -2), g, value)
        g_scores = np.matmul(g, _turned(value, 1, g.dtype))
        if kept is not None:
            g_scores *= kept
        g_scores -= np.vecdot(g, result)[..., None]
        g_scores *= e
        g_query = _product(g_scores, key, query)
        g_query *= self.factor
        g_key = _product(g_scores.swapaxes(-1, -2), query, key)
        g_key *= self.factor
        return g_query, g_key, g_value, g_scores

    def composite(self, query, key, value, mask, kept):
        weights = attention_weights(query, key, mask, self.is_causal, self.factor)
        return Matmul.apply(weights if kept is None else weights * kept, value)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name of the node."""
        return "ScaledDotProductFlashAttentionForCpuBackward0"


def _turned(x: Any, factor: float, dtype: Any) -> Any:
    """Return ``factor * x^T``, written out: OpenBLAS takes twice as long for ``a @ b^T`` as for ``a @ b``, if small."""
    return np.multiply(x.swapaxes(-1, -2), dtype.type(factor), order="C")


def _like(x: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an empty array whose axes lie in memory in the order of those of `x`."""
    return np.empty_like(x, dtype, shape=shape)


def _product(a: Any, b: Any, x: Any) -> Any:
    """Return ``a @ b``, laid out as `x`, whose gradient it is."""
    out = _like(x, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]), a.dtype)
    return np.matmul(a, b, out=out)


@composite("nn.functional.scaled_dot_product_attention", methods="")
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Return ``softmax(query @ key^T * scale + mask) @ value`` over ``(..., L, E)``, ``(..., S, E)``, ``(..., S, V)``.

    `attn_mask` is added, or, if bool, says which pairs take part; `is_causal` lets each position see itself and those
    before; `dropout_p` drops weights; `scale` is ``1 / sqrt(E)`` unless given; `enable_gqa` repeats the heads of key
    and value. A row that sees nothing gives zeros. Raises RuntimeError for dtypes or shapes that do not fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html

    >>> import tapeless as tl
    >>> tl.nn.functional.scaled_dot_product_attention(tl.ones(1, 2), tl.ones(1, 2), tl.tensor([[3.0, 4.0]]))
    tensor([[3., 4.]])
    """
    _check_types(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = _repeat_heads(query, key), _repeat_heads(query, value)
    if dropout_p > 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    shape = _scores_shape(query.shape, key.shape, value.shape, attn_mask)
    if scale is None:
        scale = 1 / math.sqrt(query.shape[-1]) if query.shape[-1] else 1.0
    kept = _dropout_mask(shape, dropout_p, query.dtype) if dropout_p > 0 else None
    return Attention.apply(query, key, value, attn_mask, kept, is_causal, scale)


def _dropout_mask(shape: tuple[int, ...], p: float, dtype: Any) -> Any:
    """Return what dropout makes of ones. It draws, so it is declared in a layer above."""
    return unwrap(FUNCTIONS["nn.functional.dropout"](wrap(np.ones(shape, dtype)), p))


def _repeat_heads(query: Any, x: Any) -> Any:
    normal_dim(-3, min(query.ndim, x.ndim))  # raises where there are no heads
    if query.shape[-3] % x.shape[-3]:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in \n"
            f"the query: it has {query.shape[-3]} of them, and {x.shape[-3]} do not divide that."
        )
    return x.repeat_interleave(query.shape[-3] // x.shape[-3], -3)


def _check_types(query: Any, key: Any, value: Any, mask: Any, is_causal: bool) -> None:
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{_c_name(query.dtype)} key.dtype: {_c_name(key.dtype)} and value.dtype: {_c_name(value.dtype)} instead."
        )
    if query.dtype.kind != "f":
        raise RuntimeError(
            f"expected scalar type Float but found {scalar_name(query.dtype)}\n"
            "Attention is a weighted mean: convert the inputs to floating point first."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim} key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if mask is None:
        return
    if is_causal:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True\n"
            "Give one of the two; a mask & the causal one is a mask."
        )
    if mask.dtype not in (bool_, np.float32, query.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{_c_name(mask.dtype)} and  query.dtype: {_c_name(query.dtype)} instead."
        )


def _scores_shape(query: Any, key: Any, value: Any, mask: Any) -> tuple[int, ...]:
    """Return the shape of ``query @ key^T``, or refuse shapes that do not fit, in PyTorch's words."""
    if query[-1] != key[-1]:
        raise RuntimeError(_mismatch(_flat(query), (*_flat(key)[:-2], key[-1], key[-2])))
    if key[-2] != value[-2]:
        raise RuntimeError(_mismatch((*_flat(query)[:-1], key[-2]), _flat(value)))
    _broadcast(query[:-2], key[:-2], value[:-2])
    shape = (*_broadcast(query[:-2], key[:-2]), query[-2], key[-2])
    if mask is not None and (wide := _broadcast(shape, tuple(mask.shape))) != shape:
        raise RuntimeError(
            f"output with shape {list(shape)} doesn't match the broadcast shape {list(wide)}\n"
            f"attn_mask of shape {list(mask.shape)} has more elements than there are pairs of query and key."
        )
    return shape


def _flat(shape: Any) -> tuple[int, ...]:
    """Return the shape with one dim for all batches, as PyTorch's messages have it."""
    return (math.prod(shape[:-2]), *shape[-2:]) if len(shape) > 2 else tuple(shape)


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise_broadcast_error(error, [np.broadcast_to(0, shape) for shape in shapes])
        raise
