"""The Laplace distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .distribution import Distribution
from .utils import broadcast_all, finfo


class Laplace(Distribution):
    """The Laplace distribution: density falls off exponentially to both sides of ``loc``, at rate 1 / ``scale``.

    See https://docs.pytorch.org/docs/stable/distributions.html#laplace

    >>> import tapeless as tl
    >>> tl.distributions.Laplace(0.0, 1.0).variance
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    mean = mode = property(lambda self: self.loc)
    stddev = property(lambda self: 2**0.5 * self.scale)
    variance = property(lambda self: 2 * self.scale.pow(2))

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw by the inverse of the distribution function."""
        shape = self._extended_shape(sample_shape)
        u = tl.empty(shape, dtype=self.loc.dtype).uniform_(finfo(self.loc).eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        self._check(value)
        away = value - self.loc
        return 0.5 - 0.5 * away.sign() * (-away.abs() / self.scale).expm1()

    def icdf(self, value: Tensor) -> Any:
        """Return the value whose `cdf` is `value`."""
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Any:
        """Return ``1 + log(2 scale)``."""
        return 1 + (2 * self.scale).log()
