"""Attention of many heads, with its projections, and the masks that it takes.

Vaswani et al., "Attention Is All You Need" (2017), section 3.2.2.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import wrap
from .._dtypes import bool_
from .attention import attention_weights, scaled_dot_product_attention


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

    See `nn.MultiheadAttention` for what the arguments mean. `static_k` and `static_v`, of shape
    (batch * num_heads, source, head), stand in for the projected key and value. Raises AssertionError, RuntimeError
    as PyTorch.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html

    >>> import tapeless as tl
    >>> layer = tl.nn.MultiheadAttention(4, 2)
    >>> x = tl.ones(3, 1, 4)  # 3 places, 1 sequence, 4 features
    >>> out, weights = tl.nn.functional.multi_head_attention_forward(
    ...     x,
    ...     x,
    ...     x,
    ...     4,
    ...     2,
    ...     layer.in_proj_weight,
    ...     layer.in_proj_bias,
    ...     None,
    ...     None,
    ...     False,
    ...     0.0,
    ...     layer.out_proj.weight,
    ...     layer.out_proj.bias,
    ... )
    >>> out.shape, weights.shape
    (torch.Size([3, 1, 4]), torch.Size([1, 3, 3]))
    """
    batched = _check_dims(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = each(lambda x: x.unsqueeze(1), query, key, value)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    padding = float_mask(key_padding_mask, query.dtype, "key_padding_mask", attn_mask, "attn_mask")
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    is_causal = is_causal and padding is None and not need_weights
    mask = None if is_causal else float_mask(attn_mask, query.dtype, "attn_mask")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, separate)
    q, k, v = _project(query, key, value, in_proj_weight, separate, in_proj_bias)
    mask = _with_heads(mask, query, key, num_heads)
    k, v, mask, padding = _with_bias(k, v, mask, padding, bias_k, bias_v, static_k, static_v)
    q, k, v = _in_heads(q, num_heads), _in_heads(k, num_heads, static_k, "k"), _in_heads(v, num_heads, static_v, "v")
    if add_zero_attn:
        k, v, mask, padding = _longer(k), _longer(v), _wider(mask), _wider(padding)
    mask = _merged(mask, padding, k)
    out, weights = _attend(q, k, v, mask, dropout_p if training else 0.0, is_causal, need_weights)
    out = FUNCTIONS["linear"](out.permute(2, 0, 1, 3).reshape(query.shape), out_proj_weight, out_proj_bias)
    if weights is not None and average_attn_weights:
        weights = weights.mean(1)
    return (out, weights) if batched else (out.squeeze(1), None if weights is None else weights.squeeze(0))


def each(function: Callable[[Any], Any], *tensors: Any) -> list[Any]:
    """Return what `function` makes of each tensor; the same tensor twice becomes the same result twice."""
    made = {key: function(x) for key, x in {id(x): x for x in tensors}.items()}
    return [made[id(x)] for x in tensors]


def float_mask(mask: Any, dtype: Any, name: str, other: Any = None, other_name: str = "") -> Any:
    """Return a mask as numbers to add: a bool one hides where True. Warns where the `other` mask is not of its dtype.

    Raises AssertionError for integers.
    """
    if mask is None:
        return None
    if mask.dtype != bool_ and mask.dtype.kind != "f":
        raise AssertionError(
            f"only bool and floating types of {name} are supported\n"
            f"This one is {mask.dtype}: mask.bool() hides where it is not 0."
        )
    if other is not None and other.dtype != mask.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if mask.dtype != bool_:
        return mask
    return wrap(np.zeros(tuple(mask.shape), dtype)).masked_fill(mask, -math.inf)


def _attend(q: Any, k: Any, v: Any, mask: Any, dropout_p: float, is_causal: bool, need_weights: bool) -> Any:
    """Return the attention of heads, and its weights if they are wanted. Then a row that sees nothing is NaN."""
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal), None
    weights = attention_weights(q, k, mask, False, 1 / math.sqrt(q.shape[-1]), blind=math.nan)
    if dropout_p > 0:
        weights = FUNCTIONS["nn.functional.dropout"](weights, dropout_p)
    return weights @ v, weights


# -- Checks ----------------------------------------------------------------------------------------------


def _check_dims(query: Any, key: Any, value: Any, padding: Any, mask: Any, heads: int) -> bool:
    """Return whether there is a batch dim, or refuse numbers of dims that do not go together."""
    if query.ndim not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    batched = query.ndim == 3
    case = "batched (3-D)" if batched else "unbatched (2-D)"
    if not query.ndim == key.ndim == value.ndim:
        raise AssertionError(
            f"For {case} `query`, expected `key` and `value` to be {query.ndim}-D but found {key.ndim}-D and "
            f"{value.ndim}-D tensors respectively"
        )
    if padding is not None and padding.ndim != query.ndim - 1:
        raise AssertionError(
            f"For {case} `query`, expected `key_padding_mask` to be `None` or {query.ndim - 1}-D but found "
            f"{padding.ndim}-D tensor instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(
            f"For {case} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    expected = (heads, query.shape[0], key.shape[0])
    if mask is not None and mask.ndim == 3 and not batched and tuple(mask.shape) != expected:
        raise AssertionError(f"Expected `attn_mask` shape to be {expected} but got {mask.shape}")
    return batched


def _check_sizes(query: Any, key: Any, value: Any, expected: int, heads: int, weight: Any, separate: Any) -> None:
    size = query.shape[-1]
    if size != expected:
        raise AssertionError(f"was expecting embedding dimension of {expected}, but got {size}")
    if size % heads:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {heads}")
    if separate is None:
        if tuple(key.shape) != tuple(value.shape):
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        return
    if key.shape[:2] != value.shape[:2]:
        raise AssertionError(f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}")
    for name, given in zip("qkv", separate, strict=True):
        if given is None:
            raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")


# -- Projections -----------------------------------------------------------------------------------------


def _project(query: Any, key: Any, value: Any, weight: Any, separate: Any, bias: Any) -> Any:
    """Return the three inputs through their linear layers; what is the same tensor shares one product."""
    linear, size = FUNCTIONS["linear"], query.shape[-1]
    if separate is not None:
        biases = (None,) * 3 if bias is None else bias.split(size)
        return [linear(x, w, b) for x, w, b in zip((query, key, value), separate, biases, strict=True)]
    if query is key and key is value:
        return linear(query, weight, bias).split(size, -1)
    if key is value:
        w, b = weight.split((size, 2 * size)), (None, None) if bias is None else bias.split((size, 2 * size))
        return (linear(query, w[0], b[0]), *linear(key, w[1], b[1]).split(size, -1))
    return _project(query, key, value, None, weight.split(size), bias)


def _in_heads(x: Any, heads: int, static: Any = None, name: str = "") -> Any:
    """Return (length, batch, size) as (batch, heads, length, head), or what is given in its stead in that shape."""
    length, batch, size = x.shape
    if static is None:
        return x.reshape(length, batch, heads, size // heads).permute(1, 2, 0, 3)
    for dim, expected in ((0, batch * heads), (2, size // heads)):
        if static.shape[dim] != expected:
            raise AssertionError(f"expecting static_{name}.size({dim}) of {expected}, but got {static.shape[dim]}")
    return static.reshape(batch, heads, static.shape[1], size // heads)


def _with_bias(k: Any, v: Any, mask: Any, padding: Any, bias_k: Any, bias_v: Any, static_k: Any, static_v: Any) -> Any:
    """Append one learned position to key and value, which every mask lets through."""
    if bias_k is None and bias_v is None:
        return k, v, mask, padding
    if bias_k is None or bias_v is None:
        given, missing = ("bias_k", "bias_v") if bias_v is None else ("bias_v", "bias_k")
        raise AssertionError(f"{given} is set but {missing} is None")
    for name, static in (("key", static_k), ("value", static_v)):
        if static is not None:
            raise AssertionError(f"bias cannot be added to static {name}.")
    cat, batch = FUNCTIONS["cat"], k.shape[1]
    k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
    return k, v, _wider(mask), _wider(padding)


def _longer(x: Any) -> Any:
    """Append a position of zeros to (batch, heads, length, head)."""
    batch, heads, _, head = x.shape
    return FUNCTIONS["cat"]([x, x.new_zeros((batch, heads, 1, head))], 2)


# -- Masks -----------------------------------------------------------------------------------------------


def _wider(mask: Any) -> Any:
    """Append a column that lets through."""
    return None if mask is None else FUNCTIONS["nn.functional.pad"](mask, (0, 1))


def _with_heads(mask: Any, query: Any, key: Any, heads: int) -> Any:
    """Return a mask (length, source) or (batch * heads, length, source) with four dims, or refuse its shape."""
    if mask is None:
        return None
    length, batch = query.shape[:2]
    expected = (length, key.shape[0]) if mask.ndim == 2 else (batch * heads, length, key.shape[0])
    if tuple(mask.shape) != expected:
        raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}.")
    leading = (1, 1) if mask.ndim == 2 else (batch, heads)
    return mask.reshape((*leading, length, key.shape[0]))


def _merged(mask: Any, padding: Any, key: Any) -> Any:
    """Return the sum of both masks, with four dims; `key` is (batch, heads, source, head)."""
    if padding is None:
        return mask
    batch, _, source, _ = key.shape
    for dim, expected in enumerate((batch, source)):
        if padding.shape[dim] != expected:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{dim}] to be {expected}, but got {padding.shape[dim]}"
            )
    padding = padding.reshape(batch, 1, 1, source)
    return padding if mask is None else mask + padding
