"""`find_learning_rate`: which learning rates make the loss fall, from one short sweep over all of them."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tapeless.nn import Module
from tapeless.nn.parameter import is_lazy
from tapeless.nn.utils import clip_grad_norm_

from . import _plot
from ._data import as_loader, split_batch
from ._guard import gradients_are_finite
from ._metrics import loss_number
from ._snapshot import Snapshot

_SHORTEST = 5  # steps from which one can say where the loss falls


@dataclass(repr=False)
class RateSweep:
    """What `find_learning_rate` returns: the loss of each step, with the rate of that step.

    Attributes: `rates`, `losses` (before the step with that rate) and `smoothed`, lists of equal length; `stopped`,
    why the sweep ended: ``"finished"``, ``"diverged"``, or ``"not finite"`` when loss or gradient were not (that
    step is left out).

    >>> from tapeless.training import RateSweep
    >>> RateSweep([0.01, 0.1, 1, 10, 100, 1000], [9, 8, 5, 1, 9, 40], [9, 8, 5, 1, 9, 40], "diverged")
    RateSweep: 6 rates from 0.01 to 1e+03, diverged; smallest loss 1 at 10, suggestion 1
    """

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)
    stopped: str = "finished"

    @property
    def suggestion(self) -> float | None:
        """The rate at which the smoothed loss falls most per factor of the rate; None where it never falls.

        Only steps up to the smallest smoothed loss count, without the first tenth: there an average of few losses
        follows every batch.
        """
        best = int(np.argmin(self.smoothed)) if self.smoothed else 0
        start = len(self.rates) // 10
        if len(self.rates) < _SHORTEST or best <= start:
            return None
        if self.smoothed[start] - self.smoothed[best] <= 1e-6 * abs(self.smoothed[best]):  # falls by rounding only
            return None
        slopes = np.gradient(np.array(self.smoothed, float), np.log(self.rates))[start : best + 1]
        steepest = int(np.argmin(slopes))
        return self.rates[start + steepest] if slopes[steepest] < 0 else None

    def plot(self, path: str | os.PathLike[str], title: str = "") -> None:
        """Draw the losses over the rates into a picture file (PNG, SVG or PDF by the suffix of `path`).

        Raises `ModuleNotFoundError` without matplotlib.
        """
        figure = _plot._new_figure(6.0, 4.2)
        axes = figure.add_subplot()
        losses = {"color": _plot.PALE_COLORS[0], "linewidth": 1.2, "label": "loss of the batch"}
        axes.plot(self.rates, self.losses, **losses)
        axes.plot(self.rates, self.smoothed, color=_plot.COLORS[0], linewidth=1.8, label="smoothed")
        rate = self.suggestion
        if rate is not None:
            look = {"color": _plot.COLORS[1], "markersize": 7, "linestyle": "none"}
            height = self.smoothed[self.rates.index(rate)]
            axes.plot(rate, height, _plot.MARKERS[0], label=f"steepest descent: {rate:.2g}", **look)
        axes.set_xscale("log")
        axes.set(xlabel="learning rate", ylabel="loss", title=title)
        axes.set_ylim(*_limits(self.losses, self.smoothed))
        axes.grid(color="#DDDDDD", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
        figure.savefig(path)

    def __repr__(self) -> str:
        ends = f" from {self.rates[0]:.3g} to {self.rates[-1]:.3g}" if self.rates else ""
        best = int(np.argmin(self.smoothed)) if self.smoothed else 0
        text = f"RateSweep: {len(self.rates)} rates{ends}, {self.stopped}; "
        text += f"smallest loss {self.smoothed[best]:.4g} at {self.rates[best]:.3g}, " if self.rates else ""
        return text + ("no suggestion" if self.suggestion is None else f"suggestion {self.suggestion:.3g}")


def find_learning_rate(
    model: Module,
    train: Any,
    *,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    batch_size: int | None = None,
    shuffle: bool = True,
    smoothing: float = 0.9,
    diverges: float = 4.0,
    clip_grad_norm: float | None = None,
) -> RateSweep:
    """Train for up to `steps` batches while the learning rate grows from `start` to `end`, and undo all of it.

    The learning rate range test of Smith, "Cyclical learning rates for training neural networks" (2015,
    https://arxiv.org/abs/1506.01186), with rates that grow by a constant factor. Good rates lie where the loss falls
    fast, well below those where it grows; `RateSweep.suggestion` is where it falls fastest.

    Args:
        train, loss, optimizer, batch_size, shuffle, clip_grad_norm: as in `fit`. Data that are used up start again.
        start, end: the rates of the first and the last step; of the optimizer's first group if there are several,
            the others keep their ratio to it.
        smoothing: weight of the past in the running average of the losses, which is free of the bias of its start
            (as the moments of Adam); 0 leaves the losses as they are.
        diverges: the sweep stops when the smoothed loss is this many times its smallest value.

    Afterwards, also after an error, parameters, buffers, gradients, modes, optimizer and random streams are as they
    were, to the bit; training goes on as after saving a checkpoint. Raises `ValueError` for arguments that
    make no sense and models with lazy layers that have not seen data, `FloatingPointError` when the first loss or
    gradient already is not finite.

    >>> import tapeless as tl
    >>> _ = tl.manual_seed(0)
    >>> X, y = tl.datasets.blobs()
    >>> model = tl.nn.Linear(2, 3)
    >>> optimizer = tl.optim.SGD(model.parameters(), lr=0.1)
    >>> sweep = tl.training.find_learning_rate(model, (X, y), loss=tl.nn.CrossEntropyLoss(), optimizer=optimizer)
    >>> 0.001 < sweep.suggestion < 1
    True
    """
    _check(model, start, end, steps, smoothing, diverges, clip_grad_norm)
    loader = as_loader(train, batch_size, shuffle, "train")
    roots = [model, *([loss] if isinstance(loss, Module) else [])]
    before = Snapshot(roots, optimizer, [loader])
    try:
        sweep = RateSweep()
        rates = np.geomspace(start, end, steps).tolist()
        _run(model, loader, loss, optimizer, rates, smoothing, diverges, clip_grad_norm, sweep)
    finally:
        before.restore()
    if not sweep.rates:
        raise FloatingPointError(
            "the first loss or its gradient is not finite, before any step: there is nothing to compare rates by. "
            "fit names the layer that it comes from"
        )
    return sweep


def _run(
    model: Module,
    loader: Any,
    loss: Any,
    optimizer: Any,
    rates: list[float],
    smoothing: float,
    diverges: float,
    clip: float | None,
    sweep: RateSweep,
) -> None:
    """Take the steps, and note them in `sweep`."""
    groups = optimizer.param_groups
    first = float(groups[0]["lr"])
    ratios = [float(group["lr"]) / first if first else 1.0 for group in groups]
    parameters = [p for group in groups for p in group["params"]]
    average, best = 0.0, math.inf
    model.train()
    for step, (rate, batch) in enumerate(zip(rates, _without_end(loader)), 1):
        inputs, target = split_batch(batch)
        value = loss(model(*inputs), target)
        number = loss_number(value)
        optimizer.zero_grad()
        if math.isfinite(number):
            value.backward()
        if not math.isfinite(number) or not gradients_are_finite(optimizer):
            sweep.stopped = "not finite"
            return
        average = smoothing * average + (1 - smoothing) * number
        smoothed = average / (1 - smoothing**step)
        sweep.rates.append(rate)
        sweep.losses.append(number)
        sweep.smoothed.append(smoothed)
        best = min(best, smoothed)
        # For positive losses this is `smoothed > diverges * best`; others are as far above their best.
        if smoothed > best + (diverges - 1) * abs(best):
            sweep.stopped = "diverged"
            return
        if clip is not None:
            clip_grad_norm_(parameters, clip)
        for group, ratio in zip(groups, ratios, strict=True):
            group["lr"] = rate * ratio
        optimizer.step()


def _without_end(loader: Any) -> Iterator[Any]:
    """The batches of the loader, again and again."""
    for epoch in itertools.count():
        empty = True
        for batch in loader:
            empty = False
            yield batch
        if empty:
            which = "at all" if epoch == 0 else "the second time; pass data that can be gone through again"
            raise ValueError(f"expected at least one batch, got none {which}")


def _limits(losses: list[float], smoothed: list[float]) -> tuple[float, float]:
    """Heights that show where the loss falls; one that explodes at the end would leave a flat line."""
    low, high = min(losses, default=0.0), max(smoothed[: int(np.argmin(smoothed)) + 1] if smoothed else [1.0])
    room = 0.15 * (high - low) or 0.1 * abs(low) or 1.0
    return low - room / 2, high + 2 * room


def _check(
    model: Module, start: float, end: float, steps: Any, smoothing: float, diverges: float, clip: float | None
) -> None:
    if not 0 < start < end < math.inf:
        raise ValueError(f"expected rates with 0 < start < end, got start={start!r} and end={end!r}")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < _SHORTEST:
        raise ValueError(f"expected steps to be a whole number of at least {_SHORTEST}, got {steps!r}")
    if not 0 <= smoothing < 1:
        raise ValueError(f"expected smoothing from 0 to below 1, got {smoothing!r}")
    if not diverges > 1:
        raise ValueError(f"expected diverges > 1, a factor of the smallest loss, got {diverges!r}")
    if clip is not None and not clip > 0:
        raise ValueError(f"expected clip_grad_norm > 0, or None, got {clip!r}")
    for name, p in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(p):
            raise ValueError(
                f"expected a model whose layers know their sizes, got {name!r} without one: call the model with a "
                "batch first, and make the optimizer after that"
            )
