"""Mixtures of distributions of one family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _functions as tl, constraints
from ._functions import Size, Tensor
from .categorical import Categorical
from .distribution import Distribution


class MixtureSameFamily(Distribution):
    """A mixture: a categorical distribution chooses one of K components, the last batch dim of another distribution.

    Raises ValueError for distributions of other kinds, and for batches that do not fit.
    See https://docs.pytorch.org/docs/stable/distributions.html#mixturesamefamily

    >>> import tapeless as tl
    >>> D = tl.distributions
    >>> two = D.MixtureSameFamily(D.Categorical(tl.ones(2)), D.Normal(tl.tensor([-1.0, 1.0]), 0.1))
    >>> two.variance
    tensor(1.0100)
    """

    arg_constraints: Any = {}
    has_rsample = False

    mixture_distribution = property(lambda self: self._mixture_distribution)
    component_distribution = property(lambda self: self._component_distribution)

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of torch.distributions.Distribution")
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        self._check_shapes()
        shape = component_distribution.batch_shape[:-1]
        super().__init__(shape, component_distribution.event_shape, validate_args=validate_args)

    def _check_shapes(self) -> None:
        mixture, component = self._mixture_distribution, self._component_distribution
        shape, expected = mixture.batch_shape, component.batch_shape[:-1]
        for a, b in zip(reversed(shape), reversed(expected), strict=False):
            if a != b and 1 not in (a, b):
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({shape}) is not compatible with "
                    f"`component_distribution.batch_shape`({expected})"
                )
        k, components = mixture.logits.shape[-1], component.batch_shape[-1]
        if k != components:
            raise ValueError(
                f"`mixture_distribution component` ({k}) does not equal `component_distribution.batch_shape[-1]` "
                f"({components})"
            )

    def _expand_into(self, new: Any, batch_shape: Size) -> None:
        k = self._mixture_distribution.param_shape[-1]
        new._component_distribution = self._component_distribution.expand((*batch_shape, k))
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        super()._expand_into(new, batch_shape)

    @constraints.dependent_property
    def support(self) -> Any:
        """The support that the components share."""
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def _weights(self) -> Any:
        """The probabilities of the components, with dims for the event."""
        probs = self._mixture_distribution.probs
        return probs.reshape((*probs.shape, *(1 for _ in self._event_shape)))

    def _average(self, values: Tensor) -> Any:
        return (self._weights * values).sum(-1 - len(self._event_shape))

    def _pad(self, x: Tensor) -> Any:
        """Return `x` with a dim for the components."""
        return x.unsqueeze(-1 - len(self._event_shape))

    @property
    def mean(self) -> Any:
        """The mean."""
        return self._average(self._component_distribution.mean)

    @property
    def variance(self) -> Any:
        """The mean of the components' variances plus the variance of their means."""
        component = self._component_distribution
        spread = (component.mean - self._pad(self.mean)).pow(2.0)
        return self._average(component.variance) + self._average(spread)

    def cdf(self, value: Tensor) -> Any:
        """Return the probability of samples of at most `value`."""
        return (self._component_distribution.cdf(self._pad(value)) * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Any:
        """Return the logarithm of the density, or of the probability."""
        self._check(value)
        log_probs = self._component_distribution.log_prob(self._pad(value))
        return (log_probs + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Any:
        """Draw a component and a sample of each component, and take the one that was drawn."""
        with tl.no_grad():
            chosen = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            samples = self._component_distribution.sample(sample_shape)
            dim = len(sample_shape) + len(self._batch_shape)
            index = chosen.reshape((*chosen.shape, 1, *(1 for _ in self._event_shape)))
            index = index.expand((*samples.shape[:dim], 1, *self._event_shape))
            return samples.gather(dim, index).squeeze(dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
