"""Relaxed Bernoulli distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from ._logits import ProbsOrLogits
from .transformed_distribution import TransformedDistribution
from .transforms import SigmoidTransform
from .utils import broadcast_all, clamp_probs


class LogitRelaxedBernoulli(ProbsOrLogits):
    """The logits of `RelaxedBernoulli` samples.

    Sources: https://docs.pytorch.org/docs/stable/distributions.html#logitrelaxedbernoulli; Maddison, Mnih and Teh,
    "The concrete distribution" (2017), https://arxiv.org/abs/1611.00712.

    >>> import tapeless as tl
    >>> LogitRelaxedBernoulli(tl.tensor(2.0), tl.tensor([0.1, 0.9])).batch_shape
    torch.Size([2])
    """

    support = constraints.real
    has_rsample = True
    _shared = ("temperature",)

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(self._set_probs_or_logits(probs, logits), validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw logits that are differentiable in the parameters."""
        shape = self._extended_shape(sample_shape)
        probs = clamp_probs(self.probs.expand(shape))
        u = clamp_probs(tl.rand(shape, dtype=probs.dtype))
        return (u.log() - (-u).log1p() + probs.log() - (-probs).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density."""
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        diff = logits - value * self.temperature
        return self.temperature.log() + diff - 2 * diff.exp().log1p()


class RelaxedBernoulli(TransformedDistribution):
    """Numbers in (0, 1) near 0 and 1, the nearer the lower ``temperature``: Bernoulli samples with gradients.

    Given by ``probs`` or ``logits``. Raises ValueError unless exactly one of the two is given.
    Sources: https://docs.pytorch.org/docs/stable/distributions.html#relaxedbernoulli; Maddison, Mnih and Teh, "The
    concrete distribution" (2017), https://arxiv.org/abs/1611.00712.

    >>> import tapeless as tl
    >>> tl.distributions.RelaxedBernoulli(tl.tensor(2.0), tl.tensor([0.1, 0.9])).sample().shape
    torch.Size([2])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    temperature = property(lambda self: self.base_dist.temperature)
    probs = property(lambda self: self.base_dist.probs)
    logits = property(lambda self: self.base_dist.logits)

    def __init__(
        self,
        temperature: Tensor,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits)
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)
