"""Rprop."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import check_options, refuse_differentiable


class Rprop(Optimizer):
    """Steps that look at the sign of the gradient only: longer while it stays the same, shorter when it changes.

    Each element has a step, at first `lr`. It is multiplied by ``etas[1]`` where the gradient has the same sign as
    before, and by ``etas[0]`` where it has the other one, and kept within `step_sizes`. The parameter moves by the
    step against the sign, except where the sign changed. For gradients of all the data, not of batches. `maximize`
    goes uphill. `foreach` and `capturable` are accepted and change nothing.

    Raises ValueError for a negative rate, and unless ``0 < etas[0] < 1 < etas[1]``.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html and Riedmiller and Braun (1993),
    A direct adaptive method for faster backpropagation learning.

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> optimizer = Rprop([p], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (p * 3).sum().backward()
    ...     optimizer.step()
    ...     print(p.data)
    tensor([0.9000])
    tensor([0.7800])
    """

    state_names = ("prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative rates, and factors that would shrink what shall grow."""
        check_options(group, ("lr", lambda x: x >= 0, "learning rate"))
        shorter, longer = group["etas"]
        if not 0 < shorter < 1 < longer:
            raise ValueError(
                f"Invalid eta values: {shorter}, {longer}\nExpected two factors, one between 0 and 1, one above 1."
            )

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        for name, start in zip(self.state_names, (0, float(group["lr"]))):
            if name not in unit.state:
                unit.new_state(name, start)
        options = {
            "shorter": unit.scalar("shorter", group["etas"][0]),
            "longer": unit.scalar("longer", group["etas"][1]),
            "least": unit.scalar("least", group["step_sizes"][0]),
            "most": unit.scalar("most", group["step_sizes"][1]),
            "maximize": group["maximize"],
        }
        unit.each(rprop, unit.values, unit.grads, unit.state["prev"], unit.state["step_size"], **options)


def rprop(
    values: Any,
    grads: Any,
    prev: Any,
    size: Any,
    t: Any,
    *,
    shorter: Any,
    longer: Any,
    least: Any,
    most: Any,
    maximize: bool,
) -> None:
    """Update `values`, the former gradient and the sizes of the steps in place; `t` is memory to compute in."""
    np.multiply(grads, prev, t)
    if maximize:
        np.negative(t, t)
        np.negative(grads, prev)
    else:
        np.copyto(prev, grads)
    np.sign(t, t)
    same, changed, neither = t > 0, t < 0, t == 0
    np.copyto(t, longer, where=same)
    np.copyto(t, shorter, where=changed)
    np.copyto(t, 1, where=neither)
    np.multiply(size, t, size)
    np.maximum(size, least, out=size)
    np.minimum(size, most, out=size)
    np.copyto(prev, 0, where=changed)  # no step there now, and no comparison in the next step
    np.sign(prev, t)
    np.multiply(t, size, t)
    np.subtract(values, t, values)
