"""Cyclical learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .._optimizer import Optimizer
from ._base import LRScheduler, Rate, check_optimizer, for_each_group, set_rate, state_of
from ._momentum import set_momentum, start_momentum, uses_beta1

_MODES = ("triangular", "triangular2", "exp_range")


class CyclicLR(LRScheduler):
    """Let the rate go from `base_lr` to `max_lr` in `step_size_up` steps and back in `step_size_down`, and repeat.

    What is added to `base_lr` is scaled: not at all (mode "triangular"), by half of it after each cycle
    ("triangular2"), by ``gamma**step`` ("exp_range"), or by `scale_fn` of the cycle, from 1 on, or the step
    (`scale_mode` "cycle" or "iterations"). With `cycle_momentum` the momentum goes the other way, from
    `max_momentum` to `base_momentum`. Rates and momenta are numbers, or lists with one for each parameter group.
    Step it after every batch.

    Raises ValueError for an unknown mode, a list of another length, an optimizer without momentum.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CyclicLR.html and
    Smith (2017), https://arxiv.org/abs/1506.01186

    >>> import tapeless as tl
    >>> optimizer = tl.optim.SGD([tl.nn.Parameter(tl.zeros(1))], momentum=0.9)
    >>> scheduler = CyclicLR(optimizer, base_lr=0.0, max_lr=1.0, step_size_up=2)
    >>> for _ in range(5):
    ...     print(scheduler.get_last_lr()[0], end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    0.0 0.5 1.0 0.5 0.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: Any,
        max_lr: Any,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: Any = 0.8,
        max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        if mode not in _MODES and scale_fn is None:
            raise ValueError(
                f"mode is invalid and scale_fn is None\nIt is {mode!r}; expected one of {', '.join(_MODES)}."
            )
        base_lrs = for_each_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups):
                set_rate(group, lr)
        self.max_lrs = for_each_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode, self.gamma = mode, gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        self._choose_scale_mode()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1(optimizer)
            self.base_momentums, self.max_momentums = start_momentum(
                optimizer, base_momentum, max_momentum, self.use_beta1, last_epoch == -1
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _choose_scale_mode(self) -> None:
        """Let the mode decide what is counted, unless the user's function scales."""
        if self._scale_fn_custom is None:
            self.scale_mode = "iterations" if self.mode == "exp_range" else "cycle"

    def scale_fn(self, x: float) -> float:
        """Return the scale of the amplitude in cycle, or at step, `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 2.0 ** (1 - x), "exp_range": self.gamma**x}[self.mode]

    def get_lr(self) -> list[Rate]:
        """Compute the learning rate of each group at ``self.last_epoch``, and set the momentum."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle  # how much of the cycle is over
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)

        def between(low: Any, high: Any) -> Any:
            return (high - low) * height * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)

        if self.cycle_momentum:
            for low, high, group in zip(
                self.base_momentums, self.max_momentums, self.optimizer.param_groups, strict=True
            ):
                set_momentum(group, high - between(low, high), self.use_beta1)
        return [low + between(low, high) for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes except the optimizer. Of `scale_fn` its attributes, or nothing if it is a function."""
        return {**super().state_dict(), "_scale_fn_custom": state_of(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the attributes that `state_dict` returned; a `scale_fn` that is a function stays as it is."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "_scale_fn_custom"})
        scale = state_dict["_scale_fn_custom"]
        if scale is not None:
            self._scale_fn_custom.__dict__.update(scale)
        self._choose_scale_mode()
