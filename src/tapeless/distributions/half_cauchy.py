"""The half-Cauchy distribution."""

from __future__ import annotations

import math

from . import _functions as tl
from ._functions import Tensor
from ._half import Half
from .cauchy import Cauchy


class HalfCauchy(Half):
    """The distribution of ``|x|`` where x has a Cauchy distribution with median 0 and ``scale``.

    Its mean and variance are infinite. See https://docs.pytorch.org/docs/stable/distributions.html#halfcauchy

    >>> import tapeless as tl
    >>> tl.distributions.HalfCauchy(1.0).cdf(tl.tensor(1.0))
    tensor(0.5000)
    """

    mean = property(lambda self: tl.full_like(self.scale, math.inf))
    variance = property(lambda self: self.base_dist.variance)

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)
