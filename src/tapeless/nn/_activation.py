"""Activations as layers: each one calls the function of the same name in `functional`.

Definitions and formulas: https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
"""

from __future__ import annotations

import warnings
from typing import Any

from tapeless._creation import empty
from tapeless._ops.linear_activation import LinearRelu, LinearSigmoid, LinearTanh
from tapeless._tensor import Tensor

from . import functional as F, init as initialization
from ._linear import fuse_after_linear
from ._module import Module
from ._parameter import Parameter


class _InplaceActivation(Module):
    """An activation whose only setting is ``inplace``: whether it writes into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""

    def _with_inplace(self, settings: str) -> str:
        return f"{settings}, inplace=True" if self.inplace else settings


class ReLU(_InplaceActivation):
    """max(0, x).

    >>> import tapeless as tl
    >>> tl.nn.ReLU()(tl.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.relu(input, inplace=self.inplace)


class LeakyReLU(_InplaceActivation):
    """x where positive, ``negative_slope`` * x elsewhere.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.LeakyReLU()(tl.tensor([-100.0, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Return the slope."""
        return self._with_inplace(f"negative_slope={self.negative_slope}")


class RReLU(_InplaceActivation):
    """x where positive, a slope * x elsewhere: drawn from ``lower`` ... ``upper`` in training mode, else their mean.

    Any shape. When called, raises ``RuntimeError`` unless lower <= upper and both are finite.

    Sources: https://docs.pytorch.org/docs/stable/generated/torch.nn.RReLU.html; Xu et al., "Empirical evaluation of
    rectified activations in convolutional network" (2015), https://arxiv.org/abs/1505.00853.

    >>> import tapeless as tl
    >>> tl.nn.RReLU(0.1, 0.3).eval()(tl.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Any:
        """Apply the activation."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return the limits of the slope."""
        return self._with_inplace(f"lower={self.lower}, upper={self.upper}")


class PReLU(Module):
    """x where positive, a learned slope * x elsewhere: one slope, or one per channel (axis 1).

    Shape: (N, C, ...) to the same, C being ``num_parameters`` where that is not 1.

    Source: He et al., "Delving deep into rectifiers" (2015).

    >>> import tapeless as tl
    >>> tl.nn.PReLU()(tl.tensor([-4.0, 2.0])).detach()
    tensor([-1.,  2.])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope to the initial one."""
        initialization.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return the number of slopes."""
        return f"num_parameters={self.num_parameters}"


class ELU(_InplaceActivation):
    """x where positive, ``alpha`` * (exp(x) - 1) elsewhere (Clevert et al., 2016).

    >>> import tapeless as tl
    >>> tl.nn.ELU()(tl.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return alpha."""
        return self._with_inplace(f"alpha={self.alpha}")


class CELU(_InplaceActivation):
    """max(0, x) + min(0, ``alpha`` * (exp(x / alpha) - 1)) (Barron, 2017).

    >>> import tapeless as tl
    >>> tl.nn.CELU()(tl.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return alpha."""
        return self._with_inplace(f"alpha={self.alpha}")


class SELU(_InplaceActivation):
    """ELU with the scale and alpha that keep mean 0 and variance 1 (Klambauer et al., 2017).

    >>> import tapeless as tl
    >>> tl.nn.SELU()(tl.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.selu(input, self.inplace)


class GELU(Module):
    """x times the normal distribution function of x, or with ``approximate="tanh"`` an approximation of it.

    Shape: (...) to (...), any number of dims.

    Source: Hendrycks and Gimpel, "Gaussian error linear units" (2016).

    >>> import tapeless as tl
    >>> tl.nn.GELU()(tl.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Return the kind of approximation."""
        return f"approximate={self.approximate!r}"


class SiLU(_InplaceActivation):
    """x * sigmoid(x), also called swish.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.SiLU()(tl.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.silu(input, inplace=self.inplace)


class Mish(_InplaceActivation):
    """x * tanh(softplus(x)) (Misra, 2019).

    >>> import tapeless as tl
    >>> tl.nn.Mish()(tl.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.mish(input, inplace=self.inplace)


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Sigmoid()(tl.tensor([0.0, 100.0]))
    tensor([0.5000, 1.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return input.sigmoid()


class LogSigmoid(Module):
    """log(sigmoid(x)), without overflow.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.LogSigmoid()(tl.tensor([0.0, -100.0]))
    tensor([  -0.6931, -100.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.logsigmoid(input)


class Hardsigmoid(_InplaceActivation):
    """min(max(0, x / 6 + 1 / 2), 1).

    >>> import tapeless as tl
    >>> tl.nn.Hardsigmoid()(tl.tensor([-3.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing, as PyTorch."""
        return ""


class Hardswish(_InplaceActivation):
    """x * min(max(0, x / 6 + 1 / 2), 1).

    >>> import tapeless as tl
    >>> tl.nn.Hardswish()(tl.tensor([-3.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing, as PyTorch."""
        return ""


class Tanh(Module):
    """The hyperbolic tangent.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Tanh()(tl.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return input.tanh()


class Hardtanh(_InplaceActivation):
    """x, limited to ``min_val`` ... ``max_val``.

    Shape: (...) to (...), any number of dims.

    ``min_value`` and ``max_value`` are the deprecated names of the limits.
    Raises ``AssertionError`` unless ``min_val < max_val``.

    >>> import tapeless as tl
    >>> tl.nn.Hardtanh()(tl.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__(inplace)
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and renamed to `{new}`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Return the limits."""
        return self._with_inplace(f"min_val={self.min_val}, max_val={self.max_val}")


class ReLU6(Hardtanh):
    """min(max(0, x), 6).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU6.html

    >>> import tapeless as tl
    >>> tl.nn.ReLU6()(tl.tensor([-1.0, 7.0]))
    tensor([0., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Return whether it works in place."""
        return "inplace=True" if self.inplace else ""


class Softplus(Module):
    """log(1 + exp(``beta`` * x)) / beta; x itself where beta * x is above ``threshold``.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Softplus()(tl.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return beta and the threshold."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """x / (1 + |x|).

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Softsign()(tl.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.softsign(input)


class Tanhshrink(Module):
    """x - tanh(x).

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Tanhshrink()(tl.tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.tanhshrink(input)


class Hardshrink(Module):
    """x where |x| > ``lambd``, 0 elsewhere.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Hardshrink()(tl.tensor([-1.0, 0.3]))
    tensor([-1.,  0.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return lambda."""
        return f"{self.lambd}"


class Softshrink(Module):
    """x moved towards 0 by ``lambd``, 0 where it would change sign.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Softshrink()(tl.tensor([-1.0, 0.25, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """Return lambda."""
        return str(self.lambd)


class Threshold(_InplaceActivation):
    """x where x > ``threshold``, ``value`` elsewhere.

    Shape: (...) to (...), any number of dims.

    >>> import tapeless as tl
    >>> tl.nn.Threshold(1.0, -1.0)(tl.tensor([0.5, 2.0]))
    tensor([-1.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Apply the activation."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Return the threshold and the value."""
        return self._with_inplace(f"threshold={self.threshold}, value={self.value}")


fuse_after_linear(ReLU, LinearRelu)
fuse_after_linear(Tanh, LinearTanh)
fuse_after_linear(Sigmoid, LinearSigmoid)
