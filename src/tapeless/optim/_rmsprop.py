"""RMSprop."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._kernels.accelerated import accelerated
from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import blend, check_options, gradient, refuse_differentiable


class RMSprop(Optimizer):
    """Gradient descent scaled by the root of the running mean square of the gradient.

    With ``v = alpha * v + (1 - alpha) * g**2``: ``p -= lr * g / (sqrt(v) + eps)``. `centered` takes the square of
    the gradient's running mean off v, which leaves its variance. With `momentum`, what is multiplied by lr is summed
    up: ``b = momentum * b + g / (sqrt(v) + eps)``. `weight_decay` adds that multiple of the parameter to its
    gradient; `maximize` goes uphill. `foreach` and `capturable` are accepted and change nothing.

    Raises ValueError for negative options.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html; Hinton's lecture 6
    (https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf), Graves (2013) for `centered`.

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> RMSprop([p], lr=0.1, alpha=0.75).step()
    >>> p.data
    tensor([0.8000])
    """

    state_names = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
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
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative options."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("eps", lambda x: x >= 0, "epsilon value"),
            ("momentum", lambda x: x >= 0, "momentum value"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
            ("alpha", lambda x: x >= 0, "alpha value"),
        )

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        alpha, decay, momentum = group["alpha"], group["weight_decay"], group["momentum"]
        needed = {"square_avg": True, "momentum_buffer": momentum > 0, "grad_avg": group["centered"]}
        for name, wanted in needed.items():
            if wanted and name not in unit.state:
                unit.new_state(name)
        options = {
            "alpha": unit.scalar("alpha", alpha),
            "share": unit.scalar("share", 1 - alpha),
            "eps": unit.scalar("eps", group["eps"]),
            "momentum": unit.scalar("momentum", momentum),
            "rate": unit.scalar("rate", -float(group["lr"])),
            "decay": unit.scalar("decay", decay) if decay else None,
            "maximize": group["maximize"],
        }
        state = [unit.state[name] if wanted else None for name, wanted in needed.items()]
        unit.each(rmsprop, unit.values, unit.grads, *state, **options)


@accelerated("optimizers.rmsprop", size=2048)
def rmsprop(
    values: Any,
    grads: Any,
    v: Any,
    buffer: Any,
    mean: Any,
    t: Any,
    *,
    alpha: Any,
    share: Any,
    eps: Any,
    momentum: Any,
    rate: Any,
    decay: Any,
    maximize: bool,
) -> None:
    """Update `values`, the mean square, and the momentum `buffer` and the `mean` if there are, in place.

    `t` is memory to compute in.
    """
    g = gradient(values, grads, decay, maximize)
    np.multiply(g, g, t)
    np.multiply(t, share, t)
    np.multiply(v, alpha, v)
    np.add(v, t, v)
    if mean is not None:
        blend(mean, g, share, t)
        np.multiply(mean, mean, t)
        np.subtract(v, t, t)
        np.sqrt(t, t)
    else:
        np.sqrt(v, t)
    np.add(t, eps, t)
    np.divide(g, t, t)
    if buffer is not None:
        np.multiply(buffer, momentum, buffer)
        np.add(buffer, t, buffer)
        np.multiply(buffer, rate, t)
    else:
        np.multiply(t, rate, t)
    np.add(values, t, values)
