"""Attention: scaled dot products, and the multi-head form with its projections.

Vaswani et al., "Attention Is All You Need" (2017).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import bool_
from .activation import Softmax


def dropout(input: Any, p: float) -> Any:
    """Return `input` after dropout with probability `p`; it draws, so it is declared in a layer above."""
    return FUNCTIONS["nn.functional.dropout"](input, p)


def _causal(length: int, source: int) -> Any:
    return np.tril(np.ones((length, source), bool))


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
    before; `enable_gqa` repeats the heads of key and value. A row that sees nothing gives zeros.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html

    >>> import tapeless as tl
    >>> tl.nn.functional.scaled_dot_product_attention(tl.ones(1, 2), tl.ones(1, 2), tl.tensor([[3.0, 4.0]]))
    tensor([[3., 4.]])
    """
    _check_attention(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None and query.shape[-1] else (scale or 1.0)
    scores = (query * factor) @ key.transpose(-2, -1)
    hidden = None
    if is_causal:
        hidden = wrap(~_causal(query.shape[-2], key.shape[-2]))
    elif attn_mask is not None and attn_mask.dtype == bool_:
        hidden = ~attn_mask
    elif attn_mask is not None:
        scores = scores + attn_mask
    if hidden is not None:
        scores = scores.masked_fill(hidden, -math.inf)
    weights = Softmax.apply(scores, scores.ndim - 1)
    blind = np.isneginf(unwrap(scores)).all(-1, keepdims=True) if scores.shape[-1] else None
    if blind is not None and blind.any():  # nothing to see: zeros, not NaN
        weights = weights.masked_fill(wrap(blind), 0)
    if dropout_p > 0:
        weights = dropout(weights, dropout_p)
    return weights @ value


def _check_attention(query: Any, key: Any, value: Any, mask: Any, is_causal: bool) -> None:
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if is_causal and mask is not None:
        raise RuntimeError("Explicit attn_mask should not be set when is_causal=True")


# -- Many heads ------------------------------------------------------------------------------------------


def _project(query: Any, key: Any, value: Any, weights: Any, bias: Any) -> tuple[Any, Any, Any]:
    """Return the three inputs through their linear layers; `weights` is one matrix or three."""
    linear = FUNCTIONS["linear"]
    size = query.shape[-1]
    if not isinstance(weights, tuple):
        weights = weights.split(size, 0)
    biases = (None,) * 3 if bias is None else bias.split(size, 0)
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))  # type: ignore[return-value]


def _as_float_mask(mask: Any, dtype: Any, name: str) -> Any:
    """Return a mask as numbers to add: a bool one hides where True."""
    if mask is None or mask.dtype.kind == "f":
        return mask
    if mask.dtype != bool_:
        raise AssertionError(f"only bool and floating types of {name} are supported")
    zeros = wrap(np.zeros(tuple(mask.shape), dtype))
    return zeros.masked_fill(mask, -math.inf)


@composite("nn.functional.multi_head_attention_forward", methods="")
def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> Any:
    """Return (attention of many heads, its weights or None); inputs are (length, batch, size) or (length, size).

    See `nn.MultiheadAttention` for what the arguments mean. Raises AssertionError, RuntimeError as PyTorch.
    """
    batched = query.ndim == 3
    if not batched:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, size = query.shape
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if size != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {size}")
    head = size // num_heads
    if head * num_heads != size:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {num_heads}")
    padding = _as_float_mask(key_padding_mask, query.dtype, "key_padding_mask")
    mask = _as_float_mask(attn_mask, query.dtype, "attn_mask")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    q, k, v = _project(query, key, value, separate if use_separate_proj_weight else in_proj_weight, in_proj_bias)
    mask = _with_batch(mask, length, key.shape[0], batch * num_heads)
    if bias_k is not None and bias_v is not None:
        k, v, mask, padding = _longer(k, v, bias_k.repeat(1, batch, 1), bias_v.repeat(1, batch, 1), mask, padding)
    q, k, v = (x.reshape(x.shape[0], batch * num_heads, head).transpose(0, 1) for x in (q, k, v))
    k, v = k if static_k is None else static_k, v if static_v is None else static_v
    if add_zero_attn:
        zeros = k.new_zeros((batch * num_heads, 1, head))
        cat = FUNCTIONS["cat"]
        k, v = cat([k, zeros], 1), cat([v, zeros], 1)
        mask, padding = _wider(mask), _wider(padding)
    if padding is not None:
        rows = padding.reshape(batch, 1, 1, k.shape[1]).expand(-1, num_heads, -1, -1)
        rows = rows.reshape(batch * num_heads, 1, k.shape[1])
        mask = rows if mask is None else mask + rows
    scores = (q * (1 / math.sqrt(head))) @ k.transpose(-2, -1)
    weights = Softmax.apply(scores if mask is None else scores + mask, 2)
    if training and dropout_p > 0:
        weights = dropout(weights, dropout_p)
    out = (weights @ v).transpose(0, 1).reshape(length * batch, size)
    out = FUNCTIONS["linear"](out, out_proj_weight, out_proj_bias).reshape(length, batch, out_proj_weight.shape[0])
    if not need_weights:
        return (out if batched else out.squeeze(1)), None
    shown = weights.reshape(batch, num_heads, length, k.shape[1])
    shown = shown.mean(1) if average_attn_weights else shown
    return (out, shown) if batched else (out.squeeze(1), shown.squeeze(0))


def _with_batch(mask: Any, length: int, source: int, heads: int) -> Any:
    """Return a mask with a leading dim, or refuse its shape."""
    if mask is None:
        return None
    if mask.ndim == 2 and tuple(mask.shape) == (length, source):
        return mask.unsqueeze(0)
    if mask.ndim == 3 and tuple(mask.shape) == (heads, length, source):
        return mask
    expected = (length, source) if mask.ndim == 2 else (heads, length, source)
    raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}.")


def _longer(k: Any, v: Any, more_k: Any, more_v: Any, mask: Any, padding: Any) -> tuple[Any, Any, Any, Any]:
    """Append one position to key and value, which every mask lets through."""
    cat = FUNCTIONS["cat"]
    return cat([k, more_k]), cat([v, more_v]), _wider(mask), _wider(padding)


def _wider(mask: Any) -> Any:
    return None if mask is None else FUNCTIONS["nn.functional.pad"](mask, (0, 1))
