"""The Cauchy distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .distribution import Distribution
from .utils import broadcast_all


class Cauchy(Distribution):
    """The Cauchy (Lorentz) distribution of median ``loc`` and half width at half maximum ``scale``.

    Its mean is undefined and its variance infinite.
    See https://docs.pytorch.org/docs/stable/distributions.html#cauchy

    >>> import tapeless as tl
    >>> tl.distributions.Cauchy(0.0, 1.0).cdf(tl.tensor(1.0))
    tensor(0.7500)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    mean = property(lambda self: tl.full_like(self.loc, math.nan))
    mode = property(lambda self: self.loc)
    variance = property(lambda self: tl.full_like(self.loc, math.inf))

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw ``loc + scale * eps`` with standard Cauchy `eps`."""
        eps = tl.empty(self._extended_shape(sample_shape), dtype=self.loc.dtype).cauchy_()
        return self.loc + eps * self.scale

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        return -math.log(math.pi) - self.scale.log() - (((value - self.loc) / self.scale) ** 2).log1p()

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        self._check(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Any:
        """Return the value whose `cdf` is `value`."""
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Any:
        """Return ``log(4 pi scale)``."""
        return math.log(4 * math.pi) + self.scale.log()
