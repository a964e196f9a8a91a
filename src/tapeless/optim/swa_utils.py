"""Averages of a model's parameters over training: stochastic weight averaging and exponential moving averages."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

from .._core.modes import no_grad
from .._creation import tensor
from .._dtypes import int64
from ..nn import Module
from ..nn._batch_norm import _BatchNorm
from ._optimizer import Optimizer
from .lr_scheduler._base import LRScheduler, Rate, check_optimizer, for_each_group

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Any, Any, Any], Any]  # average, current value, number of values averaged so far -> new average
MultiAverage = Callable[[list[Any], list[Any], Any], None]  # the same for lists of tensors, in place


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return a function for an exponential moving average: ``decay * average + (1 - decay) * current``.

    Raises ValueError for a `decay` outside of ``[0, 1]``. For `AveragedModel`'s `avg_fn`.
    See https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema

    >>> get_ema_avg_fn(0.75)(4.0, 8.0, 1)
    5.0
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Average:
    """Return a function for the plain mean of all values. For `AveragedModel`'s `avg_fn`; its default.

    See https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema

    >>> get_swa_avg_fn()(4.0, 7.0, 2)
    5.0
    """

    @no_grad()
    def swa_update(averaged_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """Return a function that updates a list of exponential moving averages in place.

    Raises ValueError for a `decay` outside of ``[0, 1]``. For `AveragedModel`'s `multi_avg_fn`.
    See https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema

    >>> import tapeless as tl
    >>> average = tl.tensor([4.0])
    >>> get_ema_multi_avg_fn(0.75)([average], [tl.tensor([8.0])], 1)
    >>> average
    tensor([5.])
    """
    _check_decay(decay)

    @no_grad()
    def ema_update(ema_param_list: list[Any], current_param_list: list[Any], _: Any) -> None:
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> MultiAverage:
    """Return a function that updates a list of plain means in place. For `AveragedModel`'s `multi_avg_fn`.

    See https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema

    >>> import tapeless as tl
    >>> average = tl.tensor([4.0])
    >>> get_swa_multi_avg_fn()([average], [tl.tensor([7.0])], 2)
    >>> average
    tensor([5.])
    """

    @no_grad()
    def swa_update(averaged_param_list: list[Any], current_param_list: list[Any], num_averaged: Any) -> None:
        share = 1 / (int(num_averaged) + 1)
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current, share)
            else:
                average.copy_(average + (current - average) * share)

    return swa_update


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


class AveragedModel(Module):
    """A copy of a model whose parameters are the mean of the model's over calls of `update_parameters`.

    The first call copies the parameters, each later one averages: by `avg_fn`, which is called with an average, a
    current value and how many values are in the average, or by `multi_avg_fn`, which updates lists of tensors of one
    dtype in place; by default it is the plain mean. Buffers are copied, or averaged with `use_buffers`. The copy is
    ``module``; "n_averaged" is a buffer of the state dict.

    Raises AssertionError for two functions; ValueError in `update_parameters` for a model of another shape.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.swa_utils.AveragedModel.html and Izmailov et al.
    (2018), https://arxiv.org/abs/1803.05407

    >>> import tapeless as tl
    >>> model = tl.nn.Linear(1, 1, bias=False)
    >>> average = AveragedModel(model)
    >>> for weight in [1.0, 2.0, 6.0]:
    ...     _ = tl.nn.init.constant_(model.weight, weight)
    ...     average.update_parameters(model)
    >>> average(tl.ones(1)).item(), average.n_averaged
    (3.0, tensor(3))
    """

    n_averaged: Any

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the averaged model."""
        return self.module(*args, **kwargs)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Take the parameters of `model` into the average."""
        averages, currents = self._tensors(self.module), self._tensors(model)
        shapes = [[tuple(t.shape) for t in tensors] for tensors in (averages, currents)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"the model has {len(currents)} parameters (and buffers, if these are averaged) of the shapes "
                f"{shapes[1]}, the average {len(averages)} of the shapes {shapes[0]}. Pass the model that the "
                "AveragedModel was made from; if it is a lazy one, call it once before you make the average."
            )
        if self.n_averaged == 0:
            for average, current in zip(averages, currents):
                average.copy_(current)
        else:
            self._average(averages, currents)
        if not self.use_buffers:
            for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                mine.detach().copy_(theirs.detach())
        self.n_averaged += 1

    def _tensors(self, model: Module) -> list[Any]:
        """Return what is averaged, without history."""
        buffers = model.buffers() if self.use_buffers else []
        return [t.detach() for t in (*model.parameters(), *buffers)]

    def _average(self, averages: list[Any], currents: list[Any]) -> None:
        if self.multi_avg_fn is not None:
            groups: dict[Any, tuple[list[Any], list[Any]]] = {}
            for average, current in zip(averages, currents):
                mine, theirs = groups.setdefault(average.dtype, ([], []))
                mine.append(average)
                theirs.append(current)
            for mine, theirs in groups.values():
                self.multi_avg_fn(mine, theirs, self.n_averaged)
            return
        function = self.avg_fn or get_swa_avg_fn()
        for average, current in zip(averages, currents):
            average.copy_(function(average, current, self.n_averaged))


@no_grad()
def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute the running statistics of a model's BatchNorm layers anew: plain means over the batches of `loader`.

    A batch is a tensor, or a list or tuple whose first item is one. The model is called in training mode, without
    gradients, and is in the same mode as before then. Without BatchNorm layers nothing is done.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.swa_utils.update_bn.html

    >>> import tapeless as tl
    >>> model = tl.nn.BatchNorm1d(1)
    >>> update_bn([tl.tensor([[1.0], [3.0]]), tl.tensor([[5.0], [7.0]])], model)
    >>> model.running_mean, model.running_var
    (tensor([4.]), tensor([2.]))
    """
    momenta = {layer: layer.momentum for layer in model.modules() if isinstance(layer, _BatchNorm)}
    if not momenta:
        return
    was_training = model.training
    try:
        model.train()
        for layer in momenta:
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean
        for batch in loader:
            x = batch[0] if isinstance(batch, list | tuple) else batch
            model(x if device is None else x.to(device))
    finally:
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """Bring the rate to `swa_lr` in `anneal_epochs` epochs, and leave it there while weights are averaged.

    `anneal_strategy` is "cos" or "linear". `swa_lr` is a number, or a list with one for each parameter group.

    Raises ValueError for an unknown strategy, `anneal_epochs` that are no integer from 0 on, a list of another length.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.swa_utils.SWALR.html

    >>> import tapeless as tl
    >>> optimizer = tl.optim.SGD([tl.nn.Parameter(tl.zeros(1))], lr=1.0)
    >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> for _ in range(4):
    ...     print(scheduler.get_last_lr(), end=" ")
    ...     optimizer.step()
    ...     scheduler.step()
    [1.0] [0.75] [0.5] [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        for rate, group in zip(for_each_group("swa_lr", check_optimizer(optimizer), swa_lr), optimizer.param_groups):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """Return the weight of `swa_lr` when the share `t` of the annealing is over."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> list[Rate]:
        """Compute the learning rate of each group, from its present one."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = (self.anneal_func(max(0, min(1, i / max(1, self.anneal_epochs)))) for i in (step - 1, step))
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            start = end if before == 1 else (group["lr"] - before * end) / (1 - before)  # where the annealing began
            rates.append(end * now + start * (1 - now))
        return rates
