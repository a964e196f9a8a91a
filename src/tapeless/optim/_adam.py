"""Adam and AdamW."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._core.tensor_base import TensorBase
from .._kernels.accelerated import accelerated
from ._arena import Unit
from ._optimizer import Optimizer, Params
from ._options import check_betas, check_options, gradient, refuse_differentiable


class Adam(Optimizer):
    """Gradient descent scaled by running moments of the gradient.

    With ``m = beta1 * m + (1 - beta1) * g`` and ``v = beta2 * v + (1 - beta2) * g**2``, corrected for their start
    at 0: ``p -= lr * m / (sqrt(v) + eps)``. `weight_decay` adds that multiple of the parameter to its gradient
    (with `decoupled_weight_decay`, as `AdamW`, it shrinks the parameter instead); `amsgrad` keeps the largest v.
    See https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html, Kingma and Ba (2015), Reddi (2018).

    >>> import tapeless as tl
    >>> p = tl.nn.Parameter(tl.tensor([1.0]))
    >>> (p * 3).sum().backward()
    >>> Adam([p], lr=0.1).step()
    >>> p.data
    tensor([0.9000])
    """

    state_names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        refuse_differentiable(differentiable, fused, foreach)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": _floats(lr, betas, bool(foreach) and not capturable),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def check(self, group: dict[str, Any]) -> None:
        """Refuse negative rates, and betas outside of ``[0, 1)``."""
        check_options(
            group,
            ("lr", lambda x: x >= 0, "learning rate"),
            ("eps", lambda x: x >= 0, "epsilon value"),
            ("weight_decay", lambda x: x >= 0, "weight_decay value"),
        )
        check_betas(group)

    def update(self, unit: Unit, group: dict[str, Any]) -> None:
        """Compute one step of a unit."""
        lr, (beta1, beta2), eps, decay = float(group["lr"]), group["betas"], group["eps"], group["weight_decay"]
        given = (lr, beta1, beta2, decay, group["amsgrad"], group["maximize"], group["decoupled_weight_decay"])
        prepared = unit.prepared
        if (
            prepared is None
            or prepared.given != given
            or prepared.scales is not unit.scales
            or prepared.states is not unit.state
        ):
            _prepare(unit, (beta1, beta2), group["amsgrad"])
            prepared = unit.prepared = _Prepared(unit, *given)
        steps = unit.steps
        # sqrt(v / c2) + eps = root * (sqrt(V) + eps / root), where V is the moment that we carry, v = scale * V.
        root = math.sqrt(prepared.scale2 / (1 - beta2**steps))
        prepared.eps[()] = eps / root
        prepared.rate[()] = -lr * prepared.scale1 / ((1 - beta1**steps) * root)
        unit.each(adam, unit.values, unit.grads, *prepared.state, **prepared.options)


class _Prepared:
    """What a step of a unit needs besides its number: worked out again where options or state are others.

    Scalars are arrays of the unit's dtype. Of the 4,400 bytecodes of a small network's step this saves 200.
    """

    def __init__(self, unit: Unit, *given: Any) -> None:
        lr, beta1, beta2, decay, amsgrad, maximize, decoupled = self.given = given
        self.scales, self.states = unit.scales, unit.state
        self.scale1, self.scale2 = unit.scales.get("exp_avg", 1), unit.scales.get("exp_avg_sq", 1)
        self.state = [unit.state["exp_avg"], unit.state["exp_avg_sq"]]
        self.state.append(unit.state["max_exp_avg_sq"] if amsgrad else None)
        scaled = bool(unit.scales)
        self.eps, self.rate = unit.scalar("eps", 0), unit.scalar("rate", 0)
        self.options = {
            "beta1": unit.scalar("beta1", beta1),
            "beta2": unit.scalar("beta2", beta2),
            "share1": None if scaled else unit.scalar("share1", 1 - beta1),
            "share2": None if scaled else unit.scalar("share2", 1 - beta2),
            "eps": self.eps,
            "rate": self.rate,
            "decay": unit.scalar("decay", decay) if decay and not decoupled else None,
            "shrink": unit.scalar("shrink", 1 - lr * decay) if decay and decoupled else None,
            "maximize": maximize,
        }


class AdamW(Adam):
    """Adam with decoupled weight decay: the parameter shrinks by ``lr * weight_decay``, its moments see nothing of it.

    See https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html and Loshchilov and Hutter (2019).

    >>> import tapeless as tl
    >>> w = tl.ones(2, requires_grad=True)
    >>> optimizer = tl.optim.AdamW([w], lr=0.1)
    >>> (w * tl.tensor([1.0, 2.0])).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8990, 0.8990], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


def _floats(lr: Any, betas: Any, refused: bool) -> tuple[Any, ...]:
    """Return the betas as floats; ValueError where PyTorch raises one for a mixture, and for tensors if `refused`."""
    numbers = {"lr": lr, **{f"betas[{i}]": beta for i, beta in enumerate(betas)}}
    tensors = [name for name, value in numbers.items() if isinstance(value, TensorBase)]
    for name in tensors:
        if refused:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        if numbers[name]._array.size != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
    kinds = {TensorBase if isinstance(beta, TensorBase) else type(beta) for beta in betas}
    if kinds not in ({float}, {TensorBase}) and all([0 <= float(beta) < 1 for beta in betas]):
        raise ValueError(f"betas must be either both floats or both Tensors\nThey are {betas}.")
    return tuple([beta._array.item() if isinstance(beta, TensorBase) else beta for beta in betas])


def _prepare(unit: Unit, betas: tuple[float, float], amsgrad: bool) -> None:
    """Make the state that is missing, and bring it into PyTorch's units when the betas are no longer those it is in."""
    beta1, beta2 = betas
    if "exp_avg" not in unit.state:
        unit.new_state("exp_avg")
        unit.new_state("exp_avg_sq")
        if unit.values.itemsize > 2:  # float16 could not hold moments without their factors
            unit.scales = {"exp_avg": 1 - beta1, "exp_avg_sq": 1 - beta2, "max_exp_avg_sq": 1 - beta2}
    if amsgrad and "max_exp_avg_sq" not in unit.state:
        unit.new_state("max_exp_avg_sq")
    if unit.scales and (unit.scales["exp_avg"], unit.scales["exp_avg_sq"]) != (1 - beta1, 1 - beta2):
        unit.open_state()


@accelerated("optimizers.adam", size=256)
def adam(
    values: Any,
    grads: Any,
    m: Any,
    v: Any,
    largest: Any,
    t: Any,
    *,
    beta1: Any,
    beta2: Any,
    share1: Any,
    share2: Any,
    eps: Any,
    rate: Any,
    decay: Any,
    shrink: Any,
    maximize: bool,
) -> None:
    """Update `values` and the moments in place; `t` is memory to compute in.

    The moments are carried without their factors (1 - beta), which `eps` and `rate` make up for: each then needs
    one multiply and one add, ten NumPy calls in all. With `share1` and `share2`, the moments are PyTorch's own.
    """
    g = gradient(values, grads, decay, maximize)
    if shrink is not None:
        np.multiply(values, shrink, values)
    np.multiply(m, beta1, m)
    np.add(m, g if share1 is None else g * share1, m)
    np.multiply(v, beta2, v)
    np.multiply(g, g if share2 is None else g * share2, t)
    np.add(v, t, v)
    if largest is not None:
        np.maximum(largest, v, out=largest)
        v = largest
    np.sqrt(v, t)
    np.add(t, eps, t)
    np.divide(m, t, t)
    np.multiply(t, rate, t)
    np.add(values, t, values)
