"""Schedulers of every kind, and their sequences of rates, written once for both libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

STEPS = 100
RATES = (0.5, 0.02)
Make = Callable[[Any, Any], Any]  # library, optimizer -> scheduler


class Decay:
    """A callable object, whose attributes are state."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, epoch: int) -> float:
        return self.factor**epoch


def _sequential(s: Any, o: Any) -> Any:
    parts = [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 30), s.StepLR(o, 7, 0.8)]
    return s.SequentialLR(o, parts, milestones=[10, 55])


def _nested(s: Any, o: Any) -> Any:
    warm = s.SequentialLR(o, [s.ConstantLR(o, 0.2, 8), s.ExponentialLR(o, 0.97)], milestones=[8])
    return s.SequentialLR(o, [s.ChainedScheduler([warm, s.StepLR(o, 9)]), s.LinearLR(o)], milestones=[40])


MAKERS: dict[str, Callable[[Any, Any], Any]] = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "lambda-each": lambda s, o: s.LambdaLR(o, [lambda epoch: 0.9**epoch, Decay(0.8)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, [lambda epoch: 0.95, lambda epoch: 1 - 1 / (epoch + 2)]),
    "step": lambda s, o: s.StepLR(o, 13),
    "step-gamma": lambda s, o: s.StepLR(o, 1, gamma=1.01),
    "multi-step": lambda s, o: s.MultiStepLR(o, [50, 3, 3, 97], gamma=0.3),
    "constant": lambda s, o: s.ConstantLR(o),
    "constant-long": lambda s, o: s.ConstantLR(o, factor=0.7, total_iters=60),
    "linear": lambda s, o: s.LinearLR(o),
    "linear-down": lambda s, o: s.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=40),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.93),
    "polynomial": lambda s, o: s.PolynomialLR(o),
    "polynomial-power": lambda s, o: s.PolynomialLR(o, total_iters=120, power=2.5),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 17, eta_min=0.001),
    "cosine-long": lambda s, o: s.CosineAnnealingLR(o, 100),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7, 2, eta_min=0.01),
    "restarts-alike": lambda s, o: s.CosineAnnealingWarmRestarts(o, 9),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 7, 12),
    "cyclic2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], (0.2, 0.3), 9, mode="triangular2"),
    "cyclic-exp": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 7, mode="exp_range", gamma=0.98, base_momentum=[0.5, 0.6]),
    "cyclic-scale": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 7, scale_fn=Decay(0.9), scale_mode="iterations"),
    "cyclic-function": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 7, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    "one-cycle": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=101),
    "one-cycle-linear": lambda s, o: s.OneCycleLR(
        o, [0.3, 0.1], epochs=11, steps_per_epoch=10, anneal_strategy="linear"
    ),
    "one-cycle-three": lambda s, o: s.OneCycleLR(o, 0.3, 120, three_phase=True, pct_start=0.4, max_momentum=[0.9, 0.8]),
    "one-cycle-plain": lambda s, o: s.OneCycleLR(o, 0.3, 150, cycle_momentum=False, div_factor=5, final_div_factor=20),
    "sequential": _sequential,
    "sequential-one": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 4)], milestones=[]),
    "sequential-restarts": lambda s, o: s.SequentialLR(
        o, [s.CosineAnnealingWarmRestarts(o, 5), s.PolynomialLR(o, 60)], milestones=[33]
    ),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 20), s.ExponentialLR(o, 0.99)]),
    "chained-cosine": lambda s, o: s.ChainedScheduler([s.CosineAnnealingLR(o, 25), s.MultiStepLR(o, [10, 60])], o),
    "nested": _nested,
}
PLATEAUS: dict[str, dict[str, Any]] = {
    "default": {},
    "quick": {"patience": 2, "factor": 0.5, "cooldown": 3},
    "max": {"mode": "max", "patience": 3, "threshold": 0.01},
    "abs": {"threshold_mode": "abs", "patience": 1, "threshold": 0.05, "min_lr": 0.004},
    "max-abs": {"mode": "max", "threshold_mode": "abs", "patience": 0, "min_lr": [0.1, 0.001], "eps": 1e-3},
}


def optimizer_of(lib: Any, name: str = "SGD", tensors: bool = False) -> Any:
    """Make an optimizer of two groups with different rates."""
    rates = [lib.tensor(rate, dtype=lib.float64) for rate in RATES] if tensors else RATES
    groups = [{"params": [lib.nn.Parameter(lib.zeros(2))], "lr": rate} for rate in rates]
    return lib.optim.SGD(groups, momentum=0.9) if name == "SGD" else lib.optim.Adam(groups)


def settings(optimizer: Any) -> list[float]:
    """Return the rates and momenta of an optimizer."""
    groups = optimizer.param_groups
    momenta = [group["betas"][0] if "betas" in group else group["momentum"] for group in groups]
    return [*[float(group["lr"]) for group in groups], *momenta]


def sequence(optimizer: Any, scheduler: Any, steps: int = STEPS) -> list[list[float]]:
    """Return the settings before and after each of some steps."""
    history = [settings(optimizer)]
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        history.append(settings(optimizer))
        assert [float(rate) for rate in scheduler.get_last_lr()] == history[-1][:2]
    return history


def same(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=1e-12, atol=1e-15)


def same_state(ours: Any, theirs: Any, path: str = "") -> None:
    assert type(ours) is type(theirs), path
    if isinstance(ours, dict):
        assert set(ours) == set(theirs), path
        for name in ours:
            same_state(ours[name], theirs[name], f"{path}.{name}")
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), path
        for i, (a, b) in enumerate(zip(ours, theirs)):
            same_state(a, b, f"{path}[{i}]")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15), path
    else:
        assert ours == theirs, path
