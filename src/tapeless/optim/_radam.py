"""RAdam."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import blend, check_betas, check_options, gradient, refuse_differentiable


class RAdam(Optimizer):
    """Adam whose first steps don't trust the mean square of the gradient, which few gradients say little about.

    With Adam's moments m and v, corrected for their start at 0: ``p -= lr * m`` while the mean square is that of too
    few gradients, then ``p -= lr * r * m / (sqrt(v) + eps)`` with a factor r that grows towards 1 (and, as in
    PyTorch, `eps` before the correction of v). `weight_decay` adds that multiple of the parameter to its gradient, or
    with `decoupled_weight_decay` shrinks the parameter by ``lr * weight_decay``; `maximize` goes uphill. `foreach`
    and `capturable` are accepted and change nothing.

    Raises ValueError for negative options and betas outside of ``[0, 1)``.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html and Liu et al. (2020),
    https://arxiv.org/abs/1908.03265

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> RAdam([p], lr=0.1).step()
    >>> p.data
    tensor([0.7000])
    """

    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
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
        )
        check_betas(group)

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        for name in self.state_names:
            if name not in unit.state:
                unit.new_state(name)
        beta1, beta2 = group["betas"]
        lr, decay, decoupled = float(group["lr"]), group["weight_decay"], group["decoupled_weight_decay"]
        rate, scale = -lr / (1 - beta1**unit.steps), _trust(beta2, unit.steps)
        options = {
            "share1": unit.scalar("share1", 1 - beta1),
            "beta2": unit.scalar("beta2", beta2),
            "share2": unit.scalar("share2", 1 - beta2),
            "eps": None if scale is None else unit.scalar("eps", group["eps"]),
            "rate": unit.scalar("rate", rate if scale is None else rate * scale),
            "decay": unit.scalar("decay", decay) if decay and not decoupled else None,
            "shrink": unit.scalar("shrink", 1 - lr * decay) if decay and decoupled else None,
            "maximize": group["maximize"],
        }
        unit.each(radam, unit.values, unit.grads, unit.state["exp_avg"], unit.state["exp_avg_sq"], **options)


def _trust(beta2: float, steps: int) -> float | None:
    """Return the factor of ``m / sqrt(v)``, with the correction of v; None while v is not to be trusted."""
    correction = 1 - beta2**steps
    longest = 2 / (1 - beta2) - 1  # the number of gradients that v is, as it were, the mean of: in the end, and now
    length = longest - 2 * steps * beta2**steps / correction
    if length <= 5:
        return None
    ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    return math.sqrt(ratio * correction)


def radam(
    values: Any,
    grads: Any,
    m: Any,
    v: Any,
    t: Any,
    *,
    share1: Any,
    beta2: Any,
    share2: Any,
    eps: Any,
    rate: Any,
    decay: Any,
    shrink: Any,
    maximize: bool,
) -> None:
    """Update `values` and the moments in place; `t` is memory to compute in. Without `eps`, v plays no part."""
    g = gradient(values, grads, decay, maximize)
    if shrink is not None:
        np.multiply(values, shrink, values)
    blend(m, g, share1, t)
    np.multiply(g, g, t)
    np.multiply(t, share2, t)
    np.multiply(v, beta2, v)
    np.add(v, t, v)
    if eps is None:
        np.multiply(m, rate, t)
    else:
        np.sqrt(v, t)
        np.add(t, eps, t)
        np.divide(m, t, t)
        np.multiply(t, rate, t)
    np.add(values, t, values)
