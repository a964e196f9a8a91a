"""NAdam."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import blend, check_betas, check_options, gradient, refuse_differentiable
from ._units import number_dtype


class NAdam(Optimizer):
    """Adam with Nesterov momentum: the step looks ahead to the next mean of the gradient.

    With Adam's moments m and v, v corrected for its start at 0, and
    ``mu(t) = beta1 * (1 - 0.96**(t * momentum_decay) / 2)``, whose product up to step t is M(t):
    ``p -= lr * (mu(t+1) * m / (1 - M(t+1)) + (1 - mu(t)) * g / (1 - M(t))) / (sqrt(v) + eps)``.
    `weight_decay` adds that multiple of the parameter to its gradient, or with `decoupled_weight_decay` shrinks the
    parameter by ``lr * weight_decay``; `maximize` goes uphill. `foreach` and `capturable` change nothing.

    Raises ValueError for negative options and betas outside of ``[0, 1)``.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html and Dozat (2016),
    https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> NAdam([p], lr=0.1).step()
    >>> p.data
    tensor([0.8944])
    """

    number_names = ("mu_product",)
    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative options, and betas outside of ``[0, 1)``."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("eps", lambda x: x >= 0, "epsilon value"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
            ("momentum_decay", lambda x: x >= 0, "momentum_decay value"),
        )
        check_betas(group)

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        for name in self.state_names:
            if name not in unit.state:
                unit.new_state(name)
        product = unit.numbers.get("mu_product", number_dtype().type(1))  # PyTorch rounds it to the default dtype
        beta1, beta2 = group["betas"]
        mu, following = (
            beta1 * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"])) for step in (unit.steps, unit.steps + 1)
        )
        unit.numbers["mu_product"] = product = product * product.dtype.type(mu)
        lr, decay, decoupled = float(group["lr"]), group["weight_decay"], group["decoupled_weight_decay"]
        options = {
            "share1": unit.scalar("share1", 1 - beta1),
            "beta2": unit.scalar("beta2", beta2),
            "share2": unit.scalar("share2", 1 - beta2),
            "correction": unit.scalar("correction", 1 - beta2**unit.steps),
            "eps": unit.scalar("eps", group["eps"]),
            "rate_g": unit.scalar("rate_g", -lr * (1 - mu) / (1 - float(product))),
            "rate_m": unit.scalar("rate_m", -lr * following / (1 - float(product) * following)),
            "decay": unit.scalar("decay", decay) if decay and not decoupled else None,
            "shrink": unit.scalar("shrink", 1 - lr * decay) if decay and decoupled else None,
            "maximize": group["maximize"],
        }
        unit.each(nadam, unit.values, unit.grads, unit.state["exp_avg"], unit.state["exp_avg_sq"], **options)


def nadam(
    values: Any,
    grads: Any,
    m: Any,
    v: Any,
    t: Any,
    *,
    share1: Any,
    beta2: Any,
    share2: Any,
    correction: Any,
    eps: Any,
    rate_g: Any,
    rate_m: Any,
    decay: Any,
    shrink: Any,
    maximize: bool,
) -> None:
    """Update `values` and the moments in place; `t` is memory to compute in."""
    g = gradient(values, grads, decay, maximize)
    if shrink is not None:
        np.multiply(values, shrink, values)
    blend(m, g, share1, t)
    np.multiply(g, g, t)
    np.multiply(t, share2, t)
    np.multiply(v, beta2, v)
    np.add(v, t, v)
    np.divide(v, correction, t)
    np.sqrt(t, t)
    np.add(t, eps, t)
    ahead = m * rate_m
    ahead += g * rate_g
    np.divide(ahead, t, t)
    np.add(values, t, values)
