"""Losses. The two that almost every program uses are fused; the others are compositions."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from .._core.function import Function
from .._core.registry import FUNCTIONS, composite
from .._core.tensor_base import unwrap, wrap
from .._dtypes import int64, promote, scalar_name
from .._kernels.accelerated import accelerated
from ._common import ones
from .activation import LogSigmoid
from .indexing import Gather
from .masking import Where


def reduced(loss: Any, reduction: str) -> Any:
    """Apply a loss's `reduction`: "mean", "sum" or "none"."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction: expected 'mean', 'sum' or 'none'")


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """Translate PyTorch's two deprecated flags into `reduction`."""
    if size_average is None and reduce is None:
        return reduction
    answer = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{answer}' instead.", stacklevel=3
    )
    return answer


class MseLoss(Function):
    """Mean (or sum) of squared differences of two tensors of one shape; public through `mse_loss`.

    Fused because as four nodes it costs three more passes over the data.
    """

    promote = promote

    def forward(self, input: Any, target: Any, *, mean: bool = True) -> Any:
        self.factor = 2.0 / max(input.size, 1) if mean else 2.0
        total = _squared_error(input, target)
        return total / input.size if mean else total

    def grad_input(self, g, input, target):
        return _scaled_error(input, target, g * self.factor)

    def grad_target(self, g, input, target):
        return _scaled_error(target, input, g * self.factor)


@accelerated("losses.squared_error", size=16384)
def _squared_error(input: Any, target: Any) -> Any:
    flat = np.subtract(input, target).reshape(-1)
    return np.dot(flat, flat)


@accelerated("losses.scaled_error", size=16384)
def _scaled_error(input: Any, target: Any, factor: Any) -> Any:
    return (input - target) * factor


@composite("mse_loss", methods="")
def mse_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", weight: Any = None
) -> Any:
    """Return the mean squared error.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html

    >>> import tapeless as tl
    >>> tl.nn.functional.mse_loss(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 5.0]))
    tensor(4.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input._array.shape != target._array.shape:
        _warn_broadcast(input, target)
    elif weight is None and reduction in ("mean", "sum") and input._array.dtype.kind == "f" and input._array.size:
        return MseLoss.apply(input, target, mean=reduction == "mean")
    difference = input - target
    loss = difference * difference
    if weight is not None:
        loss = loss * weight
        if reduction == "mean":
            return loss.sum() / weight.expand_as(loss).sum()
    return reduced(loss, reduction)


def _warn_broadcast(input: Any, target: Any) -> None:
    warnings.warn(
        f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This will likely "
        "lead to incorrect results due to broadcasting. Please ensure they have the same size.",
        stacklevel=4,
    )


@composite("l1_loss", methods="")
def l1_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", weight: Any = None
) -> Any:
    """Return the mean absolute error.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.l1_loss(tl.tensor([1.0, 2.0]), tl.tensor([1.0, 5.0]))
    tensor(1.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input._array.shape != target._array.shape:
        _warn_broadcast(input, target)
    loss = (input - target).abs()
    if weight is not None:
        loss = loss * weight
        if reduction == "mean":
            return loss.sum() / weight.expand_as(loss).sum()
    return reduced(loss, reduction)


@composite("huber_loss", methods="")
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """Return the Huber loss: squared up to `delta`, linear beyond.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.huber_loss(tl.tensor([0.5, 4.0]), tl.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 3.5000])
    """
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    if input._array.shape != target._array.shape:
        _warn_broadcast(input, target)
    difference = input - target
    size = difference.abs()
    near = wrap(unwrap(size) < delta)
    loss = Where.apply(near, difference * difference * 0.5, (size - 0.5 * delta) * delta)
    if weight is not None:
        loss = loss * weight
        if reduction == "mean":
            return loss.sum() / weight.expand_as(loss).sum()
    return reduced(loss, reduction)


@composite("smooth_l1_loss", methods="")
def smooth_l1_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0
) -> Any:
    """Return the smooth L1 loss: squared over `beta` up to `beta`, absolute beyond.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.smooth_l1_loss(tl.tensor([0.5, 4.0]), tl.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 3.5000])
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction, beta) / beta


@composite("binary_cross_entropy", methods="")
def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """Return the cross-entropy of probabilities `input` with `target`; logarithms are limited to -100.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.binary_cross_entropy(tl.tensor([0.5, 0.9]), tl.tensor([0.0, 1.0]))
    tensor(0.3993)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input._array.shape != target._array.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is deprecated. "
            "Please ensure they have the same size."
        )
    p = unwrap(input)
    if p.size and (p.min() < 0 or p.max() > 1):
        raise RuntimeError(
            "all elements of input should be between 0 and 1: binary_cross_entropy takes probabilities. "
            "For raw scores use binary_cross_entropy_with_logits."
        )
    loss = BinaryCrossEntropy.apply(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


class BinaryCrossEntropy(Function):
    """``-(y log p + (1 - y) log(1 - p))`` with logarithms limited to -100, as PyTorch's; see `binary_cross_entropy`."""

    promote = promote

    def forward(self, input: Any, target: Any) -> Any:
        return (target - 1) * np.maximum(np.log1p(-input), -100) - target * np.maximum(np.log(input), -100)

    def grad_input(self, g, input, target):
        return g * ((input - target) / np.maximum((1 - input) * input, 1e-12))

    def grad_target(self, g, input):
        return g * (np.log1p(-input) - np.log(input))


@composite("binary_cross_entropy_with_logits", methods="")
def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """Return the cross-entropy of ``sigmoid(input)`` with `target`, without overflow.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.binary_cross_entropy_with_logits(tl.tensor([0.0, 100.0]), tl.tensor([0.0, 1.0]))
    tensor(0.3466)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input._array.shape != target._array.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    # log(sigmoid(x)) and log(1 - sigmoid(x)) = log(sigmoid(x)) - x; one softplus serves both.
    log_sigmoid = LogSigmoid.apply(input)
    if pos_weight is None:
        loss = (1 - target) * input - log_sigmoid
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * log_sigmoid
    return reduced(loss if weight is None else loss * weight, reduction)


@composite("kl_div", methods="")
def kl_div(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """Return the Kullback-Leibler divergence of log-probabilities `input` from `target`.

    Shape: input and target (...), the loss a number, or (...) with ``reduction="none"``.

    >>> import tapeless as tl
    >>> tl.nn.functional.kl_div(tl.tensor([0.5, 0.5]).log(), tl.tensor([0.25, 0.75]), reduction="sum")
    tensor(0.1308)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        loss = FUNCTIONS["xlogy"](target, target) - target * input  # at target 0 a value, but no gradient: NaN
    if reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.ndim else loss.sum()
    return reduced(loss, reduction)


@functools.lru_cache(maxsize=64)
def places(rows: int) -> Any:
    """Return the numbers of the rows: where, along the last axis of an array (classes, rows), each one stands."""
    return np.arange(rows, dtype=int64)


def classes_first(x: Any) -> Any:
    """Return the transpose of a matrix (rows, classes), in C order where that is the quicker one to work on.

    NumPy reduces and broadcasts row by row, which is slow for many short rows: for 100 rows of 2, the largest of each
    takes 4.4 us, of the copied transpose 1.4, and the difference to it 1.3 and 0.6. Wide matrices stay as they are.
    """
    rows, classes = x.shape
    return np.ascontiguousarray(x.T) if classes <= rows and classes <= 64 else x.T


class CrossEntropy(Function):
    """Cross-entropy of logits (rows, classes) with class numbers (rows,), averaged or summed.

    Fused because the gradient is simply ``softmax - one_hot``, and softmax is half done in the forward pass.
    Public through `cross_entropy`, which sends all other options to log_softmax and nll_loss.
    """

    names = ""

    def forward(self, input: Any, target: Any, mean: bool) -> Any:
        self.mean = mean
        loss, *self.saved = _softmax_loss(input, target)
        return loss / input.shape[0] if mean else loss

    differentiable = ("input",)

    def backward(self, g, input, target):
        e, total = self.saved
        factor = g[()]  # of a scalar: a third of the time that a 0-d array takes
        return (_softmax_grad(e, total, target, factor / total.shape[0] if self.mean else factor),)

    def recorded(self, g, input, target):
        """The same as one node, where differentiating the composite makes fifteen."""
        return (CrossEntropyGradient.apply_in_rule(g, input, target, self.saved, self.mean),)

    def composite(self, input, target):
        loss = -input.log_softmax(1).gather(1, wrap(unwrap(target)).unsqueeze(1)).squeeze(1)
        return loss.mean() if self.mean else loss.sum()

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "NllLossBackward0"


class CrossEntropyGradient(Function):
    """The gradient of `CrossEntropy`, ``g * (softmax - one_hot)``, where that is recorded.

    `halves` are the exponentials and their sums that the forward pass computed. With s the softmax, the gradients of
    what u times the result adds up to are ``g * s * (u - (s * u).sum(1))`` for the logits, and for g
    ``(u * (s - one_hot)).sum()``.
    """

    def forward(self, factor: Any, input: Any, target: Any, halves: Any, mean: bool) -> Any:
        self.saved, self.count = halves, input.shape[0] if mean else 1
        return _softmax_grad(*halves, target, factor[()] / self.count)

    def grad_factor(self, g, factor, input, target):
        e, total = self.saved
        p = e / total
        p[target, places(len(total))] -= 1
        return np.multiply(g.T, p, p).sum() / self.count

    def grad_input(self, g, factor, input, target):
        e, total = self.saved
        p = e / total
        along = p * g.T
        p *= np.dot(ones(len(e), e.dtype), along)
        along -= p
        along *= factor[()] / self.count
        return along.T

    def composite(self, factor, input, target):
        rows, classes = input.shape
        hot = np.zeros((rows, classes), input.dtype)
        hot[places(rows), unwrap(target)] = 1
        return (input.softmax(1) - wrap(hot)) * (factor / self.count)

    @classmethod
    def name(cls) -> str:
        """Return PyTorch's name."""
        return "LogSoftmaxBackwardDataBackward0"


@accelerated("losses.softmax_loss", size=128)
def _softmax_loss(input: Any, target: Any) -> tuple[Any, Any, Any]:
    """Return the sum of the losses, and two arrays: exponentials (classes, rows), and their sums over the classes."""
    rows = input.shape[0]
    x = classes_first(input)
    e = x - np.maximum.reduce(x, axis=0)
    chosen = e[target, places(rows)]
    np.exp(e, out=e)
    total = np.dot(ones(e.shape[0], e.dtype), e)
    loss = np.log(total)
    loss -= chosen
    return np.dot(ones(rows, e.dtype), loss), e, total  # half of np.sum's time


@accelerated("losses.softmax_grad", size=128)
def _softmax_grad(e: Any, total: Any, target: Any, factor: Any) -> Any:
    """Return ``factor * (softmax - one_hot)``, (rows, classes)."""
    p = e * (factor / total)
    p[target, places(total.shape[0])] -= factor
    return p.T


@composite("cross_entropy", methods="")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Return the cross-entropy of logits with class numbers (int64) or class probabilities.

    Shapes: `input` (C,), (N, C) or (N, C, d1, ...); `target` the same without C, or, as probabilities, the same.
    See https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html

    >>> import tapeless as tl
    >>> cross_entropy(tl.zeros(1, 4), tl.tensor([2]))
    tensor(1.3863)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction)
    x, y = input._array, target._array
    if (
        x.ndim == 2
        and y.ndim == 1
        and weight is None
        and not label_smoothing
        and y.dtype is int64
        and len(x) == len(y) > 0
        and reduction in ("mean", "sum")
        and ignore_index < 0
        # Read as unsigned, negative class numbers (ignored or wrong ones) are huge: one pass checks both ends.
        and np.maximum.reduce(y.view(np.uint64)) < x.shape[1]
    ):
        mean = reduction == "mean"
        if input._view is None and x.dtype.kind == "f":
            return CrossEntropy.apply_plain(input._requires_grad, (input, target, mean), (x, y, mean))
        return CrossEntropy.apply(input, target, mean)
    if x.shape == y.shape and x.ndim:
        if y.dtype.kind not in "fc":
            raise RuntimeError(
                "Expected floating point type for target with class probabilities, got "
                f"{scalar_name(y.dtype)}\nA target of the input's shape {list(x.shape)} holds probabilities; class "
                "numbers "
                "have one dim less."
            )
        if ignore_index >= 0:
            raise RuntimeError(
                "ignore_index is not supported for floating point target\nGive the rows that do not count a weight of "
                "0."
            )
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    return _hard_cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def _hard_cross_entropy(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, label_smoothing: float
) -> Any:
    classes = 1 if input.ndim > 1 else 0
    logits = input.log_softmax(classes)
    loss = nll_loss(logits, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return loss
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    shape = [1] * input.ndim
    shape[classes] = -1
    weighted = logits if weight is None else logits * weight.reshape(shape)
    smooth = -weighted.sum(classes)
    ignored = wrap(unwrap(target) == ignore_index)
    smooth = smooth.masked_fill(ignored, 0.0)
    if reduction == "mean":
        if weight is None:
            smooth = smooth.sum() / (~ignored).sum()
        else:
            safe = target.masked_fill(ignored, 0)
            smooth = smooth.sum() / weight[safe].masked_fill(ignored, 0.0).sum()
    else:
        smooth = reduced(smooth, reduction)
    share = label_smoothing / input.shape[classes]
    return loss * (1 - label_smoothing) + smooth * share


def _soft_cross_entropy(input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Any:
    classes = 1 if input.ndim > 1 else 0
    count = input.shape[classes]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / count
    shape = [1] * input.ndim
    shape[classes] = -1
    logits = input.log_softmax(classes)
    loss = -(logits * target if weight is None else logits * target * weight.reshape(shape)).sum(classes)
    if reduction == "mean":
        return loss.sum() / max(input.numel() // count, 1)
    return reduced(loss, reduction)


@composite("nll_loss", methods="")
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Return the negative log-likelihood: minus the log-probability of each target class, averaged by `weight`.

    Shapes: `input` (C,), (N, C) or (N, C, d1, ...); `target` the same without C, int64.

    >>> import tapeless as tl
    >>> scores = tl.nn.functional.log_softmax(tl.zeros(2, 4), dim=1)
    >>> tl.nn.functional.nll_loss(scores, tl.tensor([0, 3]))
    tensor(1.3863)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    classes = 1 if input.ndim > 1 else 0
    _check_classes(input, target, classes, ignore_index)
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError(
            f"expected scalar type {scalar_name(input.dtype)} but found {scalar_name(weight.dtype)}\n"
            "weight must have the dtype of the input: weight.to(input.dtype)."
        )
    if weight is not None and tuple(weight.shape) != (input.shape[classes],):
        raise RuntimeError(
            f"weight tensor should be defined either for all {input.shape[classes]} classes or no classes but got "
            "weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    ignored = unwrap(target) == ignore_index
    some = bool(ignored.any())
    safe = wrap(np.where(ignored, 0, unwrap(target))) if some else target
    loss = -Gather.apply(input, classes, safe.unsqueeze(classes)).squeeze(classes)
    weights = None if weight is None else weight[safe]
    if some:
        loss = loss.masked_fill(wrap(ignored), 0.0)
        weights = (weights if weights is not None else wrap(np.ones(ignored.shape, unwrap(input).dtype))).masked_fill(
            wrap(ignored), 0.0
        )
    if weights is None:
        return reduced(loss, reduction)
    loss = loss * weights
    return loss.sum() / weights.sum() if reduction == "mean" else reduced(loss, reduction)


def _check_classes(input: Any, target: Any, classes: int, ignore_index: int) -> None:
    """Refuse targets of the wrong shape, dtype or range, naming the class that does not exist."""
    x, y = unwrap(input), unwrap(target)
    if y.ndim and x.ndim > 1 and y.shape[0] != x.shape[0]:
        raise ValueError(f"Expected input batch_size ({x.shape[0]}) to match target batch_size ({y.shape[0]}).")
    if y.dtype.kind not in "iu":
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {scalar_name(y.dtype)}\n"
            "Class numbers are integers: use target.long(). (Class probabilities need the shape of the input.)"
        )
    expected = x.shape[:classes] + x.shape[classes + 1 :]
    if y.shape != expected:
        raise RuntimeError(
            f"Expected target size {list(expected)}, got {list(y.shape)}\nThe target has one class number for each "
            f"prediction, so the shape of the input {list(x.shape)} without its class dim {classes}."
        )
    wrong = (y != ignore_index) & ((y < 0) | (y >= x.shape[classes]))
    if wrong.any():
        raise IndexError(
            f"Target {y[wrong].reshape(-1)[0]} is out of bounds.\nThe input has {x.shape[classes]} classes, "
            f"numbered from 0 to {x.shape[classes] - 1}."
        )
