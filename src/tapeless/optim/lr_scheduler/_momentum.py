"""What the schedulers that also cycle the momentum share."""

from __future__ import annotations

from typing import Any

from .._optimizer import Optimizer
from ._base import for_each_group


def uses_beta1(optimizer: Optimizer) -> bool:
    """Return whether the momentum of `optimizer` is its first beta. Raises ValueError when it has no momentum."""
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option enabled\n"
            f"{type(optimizer).__name__} has neither: pass cycle_momentum=False."
        )
    return "betas" in optimizer.defaults


def set_momentum(group: dict[str, Any], momentum: float, beta1: bool) -> None:
    """Set the momentum of a group, or its first beta."""
    if beta1:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


def start_momentum(optimizer: Optimizer, base: Any, largest: Any, beta1: bool, fresh: bool) -> list[list[float]]:
    """Return base and largest momentum for each group, and start (`fresh`) at the largest one."""
    pairs = [for_each_group("base_momentum", optimizer, base), for_each_group("max_momentum", optimizer, largest)]
    if fresh:
        for low, high, group in zip(*pairs, optimizer.param_groups):
            set_momentum(group, high, beta1)
            group["max_momentum"], group["base_momentum"] = high, low
    return pairs
