"""Loss and metrics of an epoch, added up batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tapeless._core.modes import no_grad
from tapeless._core.tensor_base import unwrap
from tapeless._tensor import Tensor
from tapeless.nn import BCELoss, CrossEntropyLoss, NLLLoss, functional as F

Metric = Callable[[Any, Any], Any]
# Outputs wait until there are this many batches or numbers, then count at once: an argmax over 32 samples takes
# as long as one over 500.
MOST_BATCHES, MOST_NUMBERS = 64, 2**18


def as_metrics(metrics: Any) -> dict[str, Metric | None]:
    """Return name -> function for ``"accuracy"`` (None stands for it), functions, or a list or dict of these.

    Raises `ValueError` for an unknown name, `TypeError` for what cannot be called.
    """
    if metrics is None:
        return {}
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    pairs: Any = metrics.items() if isinstance(metrics, Mapping) else ((None, metric) for metric in metrics)
    named: dict[str, Metric | None] = {}
    for name, metric in pairs:
        if isinstance(metric, str):
            if metric != "accuracy":
                raise ValueError(f'expected "accuracy" or a function of (output, target) as a metric, got {metric!r}')
            named[name or "accuracy"] = None
        elif callable(metric):
            named[name or getattr(metric, "__name__", type(metric).__name__)] = metric
        else:
            raise TypeError(
                f'expected "accuracy" or a function of (output, target) as a metric, got {type(metric).__name__}'
            )
    return named


class Meter:
    """Adds up the loss and the metrics of one epoch; all means are over samples, not over batches."""

    def __init__(self, loss: Any, metrics: Mapping[str, Metric | None]) -> None:
        self.scale_loss = getattr(loss, "reduction", "mean") != "sum"
        self.functions = {name: metric for name, metric in metrics.items() if metric is not None}
        self.rule = AccuracyRule(loss) if None in metrics.values() else None
        self.names = list(metrics)
        self.samples, self.loss = 0, 0.0
        self.sums = dict.fromkeys(self.functions, 0.0)
        self.right, self.counted = 0, 0
        self.waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self.waiting_numbers = 0

    def add(self, loss: float, output: Any, target: Any) -> None:
        """Take in one batch: its loss, what the model said and what was asked for."""
        array = unwrap(target)
        n = array.shape[0] if getattr(array, "ndim", 0) else 1
        self.samples += n
        self.loss += loss * n if self.scale_loss else loss
        if self.rule is not None:
            said = unwrap(output)
            if self.waiting and said.shape[1:] != self.waiting[0][0].shape[1:]:
                self._count()
            self.waiting.append((said, array))
            self.waiting_numbers += said.size
            if len(self.waiting) >= MOST_BATCHES or self.waiting_numbers >= MOST_NUMBERS:
                self._count()
        if self.functions:
            with no_grad():
                for name, metric in self.functions.items():
                    self.sums[name] += float(metric(output, target)) * n

    def _count(self) -> None:
        if self.waiting and self.rule is not None:
            outputs, targets = zip(*self.waiting, strict=True)
            one = len(outputs) == 1
            said = outputs[0] if one else np.concatenate(outputs)
            right, counted = self.rule(said, targets[0] if one else np.concatenate(targets))
            self.right += right
            self.counted += counted
        self.waiting, self.waiting_numbers = [], 0

    def result(self) -> dict[str, float]:
        """Return the means so far: ``loss``, then the metrics in the order in which they were asked for."""
        self._count()
        n = self.samples or float("nan")
        means = {"loss": self.loss / n}
        for name in self.names:
            if name in self.sums:
                means[name] = self.sums[name] / n
            else:
                means[name] = self.right / self.counted if self.counted else float("nan")
        return means


class AccuracyRule:
    """How many predictions are right, and of how many; what an output means depends on the loss.

    Scores (N, C, ...) against classes (N, ...), or against class probabilities of the same shape: the largest
    score counts; targets equal to the loss's ``ignore_index`` do not count. Against targets of the same
    shape otherwise (one yes/no question per number): yes above 0, or above 0.5 for `BCELoss`, whose outputs are
    probabilities. (N, 1) and (N,) count as the same shape.
    """

    def __init__(self, loss: Any) -> None:
        self.threshold = 0.5 if isinstance(loss, BCELoss) or loss is F.binary_cross_entropy else 0.0
        self.classes = isinstance(loss, CrossEntropyLoss | NLLLoss) or loss in (F.cross_entropy, F.nll_loss)
        self.ignored = getattr(loss, "ignore_index", -100)

    def __call__(self, output: np.ndarray, target: np.ndarray) -> tuple[int, int]:
        """Return (right, counted) for ndarrays."""
        shape, n = output.shape, output.shape[0] if output.ndim else 0
        scores = output.ndim > 1 and (self.classes or shape[1] > 1)
        if scores and target.dtype.kind in "iu" and shape[:1] + shape[2:] == target.shape:
            hits = output.argmax(axis=1) == target
            counted = target != self.ignored if self.classes else np.ones_like(hits)
            return int(np.count_nonzero(hits & counted)), int(np.count_nonzero(counted))
        if self.classes and shape == target.shape and output.ndim > 1:
            right = int(np.count_nonzero(output.argmax(axis=1) == target.argmax(axis=1)))
            return right, output.size // shape[1]
        if {shape, target.shape} == {(n, 1), (n,)}:
            output, target = output.reshape(-1), target.reshape(-1)
        if output.shape != target.shape:
            raise ValueError(
                "accuracy: expected scores (N, C, ...) with classes (N, ...), or equal shapes, got output "
                f"{list(shape)} and target {list(target.shape)} ({target.dtype}); pass a function of (output, "
                "target) as the metric instead"
            )
        return int(np.count_nonzero((output > self.threshold) == (target > 0.5))), target.size


def show(means: Mapping[str, float], validation: Mapping[str, float] | None = None) -> str:
    """Return means as a short text, with those on the validation data in brackets.

    The validation loss is left out where there are metrics: a line of a terminal is short.

    >>> from tapeless.training._metrics import show
    >>> show({"loss": 0.12345, "accuracy": 0.975}, {"loss": 0.2, "accuracy": 0.95})
    'loss 0.123, accuracy 97.5% (val 95.0%)'
    """
    validation = validation or {}
    parts = []
    for name, value in means.items():
        form = "{:.1%}" if "accuracy" in name else "{:.3g}"
        text = f"{name.replace('_', ' ')} {form.format(value)}"
        if name in validation and (name != "loss" or len(means) == 1):
            text += f" (val {form.format(validation[name])})"
        parts.append(text)
    return ", ".join(parts)


def loss_number(value: Any) -> float:
    """The loss as a float; it must be a single number."""
    if not isinstance(value, Tensor) or value._array.size != 1:
        got = f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f'expected the loss to be a tensor with one number, got {got}; is reduction="mean" missing?')
    return float(value._array.item())
