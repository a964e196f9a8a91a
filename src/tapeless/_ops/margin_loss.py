"""Losses with margins, of pairs and triplets, and those of distributions; compositions of other operations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.registry import composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64
from .activation import LogSigmoid, Relu
from .distance import pairwise_distance
from .loss import legacy_reduction, reduced


def _check_reduction(reduction: str) -> None:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction: expected 'mean', 'sum' or 'none'")


@composite("nn.functional.soft_margin_loss", methods="")
def soft_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """Return ``log(1 + exp(-target * input))`` for targets of 1 and -1.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.soft_margin_loss(tl.zeros(2), tl.ones(2))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    z = -target * input
    return reduced(z.exp().log1p(), reduction)


@composite("nn.functional.margin_ranking_loss margin_ranking_loss", methods="")
def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Return ``max(0, -target * (input1 - input2) + margin)``: targets of 1 want the first input larger.

    >>> import tapeless as tl
    >>> tl.nn.functional.margin_ranking_loss(tl.zeros(2), tl.ones(2), tl.ones(2))
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input1.ndim != input2.ndim or input1.ndim != target.ndim:
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@composite("nn.functional.hinge_embedding_loss hinge_embedding_loss", methods="")
def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Return `input` where `target` is 1, ``max(0, margin - input)`` where it is -1.

    >>> import tapeless as tl
    >>> tl.nn.functional.hinge_embedding_loss(tl.tensor([0.5, 0.5]), tl.tensor([1.0, -1.0]), reduction="none")
    tensor([0.5000, 0.5000])
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    zero = wrap(np.zeros((), input.dtype))
    apart = (margin - input).clamp_min(0).where(target != 1, zero)
    return reduced(apart + input.where(target != -1, zero), reduction)


@composite("nn.functional.cosine_embedding_loss cosine_embedding_loss", methods="")
def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Return ``1 - cos`` of two vectors where `target` is 1, ``max(0, cos - margin)`` where it is -1.

    >>> import tapeless as tl
    >>> tl.nn.functional.cosine_embedding_loss(tl.ones(1, 2), tl.ones(1, 2), tl.ones(1)).round(decimals=3).abs()
    tensor(0.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if target.ndim not in (0, 1):
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported\ncosine_embedding_loss got {target.ndim}D."
        )
    if target.ndim == 1 and input1.ndim != 2:
        raise RuntimeError(
            f"1D target tensor expects 2D input tensors, but found inputs with sizes {input1.shape} and {input2.shape}."
        )
    if target.ndim == 0 and input1.ndim != 1:
        raise RuntimeError(
            f"0D target tensor expects 1D input tensors, but found inputs with sizes {input1.shape} and {input2.shape}."
        )
    eps = 1e-12
    dim = target.ndim
    product = (input1 * input2).sum(dim)
    lengths = ((input1 * input1).sum(dim) + eps) * ((input2 * input2).sum(dim) + eps)
    cosine = product / lengths.sqrt()
    zero = wrap(np.zeros((), cosine.dtype))
    return reduced(
        (1 - cosine).where(target == 1, zero) + (cosine - margin).clamp_min(0).where(target == -1, zero), reduction
    )


@composite("nn.functional.poisson_nll_loss poisson_nll_loss", methods="")
def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Return the negative log-likelihood of counts under Poisson distributions of rate `input` (or its logarithm).

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    `full` adds Stirling's approximation of the constant for targets above 1.

    >>> import tapeless as tl
    >>> tl.nn.functional.poisson_nll_loss(tl.zeros(2), tl.ones(2))
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduced(loss, reduction)


@composite("nn.functional.gaussian_nll_loss", methods="")
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """Return the negative log-likelihood of targets under normal distributions of mean `input` and variance `var`.

    Raises ValueError for negative variances and shapes that do not fit.

    >>> import tapeless as tl
    >>> tl.nn.functional.gaussian_nll_loss(tl.zeros(2), tl.ones(2), tl.ones(2))
    tensor(0.5000)
    """
    if not hasattr(var, "dtype"):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * input.new_ones(tuple(input.shape))
    elif tuple(var.shape) != tuple(input.shape):
        if tuple(input.shape)[:-1] == tuple(var.shape):
            var = var.unsqueeze(-1)
        elif var.ndim != input.ndim or any(a not in (1, b) for a, b in zip(var.shape, input.shape, strict=True)):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    if var.numel() and bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    floor = wrap(np.maximum(unwrap(var.detach()), eps))
    held = var + (floor - var.detach())  # at least eps, with the gradient of var itself
    loss = 0.5 * (held.log() + (input - target) ** 2 / held)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


@composite("nn.functional.multi_margin_loss", methods="")
def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Return the mean over wrong classes of ``max(0, margin - input[target] + input) ** p``.

    `input` is (N, C) or (C), `target` the classes. Raises ValueError for `p` other than 1 and 2.

    >>> import tapeless as tl
    >>> tl.nn.functional.multi_margin_loss(tl.tensor([[0.5, 0.0]]), tl.tensor([0]))
    tensor(0.2500)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    _check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    single = input.ndim < 2
    if input.ndim > 2 or (input.numel() == 0 and input.shape[-1:] == (0,)):
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    scores = input.reshape(1, -1) if single else input
    classes = scores.shape[1]
    labels = unwrap(target).reshape(-1)
    if len(labels) != scores.shape[0] or (target.ndim > 1):
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch "
            "size). "
            f"Expected target size [{scores.shape[0]}], but got {list(target.shape)}. Input has shape "
            f"{list(input.shape)}."
        )
    if weight is not None and weight.numel() != classes:
        raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}")
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise RuntimeError("target out of range")
    rows = target.reshape(-1, 1)
    right = scores.gather(1, rows)
    slack = Relu.apply(margin - right + scores)
    if p == 2:
        slack = slack * slack
    if weight is not None:
        slack = slack * weight[target.reshape(-1)].unsqueeze(1)
    wrong = wrap(np.arange(classes)[None, :] != labels[:, None])
    loss = (slack * wrong).sum(1) / classes
    return reduced(loss.squeeze(0) if single else loss, reduction)


@composite("nn.functional.multilabel_margin_loss", methods="")
def multilabel_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """Return the mean over pairs of a right and a wrong class of ``max(0, 1 - (input[right] - input[wrong]))``.

    `target` lists the right classes in each row, up to the first -1.

    >>> import tapeless as tl
    >>> tl.nn.functional.multilabel_margin_loss(tl.zeros(1, 2), tl.tensor([[0, -1]]))
    tensor(0.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    _check_reduction(reduction)
    if tuple(input.shape) != tuple(target.shape):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    if input.ndim > 2 or (input.ndim and input.shape[-1] == 0):
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    single = input.ndim < 2
    scores = input.reshape(1, -1) if single else input
    labels = unwrap(target).reshape(tuple(scores.shape))
    classes = scores.shape[1]
    if labels.size and (labels.min() < -1 or labels.max() >= classes):
        raise RuntimeError("target is out of range")
    used = np.cumprod(labels >= 0, axis=1).astype(bool)
    is_right = np.zeros(labels.shape, bool)
    row, place = np.nonzero(used)
    is_right[row, labels[row, place]] = True
    right = scores.gather(1, wrap(np.where(used, labels, 0).astype(int64)))
    pairs = Relu.apply(1 - right.unsqueeze(2) + scores.unsqueeze(1))
    counted = wrap(used[:, :, None] & ~is_right[:, None, :])
    loss = (pairs * counted).sum((1, 2)) / classes
    return reduced(loss.squeeze(0) if single else loss, reduction)


@composite("nn.functional.multilabel_soft_margin_loss", methods="")
def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """Return the mean over classes of the binary cross-entropy of scores.

    Shape: input and target (N, C), the loss a number, or (N) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.multilabel_soft_margin_loss(tl.zeros(1, 2), tl.ones(1, 2))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = -(target * LogSigmoid.apply(input) + (1 - target) * LogSigmoid.apply(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(-1) / input.shape[-1], reduction)


@composite("nn.functional.triplet_margin_loss triplet_margin_loss", methods="")
def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Return ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``, d the p-norm of the difference.

    `swap` takes the nearer of anchor and positive to the negative.

    >>> import tapeless as tl
    >>> tl.nn.functional.triplet_margin_loss(tl.zeros(1, 2), tl.zeros(1, 2), tl.zeros(1, 2))
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(
        anchor, positive, negative, lambda a, b: pairwise_distance(a, b, p, eps), margin, swap, reduction,
        "triplet_margin_loss",
    )  # fmt: skip


def _triplet(
    anchor: Any, positive: Any, negative: Any, distance: Any, margin: float, swap: bool, reduction: str, name: str
) -> Any:
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            f"The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((margin + near - far).clamp_min(0), reduction)


@composite("nn.functional.triplet_margin_with_distance_loss", methods="")
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """Return `triplet_margin_loss` with any distance function (the Euclidean one by default).

    Shape: (N, D) three times, the loss a number, or (N) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.triplet_margin_with_distance_loss(tl.zeros(1, 2), tl.zeros(1, 2), tl.zeros(1, 2))
    tensor(1.)
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction, "triplet_margin_with_distance_loss")
