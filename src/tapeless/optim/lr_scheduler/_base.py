"""`LRScheduler`: what all schedulers share. How a learning rate develops is in the subclasses."""

from __future__ import annotations

import functools
import types
import warnings
import weakref
from collections.abc import Callable
from typing import Any

from ..._core.tensor_base import TensorBase
from .._optimizer import Optimizer

Rate = Any
"""A learning rate: a float, or a tensor of one element where the optimizer was given one."""


class LRScheduler:
    """Base of all schedulers: sets ``group["lr"]`` of each parameter group of an optimizer, epoch by epoch.

    A subclass defines `get_lr`, the rates at ``self.last_epoch``, from ``self.base_lrs`` (the rates at the start,
    kept as ``group["initial_lr"]``) or from the groups' present rates, so that schedulers can be chained. Making
    one does a first step, to epoch 0. `last_epoch` is the epoch before the first one: -1 to start afresh.

    Raises TypeError for what is no optimizer; KeyError when `last_epoch` says that training goes on, but the
    groups have no "initial_lr". Every attribute except the optimizer is in `state_dict`, under PyTorch's name.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LRScheduler.html

    >>> import tapeless as tl
    >>> class Harmonic(LRScheduler):
    ...     def get_lr(self):
    ...         return [lr / (1 + self.last_epoch) for lr in self.base_lrs]
    >>> optimizer = tl.optim.SGD([tl.nn.Parameter(tl.zeros(1))], lr=1.0)
    >>> scheduler = Harmonic(optimizer)
    >>> for _ in range(4):
    ...     print(scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0] [0.5] [0.3333333333333333] [0.25]
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False
    _step_count: int
    _last_lr: list[Rate]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0.\nLoad the optimizer's state dict, which holds it, before you make the "
                    "scheduler; or leave last_epoch=-1 to start a new schedule."
                )
        self.base_lrs: list[Rate] = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _note_steps(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Go to the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[Rate]:
        """Compute the learning rate of each group at ``self.last_epoch``; `step` calls this."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr(), which returns a rate for each group")

    def get_last_lr(self) -> list[Rate]:
        """Return the learning rate of each group, as of the last step."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the rates for the next epoch, or for a given one (deprecated, as in PyTorch).

        Warns when called before the first ``optimizer.step()``: the first rate would never be used.
        """
        if self._step_count == 1:
            _warn_of_order(self.optimizer)
        self._step_count += 1
        if epoch is not None:
            warn_of_epoch()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Compute and set the rates of the next epoch, or of `epoch`: by the closed form, if the class has one."""
        self._get_lr_called_within_step = True
        try:
            closed_form: Callable[[], list[Rate]] | None = None
            if epoch is None:
                self.last_epoch += 1
            else:
                self.last_epoch = epoch
                closed_form = getattr(self, "_get_closed_form_lr", None)
            rates = (closed_form or self.get_lr)()
        finally:
            self._get_lr_called_within_step = False
        self._set_rates(rates)

    def _set_rates(self, rates: list[Rate]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = self._rates()

    def _rates(self, factor: float | None = None) -> list[Rate]:
        """Return the groups' present rates: copies of them, or multiplied by `factor`."""
        if factor is None:
            return [copied(group["lr"]) for group in self.optimizer.param_groups]
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _warn_outside_step(self) -> None:
        """Warn a user who calls `get_lr`: it may compute the step after this one."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes except the optimizer; not a copy."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the attributes that `state_dict` returned, here or in PyTorch. The optimizer's rates stay."""
        self.__dict__.update(state_dict)


class _LRScheduler(LRScheduler):
    """The name of `LRScheduler` in programs written for PyTorch 1."""


def check_optimizer(optimizer: Any) -> Any:
    """Return `optimizer`; TypeError if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{type(optimizer).__name__} is not an Optimizer\nA scheduler takes the optimizer whose learning rate it "
            "sets first, such as StepLR(tapeless.optim.SGD(model.parameters()), step_size=10)."
        )
    return optimizer


def copied(rate: Rate) -> Rate:
    """Return a float itself, and a tensor's copy: the optimizer's own is written to in place."""
    return rate.clone() if isinstance(rate, TensorBase) else rate  # type: ignore[attr-defined]


def set_rate(group: dict[str, Any], rate: Rate, name: str = "lr") -> None:
    """Set an option of a group; a tensor stays the same one and is filled."""
    if isinstance(group[name], TensorBase):
        group[name].fill_(float(rate))  # type: ignore[attr-defined]
    else:
        group[name] = rate


def for_each_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """Return `value` for each group: a list or tuple has one for each already, else ValueError."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [copied(value) for _ in range(groups)]
    if len(value) != groups:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {groups}."
        )
    return [copied(v) for v in value]


def state_of(function: Any) -> dict[str, Any] | None:
    """Return what a state dict keeps of a callable: the attributes of an object, nothing of a function."""
    if isinstance(function, types.FunctionType) or not hasattr(function, "__dict__"):
        return None
    return dict(function.__dict__)


def warn_of_epoch() -> None:
    """Warn of ``step(epoch)``."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. "
        "Please use `scheduler.step()` to step the scheduler: it counts epochs by itself.",
        stacklevel=3,
    )


def _note_steps(optimizer: Any) -> None:
    """Make `optimizer` note that it was stepped, by a wrapper around its `step`."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    function = optimizer.step.__func__
    me = weakref.ref(optimizer)  # else the optimizer would hold itself, and live until the next garbage collection

    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        this = me()
        this._opt_called = True  # type: ignore[union-attr]
        return function(this, *args, **kwargs)

    step._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = step


def _warn_of_order(optimizer: Any) -> None:
    """Warn, at the scheduler's first step, if the optimizer wasn't stepped yet."""
    page = "See https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
    if not hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        warnings.warn(
            "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. "
            "Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`. " + page,
            stacklevel=3,
        )
    elif not getattr(optimizer, "_opt_called", False):
        warnings.warn(
            "Detected call of `lr_scheduler.step()` before `optimizer.step()`. The first learning rate of the "
            "schedule is skipped then: call `optimizer.step()` first. " + page,
            stacklevel=3,
        )
