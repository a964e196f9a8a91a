"""The normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .exp_family import ExponentialFamily
from .utils import broadcast_all


class Normal(ExponentialFamily):
    """The normal distribution of mean ``loc`` and standard deviation ``scale``, numbers or tensors.

    See https://docs.pytorch.org/docs/stable/distributions.html#normal

    >>> import tapeless as tl
    >>> tl.distributions.Normal(0.0, 1.0).log_prob(tl.tensor(0.0))
    tensor(-0.9189)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _mean_carrier_measure = 0

    mean = mode = property(lambda self: self.loc)
    stddev = property(lambda self: self.scale)
    variance = property(lambda self: self.scale.pow(2))

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape``."""
        shape = self._extended_shape(sample_shape)
        with tl.no_grad():
            return tl.normal(self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw ``loc + scale * eps`` with standard normal `eps`."""
        eps = tl.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + eps * self.scale

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        return -((value - self.loc) ** 2) / (2 * self.scale**2) - self.scale.log() - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        self._check(value)
        return 0.5 * (1 + tl.erf((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)))

    def icdf(self, value: Tensor) -> Any:
        """Return the value whose `cdf` is `value`."""
        return self.loc + self.scale * tl.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Any:
        """Return ``log(scale) + log(2 pi e) / 2``."""
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        variance = self.variance
        return self.loc / variance, -0.5 * variance.reciprocal()

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        x, y = natural_params
        return -0.25 * x.pow(2) / y + 0.5 * tl.log(-math.pi / y)
