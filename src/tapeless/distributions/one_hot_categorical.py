"""The categorical distribution as one-hot vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Tensor
from .categorical import Categorical
from .distribution import Distribution


class OneHotCategorical(Distribution):
    """One-hot vectors (..., K), the 1 at places with probabilities in proportion to ``probs`` or ``exp(logits)``.

    Raises ValueError unless exactly one of the two is given.
    See https://docs.pytorch.org/docs/stable/distributions.html#onehotcategorical

    >>> import tapeless as tl
    >>> tl.distributions.OneHotCategorical(tl.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True
    _expanded = ("_categorical",)

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape)
    _param = property(lambda self: self._categorical._param)
    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        self._categorical = Categorical(probs, logits)
        batch_shape, event_shape = self.param_shape[:-1], self.param_shape[-1:]
        super().__init__(batch_shape, event_shape, validate_args=validate_args)

    @property
    def mode(self) -> Any:
        """The most probable vector."""
        return self._one_hot(self.probs.argmax(dim=-1))

    def _one_hot(self, index: Tensor) -> Any:
        return tl.one_hot(index, self.param_shape[-1]).type_as(self._param)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples of shape ``sample_shape + batch_shape + (K,)``."""
        return self._one_hot(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the probability of one-hot vectors."""
        self._check(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Any:
        """Return the sum of ``-p log(p)``."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        """Return all one-hot vectors in dim 0."""
        n = self.event_shape[0]
        values = tl.eye(n, dtype=self._param.dtype).reshape((n, *(1 for _ in self.batch_shape), n))
        return values.expand((n, *self.batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` with the gradient of ``probs`` for the gradient of samples.

    Sources: https://docs.pytorch.org/docs/stable/distributions.html#onehotcategoricalstraightthrough; Bengio et al.,
    "Estimating or propagating gradients through stochastic neurons for conditional computation" (2013).

    >>> import tapeless as tl
    >>> probs = tl.tensor([0.0, 1.0], requires_grad=True)
    >>> tl.distributions.OneHotCategoricalStraightThrough(probs).rsample().requires_grad
    True
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw samples whose gradient is that of the probabilities."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
