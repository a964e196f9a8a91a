"""What the optimizers' constructors and steps share: checks of options, and the gradient to go down along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._core.tensor_base import TensorBase


def check_options(group: dict[str, Any], *rules: tuple[str, Callable[[Any], bool], str]) -> None:
    """Raise ValueError, in PyTorch's words, for the first option that breaks its rule."""
    for name, holds, what in rules:
        value = _number(name, group[name])
        if not holds(value):
            raise ValueError(f"Invalid {what}: {value}")


def check_not_negative(group: dict[str, Any], *options: tuple[str, str]) -> None:
    """Raise ValueError, in the words of PyTorch's younger optimizers, for the first option below 0."""
    for name, what in options:
        value = _number(name, group[name])
        if not value >= 0:
            raise ValueError(f"{what} should be >= 0 but is: {value}")


def _number(name: str, value: Any) -> Any:
    """Return an option's value, also of a tensor of one element; ValueError for other tensors."""
    if not isinstance(value, TensorBase):
        return value
    if value._array.size != 1:
        raise ValueError(f"Tensor {name} must be 1-element\nIt has {value._array.size}.")
    return value._array.item()


def check_betas(group: dict[str, Any]) -> None:
    """Raise ValueError for betas outside of ``[0, 1)``."""
    for i, beta in enumerate(group["betas"]):
        if not 0 <= beta < 1:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def refuse_differentiable(differentiable: bool, fused: bool | None = None, foreach: bool | None = None) -> None:
    """Raise RuntimeError for the option that no optimizer here has, and for two implementations at once."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError(
            "`fused` and `foreach` cannot be `True` together.\nBoth are accepted and change nothing here."
        )
    if differentiable:
        raise NotImplementedError("differentiable=True is not supported; use autograd.grad and plain arithmetic")


def gradient(values: Any, grads: Any, decay: Any, maximize: bool) -> Any:
    """Return what to go down along: `grads`, or uphill, and with `decay` that multiple of the parameter added."""
    g = -grads if maximize else grads
    return g if decay is None else values * decay + g


def blend(average: Any, new: Any, weight: Any, t: Any) -> None:
    """Move a running average towards `new`, in place, by the share `weight`; `t` is memory to compute in."""
    np.subtract(new, average, t)
    np.multiply(t, weight, t)
    np.add(average, t, average)
