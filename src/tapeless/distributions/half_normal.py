"""The half-normal distribution."""

from __future__ import annotations

import math

from ._functions import Tensor
from ._half import Half
from .normal import Normal


class HalfNormal(Half):
    """The distribution of ``|x|`` where x is normal with mean 0 and standard deviation ``scale``.

    See https://docs.pytorch.org/docs/stable/distributions.html#halfnormal

    >>> import tapeless as tl
    >>> tl.distributions.HalfNormal(1.0).mean
    tensor(0.7979)
    """

    mean = property(lambda self: self.scale * math.sqrt(2 / math.pi))
    variance = property(lambda self: self.scale.pow(2) * (1 - 2 / math.pi))

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), validate_args)
