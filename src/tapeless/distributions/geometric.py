"""The geometric distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from ._logits import ProbsOrLogits
from .utils import broadcast_all, finfo


class Geometric(ProbsOrLogits):
    """The number of failures before the first success, of probability ``probs`` (or log odds ``logits``).

    Raises ValueError unless exactly one of the two is given, and for probabilities of 0.
    See https://docs.pytorch.org/docs/stable/distributions.html#geometric

    >>> import tapeless as tl
    >>> tl.distributions.Geometric(0.25).mean
    tensor(3.)
    """

    support = constraints.nonnegative_integer

    mean = property(lambda self: 1.0 / self.probs - 1.0)
    mode = property(lambda self: tl.zeros_like(self.probs))
    variance = property(lambda self: (1.0 / self.probs - 1.0) / self.probs)

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(self._set_probs_or_logits(probs, logits), validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                f"{self!r} to be positive but found invalid values:\n{value.detach()[~(value > 0)]}"
            )

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw by the inverse of the distribution function."""
        with tl.no_grad():
            u = tl.empty(self._extended_shape(sample_shape), dtype=self.probs.dtype)
            u = u.uniform_(finfo(self.probs).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the probability."""
        self._check(value)
        value, probs = broadcast_all(value, self.probs)
        probs = probs.masked_fill((probs == 1) & (value == 0), 0)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Any:
        """Return the entropy: that of one trial times the mean number of trials."""
        return tl.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
