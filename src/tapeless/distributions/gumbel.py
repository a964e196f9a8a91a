"""The Gumbel distribution."""

from __future__ import annotations

import math
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant, finfo


class Gumbel(TransformedDistribution):
    """The Gumbel distribution of mode ``loc``: ``loc - scale * log(-log(u))`` with u uniform on (0, 1).

    See https://docs.pytorch.org/docs/stable/distributions.html#gumbel

    >>> import tapeless as tl
    >>> tl.distributions.Gumbel(0.0, 1.0).mean
    tensor(0.5772)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    mean = property(lambda self: self.loc + self.scale * euler_constant)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: math.pi / math.sqrt(6) * self.scale)
    variance = property(lambda self: self.stddev.pow(2))

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        limits = finfo(self.loc)
        low, high = tl.full_like(self.loc, limits.tiny), tl.full_like(self.loc, 1 - limits.eps)
        log = ExpTransform().inv
        transforms = [log, AffineTransform(0, -tl.ones_like(self.scale)), log, AffineTransform(loc, -self.scale)]
        super().__init__(Uniform(low, high, validate_args), transforms, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    def entropy(self) -> Any:
        """Return ``log(scale) + 1`` plus Euler's constant."""
        return self.scale.log() + (1 + euler_constant)
