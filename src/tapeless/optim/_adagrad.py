"""Adagrad."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arena import Unit, filled
from ._optimizer import Optimizer, Params
from ._options import check_options, gradient, refuse_differentiable
from ._units import number_dtype


class Adagrad(Optimizer):
    """Gradient descent with steps that shrink where gradients were large.

    With ``s = s + g**2``: ``p -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps)``, where s starts at
    `initial_accumulator_value`. `weight_decay` adds that multiple of the parameter to its gradient; `maximize` goes
    uphill. `foreach` and `fused` are accepted and change nothing. As in PyTorch, the state is there from the
    beginning, not from the first step on.

    Raises ValueError for negative options.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html and Duchi et al. (2011),
    https://jmlr.org/papers/v12/duchi11a.html

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> Adagrad([p], lr=0.1).step()
    >>> p.data
    tensor([0.9000])
    """

    state_names = ("sum",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_differentiable(differentiable, fused, foreach)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative options."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("lr_decay", lambda x: x >= 0, "lr_decay value"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
            ("initial_accumulator_value", lambda x: x >= 0, "initial_accumulator_value value"),
            ("eps", lambda x: x >= 0, "epsilon value"),
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with options of their own where they differ from the defaults."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            # As in PyTorch, a group's own initial value is not looked at.
            start = filled(np.zeros_like(p._array), self.defaults["initial_accumulator_value"])
            self._waiting[p] = {"step": np.zeros((), number_dtype()), "sum": start}

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        if "sum" not in unit.state:
            unit.new_state("sum", self.defaults["initial_accumulator_value"])
        decay = group["weight_decay"]
        options = {
            "eps": unit.scalar("eps", group["eps"]),
            "rate": unit.scalar("rate", -float(group["lr"]) / (1 + (unit.steps - 1) * group["lr_decay"])),
            "decay": unit.scalar("decay", decay) if decay else None,
            "maximize": group["maximize"],
        }
        unit.each(adagrad, unit.values, unit.grads, unit.state["sum"], **options)


def adagrad(values: Any, grads: Any, s: Any, t: Any, *, eps: Any, rate: Any, decay: Any, maximize: bool) -> None:
    """Update `values` and the sum of squares in place; `t` is memory to compute in."""
    g = gradient(values, grads, decay, maximize)
    np.multiply(g, g, t)
    np.add(s, t, s)
    np.sqrt(s, t)
    np.add(t, eps, t)
    np.divide(g, t, t)
    np.multiply(t, rate, t)
    np.add(values, t, values)
