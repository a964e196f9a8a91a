"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import check_options, gradient, refuse_differentiable
from ._units import number_dtype


class ASGD(Optimizer):
    """Gradient descent with falling rates, which also keeps the mean of the parameters as ``state[p]["ax"]``.

    ``p -= eta * (g + lambd * p)``, with ``eta = lr / (1 + lambd * lr * step)**alpha``. From step `t0` on, "ax" is the
    mean of the parameter; before, the parameter itself. `weight_decay` adds that multiple of the parameter to its
    gradient; `maximize` goes uphill. `foreach` and `capturable` are accepted and change nothing.

    Raises ValueError for a negative rate or decay.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html and Polyak and Juditsky (1992),
    Acceleration of stochastic approximation by averaging.

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> ASGD([p], lr=0.1).step()
    >>> p.data
    tensor([0.7000])
    """

    number_names = ("eta", "mu")  # rate of the next step; share of the parameter in the mean
    state_names = ("ax",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        refuse_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative rates."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
        )

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit, then the rate of the next one."""
        lr, lambd, decay = float(group["lr"]), group["lambd"], group["weight_decay"]
        single = number_dtype().type  # PyTorch rounds these numbers to the default dtype
        if "ax" not in unit.state:
            unit.new_state("ax")
            unit.numbers = {"eta": single(lr), "mu": single(1)}
        eta, mu = (float(unit.numbers[name]) for name in self.number_names)
        options = {
            "rate": unit.scalar("rate", -eta),
            "shrink": unit.scalar("shrink", 1 - lambd * eta),
            "mu": unit.scalar("mu", mu) if mu != 1 else None,
            "decay": unit.scalar("decay", decay) if decay else None,
            "maximize": group["maximize"],
        }
        unit.each(asgd, unit.values, unit.grads, unit.state["ax"], **options)
        following = {
            "eta": lr / (1 + lambd * lr * unit.steps) ** group["alpha"],
            "mu": 1 / max(1, unit.steps - group["t0"]),
        }
        unit.numbers = {name: unit.numbers[name].dtype.type(single(x)) for name, x in following.items()}


def asgd(
    values: Any,
    grads: Any,
    mean: Any,
    t: Any,
    *,
    rate: Any,
    shrink: Any,
    mu: Any,
    decay: Any,
    maximize: bool,
) -> None:
    """Update `values` and their mean in place; `t` is memory to compute in."""
    g = gradient(values, grads, decay, maximize)
    np.multiply(g, rate, t)
    np.multiply(values, shrink, values)
    np.add(values, t, values)
    if mu is None:
        np.copyto(mean, values)
    else:
        np.subtract(values, mean, t)
        np.multiply(t, mu, t)
        np.add(mean, t, mean)
