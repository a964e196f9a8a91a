"""Adafactor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import blend, check_not_negative


class Adafactor(Optimizer):
    """Adam's scaling with little memory: of a matrix's mean squares it keeps those of rows and of columns.

    For a gradient of shape ``(..., m, n)`` the state is "row_var" ``(..., m, 1)`` and "col_var" ``(..., 1, n)``,
    running means with the weight ``step**beta2_decay`` for the new square; their product, over the mean of the rows,
    is v. For vectors and scalars v is the "variance" itself. With ``u = g / max(sqrt(v), eps[0])``, divided by
    ``max(1, rms(u) / d)``: ``p -= max(eps[1], rms(p)) * min(lr, 1 / sqrt(step)) * u``. `eps[0]` None stands for the
    spacing of the dtype at 1. `weight_decay` shrinks the parameter by ``lr * weight_decay``; `maximize` goes uphill.
    `foreach` is accepted and changes nothing.

    Raises ValueError for negative options, a `beta2_decay` above 0 and a `d` below 1; RuntimeError in the step for
    complex parameters.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html and Shazeer and Stern (2018),
    https://arxiv.org/abs/1804.04235

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([[1.0]]))
    >>> (p * 3).sum().backward()
    >>> optimizer = Adafactor([p], lr=0.1)
    >>> optimizer.step()
    >>> p.data, optimizer.state[p]["row_var"]
    (tensor([[0.9000]]), tensor([[9.]]))
    """

    state_names = ("row_var", "col_var", "variance")
    flat = False  # means of rows, columns and all of a parameter

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse what has the wrong sign."""
        check_not_negative(group, ("lr", "Learning rate"), ("weight_decay", "weight_decay"))
        eps1, eps2 = group["eps"]
        rules = (
            (group["beta2_decay"] <= 0, f"beta2_decay should be <= 0 but is: {group['beta2_decay']}"),
            (eps1 is None or eps1 >= 0, f"epsilon1 should be >= 0 but is: {eps1}"),
            (eps2 >= 0, f"epsilon2 should be >= 0 but is: {eps2}"),
            (group["d"] >= 1, f"Clipping threshold d should be >= 1 but is: {group['d']}"),
        )
        for holds, message in rules:
            if not holds:
                raise ValueError(message)

    def state_shape(self, name: str, shape: Any) -> Any:
        """Return the shape of a state: with one column or one row for the factors."""
        if name == "row_var":
            return (*shape[:-1], 1)
        return (*shape[:-2], 1, shape[-1]) if name == "col_var" else shape

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit, which is one parameter."""
        values = unit.values
        if values.dtype.kind == "c":
            raise RuntimeError("Adafactor does not support complex parameters\nUse Adam for those.")
        for name in ("row_var", "col_var") if values.ndim > 1 else ("variance",):
            if name not in unit.state:
                unit.new_state(name, shape=self.state_shape(name, values.shape))
        if not values.size:
            return
        g = -unit.grads if group["maximize"] else unit.grads
        lr, (eps1, eps2) = float(group["lr"]), group["eps"]
        eps1 = float(np.finfo(values.dtype).eps) if eps1 is None else eps1
        rate = max(eps2, _rms(values)) * min(lr, 1 / math.sqrt(unit.steps))
        if group["weight_decay"]:
            np.multiply(values, unit.scalar("shrink", 1 - lr * group["weight_decay"]), values)
        v = _mean_squares(unit.state, g, unit.scalar("weight", unit.steps ** group["beta2_decay"]), eps1)
        u = g / np.sqrt(np.maximum(v, eps1 * eps1))
        np.add(values, u * unit.scalar("rate", -rate / max(1.0, _rms(u) / group["d"])), values)


def _rms(x: Any) -> float:
    """Return the root of the mean square of the elements; in single precision at least."""
    dtype = np.float32 if x.itemsize < 4 else x.dtype
    return math.sqrt(float(np.square(x, dtype=dtype).sum()) / x.size)


def _mean_squares(state: dict[str, Any], g: Any, weight: Any, eps: float) -> Any:
    """Move the running mean squares, or their factors, towards the squares of `g`, and return the mean squares."""
    squares = np.square(g)
    if g.ndim < 2:
        blend(state["variance"], squares, weight, np.empty_like(g))
        return state["variance"]
    row, column = state["row_var"], state["col_var"]
    blend(row, squares.mean(-1, keepdims=True), weight, np.empty_like(row))
    blend(column, squares.mean(-2, keepdims=True), weight, np.empty_like(column))
    return row @ column / np.maximum(row.mean(-2, keepdims=True), eps)
