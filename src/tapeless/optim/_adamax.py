"""Adamax."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import blend, check_betas, check_options, gradient, refuse_differentiable


class Adamax(Optimizer):
    """Adam with the largest gradient, fading, in place of the root of the mean square.

    With ``m = beta1 * m + (1 - beta1) * g`` and ``u = max(beta2 * u, |g| + eps)``:
    ``p -= lr / (1 - beta1**step) * m / u``. `weight_decay` adds that multiple of the parameter to its gradient;
    `maximize` goes uphill. `foreach` and `capturable` are accepted and change nothing.

    Raises ValueError for negative options and betas outside of ``[0, 1)``.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html and Kingma and Ba (2015),
    https://arxiv.org/abs/1412.6980

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> Adamax([p], lr=0.1).step()
    >>> p.data
    tensor([0.9000])
    """

    state_names = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        refuse_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative options, and betas outside of ``[0, 1)``."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("eps", lambda x: x >= 0, "epsilon value"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
        )
        check_betas(group)

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        for name in self.state_names:
            if name not in unit.state:
                unit.new_state(name)
        beta1, beta2 = group["betas"]
        decay = group["weight_decay"]
        options = {
            "share": unit.scalar("share", 1 - beta1),
            "beta2": unit.scalar("beta2", beta2),
            "eps": unit.scalar("eps", group["eps"]),
            "rate": unit.scalar("rate", -float(group["lr"]) / (1 - beta1**unit.steps)),
            "decay": unit.scalar("decay", decay) if decay else None,
            "maximize": group["maximize"],
        }
        unit.each(adamax, unit.values, unit.grads, unit.state["exp_avg"], unit.state["exp_inf"], **options)


def adamax(
    values: Any,
    grads: Any,
    m: Any,
    u: Any,
    t: Any,
    *,
    share: Any,
    beta2: Any,
    eps: Any,
    rate: Any,
    decay: Any,
    maximize: bool,
) -> None:
    """Update `values`, the mean and the largest gradient in place; `t` is memory to compute in."""
    g = gradient(values, grads, decay, maximize)
    blend(m, g, share, t)
    np.abs(g, t)
    np.add(t, eps, t)
    np.multiply(u, beta2, u)
    np.maximum(u, t, out=u)
    np.divide(m, u, t)
    np.multiply(t, rate, t)
    np.add(values, t, values)
