"""The last linear layer and its cross-entropy as one function."""

from __future__ import annotations

import math
from typing import Any

from .._core.registry import composite
from .loss import cross_entropy


@composite("nn.functional.linear_cross_entropy", methods="")
def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Any:
    """Return ``cross_entropy(input @ linear_weight.T + linear_bias, target)``.

    Shapes: `input` (in,) or (N, in), `linear_weight` (C, in) or (C, d1, ..., in), `target` () or (N, d1, ...), or
    probabilities (N, C, d1, ...). `options`, which tell PyTorch how to save memory by chunks, change no result and are
    ignored: for one CPU and small models the logits fit.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.linear_cross_entropy.html

    >>> import tapeless as tl
    >>> tl.nn.functional.linear_cross_entropy(tl.ones(1, 2), tl.zeros(4, 2), tl.tensor([2]))
    tensor(1.3863)
    """
    _check(input, linear_weight, linear_bias)
    classes, inner = linear_weight.shape[0], tuple(linear_weight.shape[1:-1])
    flat = linear_weight.reshape(classes * math.prod(inner), linear_weight.shape[-1])
    logits = input @ flat.T
    logits = logits.reshape((*input.shape[:-1], classes, *inner))
    logits = logits if linear_bias is None else logits + linear_bias
    if tuple(target.shape) == tuple(logits.shape) and ignore_index is not None:
        raise RuntimeError(
            "ignore_index cannot be specified when target contains probabilities\nIts shape is that of the logits."
        )
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _check(input: Any, weight: Any, bias: Any) -> None:
    if not 1 <= input.ndim <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if weight.ndim < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {weight.ndim}")
    if input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {weight.shape[-1]}, respectively"
        )
    if bias is not None and tuple(bias.shape) != tuple(weight.shape[:-1]):
        raise RuntimeError(f"expected linear_bias shape {tuple(weight.shape[:-1])}, got {tuple(bias.shape)}")
    if weight.ndim > 2 and input.ndim == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires batched input, "
            f"(N, {input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
