"""The one-cycle policy."""

from __future__ import annotations

import math
from typing import Any

from .._optimizer import Optimizer
from ._base import LRScheduler, Rate, check_optimizer, for_each_group
from ._momentum import set_momentum, start_momentum, uses_beta1


class OneCycleLR(LRScheduler):
    """Let the rate rise to `max_lr`, then fall below where it started; the momentum goes the other way.

    It starts at ``max_lr / div_factor`` and ends at ``max_lr / div_factor / final_div_factor`` after `total_steps`
    steps, or ``epochs * steps_per_epoch``; the share `pct_start` of them is for the rise. With `three_phase` it falls
    back to where it started as slowly as it rose, and to the end from there. `anneal_strategy` is "cos" or
    "linear". Rates and momenta are numbers, or lists with one for each parameter group. Step it after every batch.

    Raises ValueError for numbers of steps that are no positive integers, a `pct_start` that is no float between 0 and
    1, an unknown strategy, a list of another length, an optimizer without momentum, and when stepped too often.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html and
    Smith and Topin (2018), https://arxiv.org/abs/1708.07120

    >>> import tapeless as tl
    >>> optimizer = tl.optim.SGD([tl.nn.Parameter(tl.zeros(1))], momentum=0.9)
    >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.6, anneal_strategy="linear")
    >>> for _ in range(4):
    ...     print(round(scheduler.get_last_lr()[0], 4), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.04 0.52 1.0 0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Any,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.85,
        max_momentum: Any = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        self.total_steps = _count_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(pct_start, self.total_steps, three_phase)
        max_lrs = for_each_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, max_lrs):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            start_momentum(optimizer, base_momentum, max_momentum, self.use_beta1, last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """Compute the learning rate of each group at ``self.last_epoch``, and set the momentum."""
        self._warn_outside_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of total steps is {self.total_steps}\n"
                "Step it once a batch, for as many batches as total_steps (or epochs and steps_per_epoch) said."
            )
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        share = (self.last_epoch - start) / (phase["end_step"] - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._anneal(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                momentum = self._anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], share)
                set_momentum(group, momentum, self.use_beta1)
        return rates

    def _anneal(self, start: Any, end: Any, share: float) -> Any:
        """Return what lies between `start` and `end` after a share of the phase."""
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)
        return (end - start) * share + start


def _count_steps(total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
    """Return the number of steps, from one of the two ways to give it."""
    if total_steps is not None:
        given = {"total_steps": total_steps}
    elif epochs is not None and steps_per_epoch is not None:
        given = {"epochs": epochs, "steps_per_epoch": steps_per_epoch}
    else:
        raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return math.prod(given.values())


def _phases(share: float, steps: int, three: bool) -> list[dict[str, Any]]:
    """Return the phases, in the layout that PyTorch's state dicts have: between which options of a group they go."""

    def phase(end: float, lr: str, momentum: str) -> dict[str, Any]:
        names = ("start_lr", "end_lr", "start_momentum", "end_momentum")
        return {"end_step": end, **dict(zip(names, [*lr.split(), *momentum.split()]))}

    rise = phase(float(share * steps) - 1, "initial_lr max_lr", "max_momentum base_momentum")
    if not three:
        return [rise, phase(steps - 1, "max_lr min_lr", "base_momentum max_momentum")]
    fall = phase(float(2 * share * steps) - 2, "max_lr initial_lr", "base_momentum max_momentum")
    return [rise, fall, phase(steps - 1, "initial_lr min_lr", "max_momentum max_momentum")]
