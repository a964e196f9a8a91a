"""Schedulers without PyTorch: their rates against closed forms, written down here once more."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapeless as tl
from tapeless.optim import lr_scheduler as schedulers

STEPS = 30
FORMS: dict[str, tuple[Callable[[Any], Any], Callable[[int], float]]] = {
    "lambda": (lambda o: schedulers.LambdaLR(o, lambda t: 1 / (t + 1)), lambda t: 1 / (t + 1)),
    "multiplicative": (
        lambda o: schedulers.MultiplicativeLR(o, lambda t: t / (t + 1)),
        lambda t: 1 / (t + 1),
    ),
    "step": (lambda o: schedulers.StepLR(o, 7, 0.5), lambda t: 0.5 ** (t // 7)),
    "multi-step": (
        lambda o: schedulers.MultiStepLR(o, [4, 4, 20], 0.5),
        lambda t: 0.5 ** (2 * (t >= 4) + (t >= 20)),
    ),
    "constant": (lambda o: schedulers.ConstantLR(o, 0.25, 6), lambda t: 0.25 if t < 6 else 1),
    "linear": (lambda o: schedulers.LinearLR(o, 0.2, 0.9, 10), lambda t: 0.2 + 0.7 * min(t, 10) / 10),
    "exponential": (lambda o: schedulers.ExponentialLR(o, 0.9), lambda t: 0.9**t),
    "polynomial": (lambda o: schedulers.PolynomialLR(o, 20, 2), lambda t: (1 - min(t, 20) / 20) ** 2),
    "cosine": (
        lambda o: schedulers.CosineAnnealingLR(o, 8, 0.1),
        lambda t: 0.1 + 0.9 * (1 + math.cos(math.pi * t / 8)) / 2,
    ),
    "restarts": (
        lambda o: schedulers.CosineAnnealingWarmRestarts(o, 5),
        lambda t: (1 + math.cos(math.pi * (t % 5) / 5)) / 2,
    ),
    "cyclic": (
        lambda o: schedulers.CyclicLR(o, 0.2, 1.0, 4, cycle_momentum=False),
        lambda t: 1.0 - 0.8 * abs((t % 8) - 4) / 4,
    ),
    "one-cycle": (
        lambda o: schedulers.OneCycleLR(
            o, 1.0, STEPS + 1, pct_start=0.5, anneal_strategy="linear", cycle_momentum=False, div_factor=10
        ),
        lambda t: np.interp(t, [0, 14.5, 30], [0.1, 1.0, 0.1 / 1e4]),
    ),
    "sequential": (
        lambda o: schedulers.SequentialLR(
            o, [schedulers.LinearLR(o, 0.5, total_iters=5), schedulers.ExponentialLR(o, 0.8)], [5]
        ),
        lambda t: 0.5 + 0.5 * t / 5 if t < 5 else 0.8 ** (t - 5),
    ),
    "chained": (
        lambda o: schedulers.ChainedScheduler(
            [schedulers.ConstantLR(o, 0.5, 10), schedulers.ExponentialLR(o, 0.9), schedulers.StepLR(o, 15)]
        ),
        lambda t: (0.5 if t < 10 else 1) * 0.9**t * 0.1 ** (t // 15),
    ),
}


def optimizer_of(**options: Any) -> Any:
    return tl.optim.SGD([tl.nn.Parameter(tl.zeros(1))], **{"lr": 1.0, "momentum": 0.9, **options})


@pytest.mark.parametrize(("make", "form"), FORMS.values(), ids=FORMS)
def test_rates(make: Callable[[Any], Any], form: Callable[[int], float]) -> None:
    optimizer = optimizer_of()
    scheduler = make(optimizer)
    rates = []
    for _ in range(STEPS + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        assert scheduler.get_last_lr() == rates[-1:]
        if len(rates) <= STEPS:
            optimizer.step()
            scheduler.step()
    np.testing.assert_allclose(rates, [form(t) for t in range(STEPS + 1)], rtol=1e-12, atol=1e-12)


def test_momentum_goes_the_other_way() -> None:
    for name, make in {
        "SGD": lambda o: schedulers.CyclicLR(o, 0.0, 1.0, 4, base_momentum=0.5, max_momentum=0.9),
        "Adam": lambda o: schedulers.CyclicLR(o, 0.0, 1.0, 4, base_momentum=0.5, max_momentum=0.9),
        "AdamW": lambda o: schedulers.OneCycleLR(
            o, 1.0, 9, pct_start=5 / 9, anneal_strategy="linear", base_momentum=0.5, max_momentum=0.9, div_factor=1e9
        ),
    }.items():
        p = tl.nn.Parameter(tl.zeros(1))
        optimizer = tl.optim.SGD([p], momentum=0.1) if name == "SGD" else getattr(tl.optim, name)([p])
        scheduler = make(optimizer)
        for _ in range(8):
            group = optimizer.param_groups[0]
            momentum = group["momentum"] if name == "SGD" else group["betas"][0]
            assert momentum == pytest.approx(0.9 - 0.4 * group["lr"], abs=1e-6), name
            optimizer.step()
            scheduler.step()


def test_plateau() -> None:
    optimizer = optimizer_of()
    scheduler = schedulers.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, cooldown=1, min_lr=0.2)
    rates = []
    for _ in range(14):
        scheduler.step(1.0)
        rates.append(optimizer.param_groups[0]["lr"])
    # Three bad epochs halve the rate, the one after them doesn't count; 0.2 is as low as it gets.
    assert rates == [1.0] * 3 + [0.5] * 4 + [0.25] * 4 + [0.2] * 3


def test_groups_have_rates_of_their_own() -> None:
    groups = [{"params": [tl.nn.Parameter(tl.zeros(1))], "lr": rate} for rate in (1.0, 0.25)]
    optimizer = tl.optim.SGD(groups, lr=0.1)
    scheduler = schedulers.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5, 0.125]
    assert [group["initial_lr"] for group in optimizer.param_groups] == [1.0, 0.25]


def test_a_group_that_joins_later_is_refused_in_the_step() -> None:
    optimizer = optimizer_of()
    scheduler = schedulers.LambdaLR(optimizer, lambda t: 0.5)
    optimizer.step()
    optimizer.add_param_group({"params": [tl.nn.Parameter(tl.zeros(1))], "lr": 0.3})
    with pytest.raises(ValueError, match="shorter"):
        scheduler.step()


def test_the_base_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="LRScheduler must define get_lr"):
        schedulers.LRScheduler(optimizer_of())


def test_a_tensor_stays_the_same_one() -> None:
    rate = tl.tensor(1.0)
    optimizer = optimizer_of(lr=rate)
    scheduler = schedulers.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate and rate.item() == 0.5
    (last,) = scheduler.get_last_lr()
    last.fill_(7)
    assert rate.item() == 0.5 and optimizer.param_groups[0]["initial_lr"].item() == 1.0


def test_the_optimizer_uses_the_rate() -> None:
    p = tl.nn.Parameter(tl.zeros(1))
    optimizer = tl.optim.SGD([p], lr=1.0)
    scheduler = schedulers.ExponentialLR(optimizer, 0.5)
    for _ in range(4):
        p.grad = tl.ones(1)
        optimizer.step()
        scheduler.step()
    assert p.item() == -(1 + 0.5 + 0.25 + 0.125)
