"""The von Mises distribution."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _functions as tl, constraints
from ._functions import Tensor
from .distribution import Distribution
from .utils import broadcast_all, lazy_property

# Polynomials for the modified Bessel functions I0 and I1: Abramowitz and Stegun, "Handbook of mathematical functions"
# (1964), 9.8.1 to 9.8.4, in (x / 3.75) ** 2 up to 3.75 and in 3.75 / x from there on; the highest power first.
_SMALL = (
    (0.0045813, 0.0360768, 0.2659732, 1.2067492, 3.0899424, 3.5156229, 1.0),
    (0.00032411, 0.00301532, 0.02658733, 0.15084934, 0.51498869, 0.87890594, 0.5),
)
_LARGE = (
    (0.00392377, -0.01647633, 0.02635537, -0.02057706, 0.00916281, -0.00157565, 0.00225319, 0.01328592, 0.39894228),
    (-0.00420059, 0.01787654, -0.02895312, 0.02282967, -0.01031555, 0.00163801, -0.00362018, -0.03988024, 0.39894228),
)


def log_bessel(x: Tensor, order: int) -> Any:
    """Return the logarithm of the modified Bessel function of the first kind, order 0 or 1, to 7 digits, as PyTorch."""

    def horner(y: Any, coefficients: tuple[float, ...]) -> Any:
        return functools.reduce(lambda total, c: total * y + c, coefficients)

    small = horner((x / 3.75) ** 2, _SMALL[order])
    small = (x.abs() * small if order else small).log()
    large = x - 0.5 * x.log() + horner(3.75 / x, _LARGE[order]).log()
    return tl.where(x < 3.75, small, large)


class VonMises(Distribution):
    """Angles around ``loc`` with a density in proportion to ``exp(concentration * cos(x - loc))``.

    Samples are in [-pi, pi). `variance` is the circular one.

    Sources: https://docs.pytorch.org/docs/stable/distributions.html#vonmises; Best and Fisher, "Efficient simulation
    of the von Mises distribution" (1979).

    >>> import tapeless as tl
    >>> tl.distributions.VonMises(tl.tensor([1.0]), tl.tensor([1.0])).log_prob(tl.tensor([1.0]))
    tensor([-1.0738])
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    mean = mode = property(lambda self: self.loc)

    def __init__(self, loc: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @lazy_property
    def variance(self) -> Any:
        """The circular variance: 1 minus the length of the mean of the points on the unit circle."""
        return 1 - (log_bessel(self.concentration, 1) - log_bessel(self.concentration, 0)).exp()

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        log_prob = self.concentration * (value - self.loc).cos()
        return log_prob - math.log(2 * math.pi) - log_bessel(self.concentration, 0)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape``, by rejection from a wrapped Cauchy distribution."""
        shape = self._extended_shape(sample_shape)
        loc, kappa = (p.detach().numpy().astype(np.float64) for p in (self.loc, self.concentration))
        r = _proposal(kappa)
        angle, done = np.zeros(shape), np.zeros(shape, np.bool_)
        while not done.all():
            u1, u2, u3 = tl.rand((3, *shape), dtype=np.float64).numpy()
            z = np.cos(math.pi * u1)
            f = (1 + r * z) / (r + z)
            c = kappa * (r - f)
            accepted = (c * (2 - c) - u2 > 0) | (np.log(c / u2) + 1 - c >= 0)
            angle = np.where(accepted, np.sign(u3 - 0.5) * np.arccos(f), angle)
            done |= accepted
        values = (angle + math.pi + loc) % (2 * math.pi) - math.pi
        return tl.tensor(values.astype(self.loc.dtype))


def _proposal(kappa: Any) -> Any:
    """Return the parameter of the wrapped Cauchy distribution that samples are proposed by."""
    with np.errstate(all="ignore"):
        tau = 1 + np.sqrt(1 + 4 * kappa**2)
        rho = (tau - np.sqrt(2 * tau)) / (2 * kappa)
        return np.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))
