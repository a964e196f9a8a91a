"""The uniform distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .distribution import Distribution
from .utils import broadcast_all


class Uniform(Distribution):
    """The uniform distribution on ``[low, high)``.

    See https://docs.pytorch.org/docs/stable/distributions.html#uniform

    >>> import tapeless as tl
    >>> tl.distributions.Uniform(0.0, 5.0).mean
    tensor(2.5000)
    """

    has_rsample = True

    mean = property(lambda self: (self.high + self.low) / 2)
    mode = property(lambda self: math.nan * self.high)
    stddev = property(lambda self: (self.high - self.low) / 12**0.5)
    variance = property(lambda self: (self.high - self.low).pow(2) / 12)

    def __init__(self, low: Tensor | float, high: Tensor | float, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """`low` is below `high`."""
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """The interval from `low` to `high`."""
        return constraints.interval(self.low, self.high)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw ``low + u * (high - low)`` with `u` uniform on ``[0, 1)``."""
        u = tl.rand(self._extended_shape(sample_shape), dtype=self.low.dtype)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Any:
        """Return ``-log(high - low)`` inside of the interval and -inf elsewhere."""
        self._check(value)
        inside = (self.low <= value).type_as(self.low) * (self.high > value).type_as(self.low)
        return inside.log() - (self.high - self.low).log()

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        self._check(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Tensor) -> Any:
        """Return the value whose `cdf` is `value`."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Any:
        """Return ``log(high - low)``."""
        return (self.high - self.low).log()
