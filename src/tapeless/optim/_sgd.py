"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._kernels.accelerated import accelerated
from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import check_options, gradient, refuse_differentiable


class SGD(Optimizer):
    """Gradient descent: ``p -= lr * d``, where d is the gradient, or its running sum with momentum.

    With `momentum` m: ``b = m * b + (1 - dampening) * g`` and d is b (`nesterov`: ``g + m * b``).
    `weight_decay` adds that multiple of the parameter to its gradient; `maximize` goes uphill.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html and Sutskever et al. (2013).

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> SGD([p], lr=0.1).step()
    >>> p.data
    tensor([0.7000])
    """

    state_names = ("momentum_buffer",)
    counts_steps = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_differentiable(differentiable, fused, foreach)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative rates, and Nesterov without plain momentum."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("momentum", lambda x: x >= 0, "momentum value"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
        )
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        momentum, decay, dampening = group["momentum"], group["weight_decay"], group["dampening"]
        first = bool(momentum) and "momentum_buffer" not in unit.state
        if first:
            unit.new_state("momentum_buffer")
        buffer = [unit.state["momentum_buffer"]] if momentum else [None]
        options = {
            "rate": unit.scalar("rate", -float(group["lr"])),
            "decay": unit.scalar("decay", decay) if decay else None,
            "momentum": unit.scalar("momentum", momentum),
            "share": unit.scalar("share", 1 - dampening) if dampening and not first else None,
            "nesterov": group["nesterov"],
            "maximize": group["maximize"],
        }
        unit.each(sgd, unit.values, unit.grads, *buffer, **options)


@accelerated("optimizers.sgd", size=2048)
def sgd(
    values: Any,
    grads: Any,
    buffer: Any,
    t: Any,
    *,
    rate: Any,
    decay: Any,
    momentum: Any,
    share: Any,
    nesterov: bool,
    maximize: bool,
) -> None:
    """Update `values` and the momentum `buffer`, if any, in place; `t` is memory to compute in, `rate` is ``-lr``."""
    d = gradient(values, grads, decay, maximize)
    if buffer is not None:
        np.multiply(buffer, momentum, buffer)
        np.add(buffer, d if share is None else d * share, buffer)
        d = np.add(np.multiply(buffer, momentum, t), d, t) if nesterov else buffer
    np.multiply(d, rate, t)
    np.add(values, t, values)
