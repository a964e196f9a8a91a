"""Adadelta."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import check_options, gradient, refuse_differentiable


class Adadelta(Optimizer):
    """Gradient descent in the parameters' own units: the gradient over its size, times the size of former steps.

    With ``v = rho * v + (1 - rho) * g**2`` and ``d = sqrt(u + eps) / sqrt(v + eps) * g``: ``p -= lr * d``, then
    ``u = rho * u + (1 - rho) * d**2``. `weight_decay` adds that multiple of the parameter to its gradient;
    `maximize` goes uphill. `foreach` and `capturable` are accepted and change nothing.

    Raises ValueError for negative options and a `rho` outside of ``[0, 1]``.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html and Zeiler (2012),
    https://arxiv.org/abs/1212.5701

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> Adadelta([p], lr=1.0, eps=0.1).step()
    >>> p.data
    tensor([0.0513])
    """

    state_names = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative options, and a `rho` above 1."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("rho", lambda x: 0 <= x <= 1, "rho value"),
            ("eps", lambda x: x >= 0, "epsilon value"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
        )

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        for name in self.state_names:
            if name not in unit.state:
                unit.new_state(name)
        rho, decay = group["rho"], group["weight_decay"]
        options = {
            "rho": unit.scalar("rho", rho),
            "share": unit.scalar("share", 1 - rho),
            "eps": unit.scalar("eps", group["eps"]),
            "rate": unit.scalar("rate", -float(group["lr"])),
            "decay": unit.scalar("decay", decay) if decay else None,
            "maximize": group["maximize"],
        }
        unit.each(adadelta, unit.values, unit.grads, unit.state["square_avg"], unit.state["acc_delta"], **options)


def adadelta(
    values: Any,
    grads: Any,
    v: Any,
    u: Any,
    t: Any,
    *,
    rho: Any,
    share: Any,
    eps: Any,
    rate: Any,
    decay: Any,
    maximize: bool,
) -> None:
    """Update `values` and the running squares of gradients and steps in place; `t` is memory to compute in."""
    g = gradient(values, grads, decay, maximize)
    np.multiply(g, g, t)
    np.multiply(t, share, t)
    np.multiply(v, rho, v)
    np.add(v, t, v)
    np.add(u, eps, t)
    np.divide(t, v + eps, t)
    np.sqrt(t, t)
    np.multiply(t, g, t)
    np.multiply(u, rho, u)
    np.add(u, t * t * share, u)
    np.multiply(t, rate, t)
    np.add(values, t, values)
