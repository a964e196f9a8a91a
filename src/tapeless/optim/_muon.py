"""Muon."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import blend, check_not_negative

_ADJUSTMENTS = (None, "original", "match_rms_adamw")


class Muon(Optimizer):
    """Gradient descent with momentum for matrices, whose steps are the nearest matrices with orthogonal rows.

    ``b = momentum * b + (1 - momentum) * g``; with `nesterov`, ``momentum * b + (1 - momentum) * g`` once more takes
    its place. `ns_steps` steps of a Newton-Schulz iteration, ``X = a X + (b (X Xt) + c (X Xt)**2) X`` with the
    `ns_coefficients` a, b and c, bring its singular values near 1. `adjust_lr_fn` says how the rate depends on the
    shape ``(m, n)``: "original" (also None) multiplies it by ``sqrt(max(1, m / n))``, "match_rms_adamw" by
    ``0.2 * sqrt(max(m, n))``. `weight_decay` shrinks the parameter by ``lr * weight_decay``.

    As in PyTorch, the iteration has the precision of bfloat16, 8 bits: here it is computed in float32, and each
    result rounded. So a step is PyTorch's up to sums in another order, which may round the other way: 0.4 % of it.

    Raises ValueError for negative options, unknown `adjust_lr_fn`, parameters that are no matrices, other than 3
    coefficients and 100 steps or more; RuntimeError in the step for complex parameters.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html and Jordan (2024),
    https://kellerjordan.github.io/posts/muon/

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.eye(2))
    >>> (p * tl.tensor([[5.0, 0.0], [0.0, 4.0]])).sum().backward()
    >>> Muon([p], lr=0.1, weight_decay=0.0).step()
    >>> p.data
    tensor([[0.8914, 0.0000],
            [0.0000, 0.9078]])
    """

    state_names = ("momentum_buffer",)
    counts_steps = False
    flat = False  # products of matrices

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative options and unknown adjustments."""
        check_not_negative(group, ("lr", "Learning rate"), ("momentum", "momentum"), ("weight_decay", "weight decay"))
        if group["adjust_lr_fn"] not in _ADJUSTMENTS:
            raise ValueError(
                f"Adjust learning rate function {group['adjust_lr_fn']} is not supported\n"
                f"Expected one of {', '.join(map(repr, _ADJUSTMENTS))}."
            )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, which must be matrices, with options of their own where they differ from the defaults."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.ndim != 2:
                del self.param_groups[-1]
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}\n"
                    "Give those with other than 2 dims, and embeddings, to an optimizer of their own, such as AdamW."
                )

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit, which is one parameter."""
        values, g = unit.values, unit.grads
        if values.dtype.kind == "c":
            raise RuntimeError("Muon does not support complex parameters\nUse AdamW for those.")
        if "momentum_buffer" not in unit.state:
            unit.new_state("momentum_buffer")
        buffer, t = unit.state["momentum_buffer"], np.empty_like(values)
        share = unit.scalar("share", 1 - group["momentum"])
        blend(buffer, g, share, t)
        direction = buffer
        if group["nesterov"]:
            direction = buffer.copy()
            blend(direction, g, share, t)
        step = orthogonalized(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
        lr = float(group["lr"])
        np.multiply(values, unit.scalar("shrink", 1 - lr * group["weight_decay"]), values)
        np.multiply(step, unit.scalar("rate", -_adjusted(lr, group["adjust_lr_fn"], values.shape)), t)
        np.add(values, t, values)


def _adjusted(lr: float, how: str | None, shape: Any) -> float:
    """Return the rate for a matrix of this shape."""
    m, n = shape
    if how == "match_rms_adamw":
        return lr * 0.2 * math.sqrt(max(m, n))
    return lr * math.sqrt(max(1, m / n)) if n else lr


def orthogonalized(matrix: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """Return a float32 matrix with the singular vectors of `matrix`, whose singular values are about 1."""
    if steps >= 100:
        raise ValueError(
            f"Number of steps must be less than 100 for computational efficiency\nns_steps is {steps}; 5 will do."
        )
    if len(coefficients) != 3:
        raise ValueError(f"Coefficients must be a tuple of exactly 3 values\nns_coefficients is {coefficients}.")
    a, b, c = (np.float32(x) for x in coefficients)
    x = rounded(matrix.astype(np.float32))
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    norm = rounded(np.sqrt(np.square(x).sum(dtype=np.float32)))
    x = rounded(x / np.maximum(norm, rounded(np.float32(eps))))
    for _ in range(steps):
        gram = rounded(x @ x.T)
        x = rounded(a * x + rounded(b * gram + c * (gram @ gram)) @ x)
    return x.T if tall else x


def rounded(x: Any) -> Any:
    """Return float32 numbers rounded to the 8 bits of precision that bfloat16 has, ties to even."""
    bits = np.atleast_1d(np.asarray(x, np.float32)).view(np.uint32)
    even = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(x), even.view(np.float32).reshape(np.shape(x)), x)
