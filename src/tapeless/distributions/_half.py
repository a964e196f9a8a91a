"""What the halves of distributions that are symmetric around 0 share."""

from __future__ import annotations

import math
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .distribution import Distribution
from .transformed_distribution import TransformedDistribution
from .transforms import AbsTransform


class Half(TransformedDistribution):
    """The distribution of ``|x|`` where x has a density that is symmetric around 0, with a ``scale``."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    scale = property(lambda self: self.base_dist.scale)
    mode = property(lambda self: tl.zeros_like(self.scale))

    def __init__(self, base: Distribution, validate_args: bool | None) -> None:
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of twice the density of x; -inf for negative values."""
        self._check(value)
        value = tl.as_tensor(value, dtype=self.scale.dtype)
        log_prob = self.base_dist.log_prob(value) + math.log(2)
        return tl.where(value >= 0, log_prob, -math.inf)

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        self._check(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Any:
        """Return the value whose `cdf` is `value`."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        """Return that of x, minus log(2)."""
        return self.base_dist.entropy() - math.log(2)
